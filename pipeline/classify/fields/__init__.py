"""Index fields: patient, date of service and other values that a page states, each with the boxes of its
words and a calibrated confidence.

labels            find field labels on a page (config/fields.toml), allowing for OCR errors label_values
the words that may be the value of a label: to its right, or below it in a table or boxed form date_parsing,
name_parsing, identifiers, page_zones, codes   recognize and normalize the values of each kind of field
addressograph     a patient card that has no labels field_candidates  every value that a page offers for a
field, with its evidence confidence        the probability that a candidate is correct field_selection   one
value for each field of a document: agreement across its pages, and issues if they disagree
"""

from __future__ import annotations

from pipeline.classify.fields.field_candidates import FieldCandidate, find_candidates
from pipeline.classify.fields.field_selection import FieldResults, find_fields, select_fields

__all__ = ["FieldCandidate", "FieldResults", "find_candidates", "find_fields", "select_fields"]
