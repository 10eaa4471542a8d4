"""Compare a patient with the person named on a document, and require a reason for filing against the page.

The comparison is the one that finds the candidates. The values are those of the form, so a value that the
reviewer has corrected counts as corrected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.config import MatchingSettings, document_types
from pipeline.errors import InvalidInput
from pipeline.index.document_actions import no_such_patient
from pipeline.index.double_entry import entries_of
from pipeline.index.machine_result import CandidateJson, candidates_json
from pipeline.matching.decision_rules import (
    DECEASED,
    FULL_AGREEMENT,
    MRN_OF_ANOTHER,
    UNKNOWN_PATIENT,
    agreeing_identifiers,
    candidate_probabilities,
    contradicting_fields,
    levels_by_field,
)
from pipeline.matching.document_matching import person_from_fields
from pipeline.matching.person import Person
from pipeline.matching.weights import score_match
from pipeline.patients.candidates import candidate_from_row, mrn_holders, name_frequencies, person_from_row
from pipeline.records import Candidate, PatientRef, Reason
from pipeline.store.database import Connection
from pipeline.web.auth.request_context import RequestContext
from pipeline.web.rendering import field_label
from pipeline.web.review.review_item import (
    SQL,
    DocumentRow,
    FieldValue,
    ReviewItem,
    Row,
    field_values,
    hidden_fields,
    open_item_id,
    waterfall,
)


class ReasonRequired(InvalidInput):
    """The decision contradicts the page, or removes a required value, and no reason was given."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message, remedy, "reason_required")


def person_on_document(values: Sequence[FieldValue], typed: Mapping[str, str] | None = None) -> Person:
    """Return the person named by a document's values.

    Args:
        values: The current values.
        typed: Values by field name that replace them, dates in ISO form.
    """
    fields: dict[str, tuple[str, float]] = {}
    for name, text in ({value.name: value.value for value in values} | dict(typed or {})).items():
        if text.strip():
            fields[name] = (text.strip(), 1.0)
    for value in values:  # a value that no person has changed is as certain as it was read
        if value.name in fields and value.confidence is not None and fields[value.name][0] == value.machine:
            fields[value.name] = (value.machine, value.confidence)
    return person_from_fields(fields)


def compare_patient(
    connection: Connection, person: Person, patient: int, settings: MatchingSettings
) -> Candidate:
    """Return a patient in the index as a candidate for this person, whatever the evidence.

    The probability is that of the patient alone, without the other candidates.

    Raises:
        InvalidInput: There is no such patient.
    """
    row = connection.execute(SQL["patient_to_compare"], {"id": patient}).fetchone()
    if row is None:
        raise no_such_patient(patient)
    record = person_from_row(row)
    frequencies = name_frequencies(connection, [person, record])
    score = score_match(person, record, frequencies, settings.weights)
    (probability,) = candidate_probabilities(
        [score], max(frequencies.size, settings.min_population), settings
    )
    return candidate_from_row(row, score, probability, mrn_holders(connection, person.mrn))


def candidate_from_json(stored: CandidateJson) -> Candidate:
    """Return a stored candidate without its record."""
    return Candidate(
        patient=PatientRef(**stored["patient"]),
        probability=stored["probability"],
        weight=stored["weight"],
        reasons=tuple(Reason(**reason) for reason in stored["reasons"]),
    )


def contradictions(candidate: Candidate) -> list[Reason]:
    """Return the evidence that contradicts a candidate.

    A different sex does not count if name, birth date and MRN all agree: it is an error in the text or the
    index. A printed MRN that is another patient's counts."""
    fields = set(contradicting_fields(candidate))
    if set(agreeing_identifiers(levels_by_field(candidate))) >= FULL_AGREEMENT:
        fields.discard("sex")
    return [
        reason
        for reason in candidate.reasons
        if reason.code.partition(":")[0] in fields or reason.code == MRN_OF_ANOTHER
    ]


def candidate_view(candidate: Candidate | CandidateJson) -> Row:
    """Return a candidate as the templates show it: the stored keys, the `bars` of its waterfall chart, the
    date in `died` if the patient has died, and the details of its `contradictions`.
    """
    if isinstance(candidate, Candidate):
        (stored,) = candidates_json([candidate])
    else:
        stored, candidate = candidate, candidate_from_json(candidate)
    died = next((reason.detail for reason in candidate.reasons if reason.code == DECEASED), None)
    against = [reason.detail for reason in contradictions(candidate)]
    return {**stored, "bars": waterfall(stored), "died": died, "contradictions": against}


def split_candidates(item: ReviewItem) -> tuple[list[Row], list[Row]]:
    """Return the item's likely candidates and its unlikely ones, as stored when the item was opened.

    If no patient in the index is likely, all are unlikely: no key should choose one of them."""
    candidates = [candidate_view(candidate) for candidate in item.candidates]
    is_unknown = any(reason["code"] == UNKNOWN_PATIENT for reason in item.reasons)
    return ([], candidates) if is_unknown else (candidates, [])


def removed_required_fields(
    values: Sequence[FieldValue], typed: Mapping[str, str], document_type: str
) -> list[str]:
    """Return the fields that the type requires and whose value the person has removed."""
    chosen = document_types().get(document_type)
    current = {value.name: value.value for value in values}
    return [
        name
        for name in (chosen.required_fields if chosen else ())
        if current.get(name) and not typed.get(name, current[name]).strip()
    ]


def agreed_values(context: RequestContext, document: int) -> dict[str, str]:
    """Return the values on which two people agree, which are filed whatever the form says."""
    item = open_item_id(context.connection, document) if context.app.settings.web.double_entry else None
    return {} if item is None else entries_of(context.connection, item).agreed or {}


def check_filing(
    context: RequestContext,
    document: DocumentRow,
    *,
    patient: int,
    type: str,
    fields: Mapping[str, str],
    note: str,
) -> None:
    """Check that a filing agrees with the page, or that the note says why it does not.

    Args:
        context: The request.
        document: The document to file.
        patient: ID of the patient.
        type: Key of the document type.
        fields: The values of the form, dates in ISO form.
        note: The reason; any text is enough.

    Raises:
        ReasonRequired: The patient contradicts the page or a required value was removed, and there is no
            note.
        InvalidInput: There is no such patient.
    """
    if hidden_fields(context, document.id):
        return  # the values are still typed blind: filing is refused, and a comparison would disclose them
    values = field_values(context.connection, document)
    fields = {**fields, **agreed_values(context, document.id)}
    person = person_on_document(values, fields)
    candidate = compare_patient(context.connection, person, patient, context.app.settings.matching)
    if note.strip():
        return
    against = contradictions(candidate)
    if against:
        details = "; ".join(reason.detail for reason in against)
        raise ReasonRequired(
            f"This patient contradicts the page: {details}.",
            "Choose another patient, or state why this patient is correct.",
        )
    removed = removed_required_fields(values, fields, type)
    if removed:
        names = ", ".join(field_label(name) for name in removed)
        raise ReasonRequired(
            f"This document type requires a value that was removed: {names}.",
            "Enter the value again, or state why it was removed.",
        )
