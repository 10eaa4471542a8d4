"""Index fields: what a page says about whom and when, each value with its words' boxes and a calibrated
confidence.

labels      the places on a page where a field is announced (config/fields.toml), reading errors forgiven
values      the words that answer a label: to its right, or below it in a table or boxed form
dates, names, numbers, places, codes   what a value of a kind looks like, and its normal form
addressograph  a patient's card without labels
candidates  every value that a page offers, with what speaks for it
choosing    one value for each field of a document, agreement across its pages, doubts where they differ
"""

from __future__ import annotations

from pipeline.classify.fields.field_candidates import Offer, offers_of
from pipeline.classify.fields.field_selection import Findings, choose, find_fields

__all__ = ["Findings", "Offer", "choose", "find_fields", "offers_of"]
