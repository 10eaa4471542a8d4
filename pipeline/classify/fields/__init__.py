"""Index fields: patient, date of service and other values that a page states, each with the boxes of its
words and a calibrated confidence.

label_keys, label_surroundings, labels: find field labels (config/fields.toml), allowing for OCR errors.
label_values: the words that may be the value of a label, to its right, below it, or above a caption.
value_parsers, date_parsing, name_parsing, identifiers, page_zones, codes: recognize and normalize values.
other_people: labels of relatives and organizations.
addressograph, unlabeled_values: cards, stickers, banners and letters without labels.
field_candidates, candidate_evidence: every value that a page offers for a field, with its evidence.
confidence: the probability that a candidate is correct.
field_selection, date_selection: one value for each field of a document, and issues if its pages disagree.
date_order: the order of day and month.
"""

from __future__ import annotations

from pipeline.classify.fields.field_candidates import FieldCandidate, find_candidates
from pipeline.classify.fields.field_selection import FieldResults, find_fields, select_fields

__all__ = ["FieldCandidate", "FieldResults", "find_candidates", "find_fields", "select_fields"]
