"""What the software answered about a document, as JSON: kept with the document and never changed
afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from pipeline.records import Candidate, Field, Filed, Filing, PatientRef, TypeGuess
from pipeline.store.page_json import reasons_json, storable


def answer_json(filing: Filing) -> dict[str, Any]:
    """The whole answer: cut, type, fields, patient and the evidence for each."""
    document = filing.document
    return {
        "status": "filed" if isinstance(filing, Filed) else "review",
        "pages": document.pages,
        "probability": document.probability,
        "type": document.type,
        "type_probability": document.type_probability,
        "alternatives": [guess_json(guess) for guess in document.alternatives],
        "fields": [field_json(field) for field in document.fields],
        "patient": patient_json(filing.patient) if isinstance(filing, Filed) else None,
        "match_probability": filing.probability,
        "reasons": reasons_json(filing.reasons),
        "doubts": reasons_json(document.doubts),
        "candidates": candidates_json(filing.candidates),
    }


def candidates_json(candidates: Iterable[Candidate]) -> list[dict[str, Any]]:
    """The candidates as the review shows them, best first."""
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


def guess_json(guess: TypeGuess) -> dict[str, Any]:
    """A type and its probability."""
    return {"type": guess.type, "probability": guess.probability}


def field_json(field: Field) -> dict[str, Any]:
    """A field's value and where it stands."""
    return {
        "name": field.name,
        "value": storable(field.value),
        "page": field.page,
        "box": field.box,
        "confidence": field.confidence,
    }


def patient_json(patient: PatientRef) -> dict[str, Any]:
    """A patient's id and MRN."""
    return {"id": patient.id, "mrn": patient.mrn}
