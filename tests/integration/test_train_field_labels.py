"""The calibration of confidences learns from the index fields that reviewers kept or corrected."""

from __future__ import annotations

import pytest

from pipeline.classify.training.field_training import (
    FieldOutcome,
    evaluate_case,
    fit_calibration,
    fit_calibration_table,
    mean_log_loss,
)
from pipeline.classify.training.reviewer_labels import confirmed_fields
from pipeline.index import document_actions
from tests.integration.test_review_decisions import context_of
from tests.support.hospital import Hospital

ANSWERS = {
    "patient_name": "Okafor, Martha",
    "dob": "1956-08-03",
    "date_of_service": "2026-03-15",
    "mrn": "10012345",
}


def test_a_kept_value_is_correct_a_changed_one_is_wrong_and_a_deleted_one_is_not_on_the_page(
    hospital: Hospital,
) -> None:
    item = hospital.uncertain_item()
    assert list(confirmed_fields(hospital.connection)) == []
    values = ANSWERS | {"dob": ""}
    document_actions.file_document(
        hospital.connection,
        context_of(hospital, item),
        patient=hospital.patient_ids[0],
        type="discharge_summary",
        fields=values,
    )
    (case,) = confirmed_fields(hospital.connection)
    assert case.truth == values | {"dob": None}
    assert [page.number for page in case.pages] == [1, 2]
    verdicts = {
        answer.field: (answer.printed, answer.confidence is not None, answer.correct)
        for answer in evaluate_case(case)
    }
    assert verdicts["patient_name"] == (True, True, True)
    assert verdicts["date_of_service"] == (True, True, False)
    assert verdicts["dob"] == (False, True, False)
    assert verdicts["mrn"] == (True, False, False)


def test_documents_that_were_filed_automatically_are_not_used(hospital: Hospital) -> None:
    hospital.filed_document()
    assert list(confirmed_fields(hospital.connection)) == []


def test_corrections_lower_the_confidence_from_generated_documents() -> None:
    generated = [FieldOutcome("date_of_service", True, 0.9, correct=number % 50 > 0) for number in range(200)]
    corrected = [FieldOutcome("date_of_service", True, 0.9, correct=number % 2 > 0) for number in range(60)]
    before, after = fit_calibration(generated), fit_calibration_table(generated, corrected)
    assert mean_log_loss(after, corrected) < mean_log_loss(before, corrected)
    assert mean_log_loss(after, corrected) == pytest.approx(0.693, abs=0.01)
