"""Choose a document's index fields together with its patient: the values that the patient's record explains,
each where it is printed. Other fields stay as they were read.
"""

from __future__ import annotations

from dataclasses import replace

from pipeline.matching.decision_rules import contradicting_fields
from pipeline.matching.person import normalize_name
from pipeline.matching.person_names import spelling_level
from pipeline.matching.printed_names import MISREAD_SUFFIXES
from pipeline.records import Candidate, Document, Field, PersonRecord, PrintedFact

EXPLAINED_FIELDS = ("patient_name", "dob", "mrn")
EXPLAINED_CONFIDENCE = 0.99
"""Confidence of a value that the record of a certain patient explains: as high as that of the record number
of a cover sheet.
"""


def with_patient_fields(document: Document, best: Candidate, threshold: float) -> Document:
    """Return the document with the values that the best candidate's record explains.

    A candidate below the threshold, or one that a value contradicts, explains nothing.
    """
    if best.probability < threshold or next(contradicting_fields(best), None):
        return document
    explained = [
        _explained_field(fact, best.person) for fact in best.printed if fact.field in EXPLAINED_FIELDS
    ]
    names = {field.name for field in explained}
    kept = [field for field in document.fields if field.name not in names]
    fields = sorted((*kept, *explained), key=lambda field: field.name)
    return replace(document, fields=tuple(fields))


def _explained_field(fact: PrintedFact, record: PersonRecord | None) -> Field:
    value = fact.value
    if fact.field == "patient_name" and record is not None:
        value = " ".join(_as_in_record(word, record) for word in value.split())
    return Field(name=fact.field, value=value, page=fact.page, box=fact.box, confidence=EXPLAINED_CONFIDENCE)


def _as_in_record(word: str, record: PersonRecord) -> str:
    """Return a word of a name, in the record's spelling if it differs only by look-alike letters."""
    printed = normalize_name(word) or ""
    if record.suffix and MISREAD_SUFFIXES.get(printed) == normalize_name(record.suffix):
        return record.suffix
    for name in (record.given, record.middle, record.family):
        for part in (name or "").split():
            if printed and spelling_level(printed, normalize_name(part) or "") == "misread":
                return part.upper() if word.isupper() else part
    return word
