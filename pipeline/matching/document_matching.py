"""Decide on a document's filing: the person named in its fields, and the decision on the candidates."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from pipeline.config import Settings
from pipeline.matching.decision_rules import decide_match
from pipeline.matching.patient_fields import with_patient_fields
from pipeline.matching.person import Person, normalize_name, person_from_record
from pipeline.matching.printed_names import parse_name
from pipeline.matching.printed_reasons import printed_reasons
from pipeline.records import Candidate, Document, Filed, Filing, NeedsReview, Reason

RECORD_KEYS_BY_FIELD = {
    "dob": "dob", "mrn": "mrn", "sex": "sex", "ssn": "ssn", "phone": "phone", "patient_phone": "phone",
    "address": "address", "patient_address": "address", "city": "city", "state": "state", "zip": "zip",
    "medicaid": "medicaid",
}  # fmt: skip
"""Document fields about the patient, and their record keys."""
IDENTIFYING_FIELDS = ("patient_name", "dob", "mrn", "ssn")


def person_from_document(document: Document, placeholder_names: Collection[str] = ()) -> Person:
    """Return the patient's data from the document's fields, with the confidence of each.

    Args:
        document: the document.
        placeholder_names: names that the hospital writes for an unknown name (`classify.placeholder_names`).
    """
    fields = {name: document.field(name) for name in ("patient_name", *RECORD_KEYS_BY_FIELD)}
    person = person_from_fields(
        {name: (field.value, field.confidence) for name, field in fields.items() if field}
    )
    placeholders = {normalize_name(name) for name in placeholder_names}
    return replace(
        person,
        given=None if person.given in placeholders else person.given,
        family=None if person.family in placeholders else person.family,
    )


def person_from_fields(fields: Mapping[str, tuple[str, float]]) -> Person:
    """Return the patient's data from {field: (value, confidence)}."""
    record: dict[str, object] = {}
    confidence: dict[str, float] = {}
    if "patient_name" in fields:
        name, name_confidence = fields["patient_name"]
        record |= parse_name(name)
        confidence |= dict.fromkeys(("given", "family", "middle", "suffix"), name_confidence)
    for name_of_field, key in RECORD_KEYS_BY_FIELD.items():
        if name_of_field in fields:
            record[key], confidence["home" if key == "address" else key] = fields[name_of_field]
    return person_from_record(record, confidence=confidence)


def decide(document: Document, candidates: Sequence[Candidate], settings: Settings) -> Filing:
    """File the document automatically if its patient is certain and the document has no issues; otherwise
    return the reasons for a review."""
    service = document.field("date_of_service")
    verdict = decide_match(candidates, settings.matching, service.value if service else None)
    probability = candidates[0].probability if candidates else None
    against = verdict.reasons if verdict.decision != "match" else ()
    if candidates:
        document = with_patient_fields(document, candidates[0], settings.matching.threshold)
        if verdict.decision == "match":
            against = tuple(printed_reasons(candidates[0], candidates[1:]))
    doubts = (*missing_patient_reasons(document), *against, *document.issues)
    if doubts or verdict.best is None or probability is None:
        return NeedsReview(
            document=document, probability=probability, candidates=tuple(candidates), reasons=tuple(doubts)
        )
    return Filed(
        document=document,
        patient=verdict.best.patient,
        probability=probability,
        candidates=tuple(candidates),
        reasons=(*verdict.reasons, *verdict.best.reasons),
    )


def missing_patient_reasons(document: Document) -> Iterator[Reason]:
    """Yield a reason if the document has no patient identifiers, which differs from an unknown patient."""
    if not any(document.field(name) for name in IDENTIFYING_FIELDS):
        yield Reason(code="no_patient_named", detail="The document does not name its patient")
