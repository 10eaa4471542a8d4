"""The software's result for a document, as JSON: stored with the document and never changed afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, Literal, TypedDict

from pipeline.records import Candidate, Field, Filed, Filing, PatientRef, TypeGuess
from pipeline.store.page_json import ReasonJson, reasons_json, storable

MACHINE_RESULT_VERSION = 1
"""Raised when the shape of MachineResult changes; SQL reads its keys type, type_probability, alternatives,
candidates and reasons."""


class TypeGuessJson(TypedDict):
    """A document type and its probability."""

    type: str
    probability: float


class FieldJson(TypedDict):
    """A field's value and its position."""

    name: str
    value: str
    page: int
    box: Iterable[int]
    confidence: float


class PatientJson(TypedDict):
    """A patient's ID and MRN."""

    id: int
    mrn: str | None


class CandidateJson(TypedDict):
    """A candidate of the column review_item.candidates, and of the result."""

    patient: PatientJson
    probability: float
    weight: float
    reasons: list[ReasonJson]
    person: dict[str, Any] | None


class MachineResult(TypedDict):
    """The column document.machine_result."""

    version: int
    status: Literal["filed", "review"]
    pages: Iterable[int]
    probability: float
    type: str
    type_probability: float
    alternatives: list[TypeGuessJson]
    fields: list[FieldJson]
    patient: PatientJson | None
    match_probability: float | None
    reasons: list[ReasonJson]
    issues: list[ReasonJson]
    candidates: list[CandidateJson]


def machine_result(filing: Filing) -> MachineResult:
    """Return the complete result: split, type, fields, patient and the evidence for each."""
    document = filing.document
    return {
        "version": MACHINE_RESULT_VERSION,
        "status": "filed" if isinstance(filing, Filed) else "review",
        "pages": document.pages,
        "probability": document.probability,
        "type": document.type,
        "type_probability": document.type_probability,
        "alternatives": [type_guess_json(guess) for guess in document.alternatives],
        "fields": [field_json(field) for field in document.fields],
        "patient": patient_json(filing.patient) if isinstance(filing, Filed) else None,
        "match_probability": filing.probability,
        "reasons": reasons_json(filing.reasons),
        "issues": reasons_json(document.issues),
        "candidates": candidates_json(filing.candidates),
    }


def candidates_json(candidates: Iterable[Candidate]) -> list[CandidateJson]:
    """Return the candidates, best first, as the review shows them."""
    return [
        {
            "patient": patient_json(c.patient),
            "probability": c.probability,
            "weight": c.weight,
            "reasons": reasons_json(c.reasons),
            "person": asdict(c.person) if c.person else None,
        }
        for c in candidates
    ]


def type_guess_json(guess: TypeGuess) -> TypeGuessJson:
    """Return a type and its probability."""
    return {"type": guess.type, "probability": guess.probability}


def field_json(field: Field) -> FieldJson:
    """Return a field's value and its position."""
    return {
        "name": field.name,
        "value": storable(field.value),
        "page": field.page,
        "box": field.box,
        "confidence": field.confidence,
    }


def patient_json(patient: PatientRef) -> PatientJson:
    """Return a patient's ID and MRN."""
    return {"id": patient.id, "mrn": patient.mrn}
