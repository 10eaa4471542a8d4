"""Document types: titles on the page, words in the text, unknown kinds of text, calibration."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

from pipeline.classify import type_model as models
from pipeline.classify.section_structure import structure_features
from pipeline.classify.text_features import extract_features, find_headings
from pipeline.classify.titles import find_title
from pipeline.classify.training.metrics import Prediction, calibration_error, compute_metrics, threshold_for
from pipeline.classify.training.ocr_noise import misread
from pipeline.classify.training.type_fit import fit_belief, fit_novelty
from pipeline.classify.training.type_training import MIN_THRESHOLD, TITLE_ONLY_THRESHOLD, type_thresholds
from pipeline.classify.type_model import (
    ALWAYS_KNOWN,
    allow_unknown,
    apply_belief,
    load_model,
    save_model,
    unknown_probability,
)
from pipeline.classify.types import classify, merge_filing_types, predict_types, type_threshold
from pipeline.config import document_types
from pipeline.errors import ConfigurationError
from pipeline.records import OcrPage, TypeGuess
from pipeline.resources import model_path
from pipeline.synthetic import document, patients, style_for, typeset

PEOPLE = patients(60, 21)
OPERATION = """PREOPERATIVE DIAGNOSIS: Gallstones.
POSTOPERATIVE DIAGNOSIS: Same.
PROCEDURE PERFORMED: Laparoscopic cholecystectomy.
ANESTHESIA: General endotracheal.
ESTIMATED BLOOD LOSS: Minimal.
DESCRIPTION OF PROCEDURE: The patient was brought to the operating room and placed supine on the table.
The abdomen was prepped and draped in sterile fashion. A trocar was placed at the umbilicus and the
gallbladder was dissected off the liver bed. The cystic duct was clipped and divided. Counts were
correct and the fascia was closed with Vicryl."""


def pages_of(kind: str, seed: int, *, title: str | None = None) -> list[OcrPage]:
    rng = random.Random(seed)
    sample = document(rng, kind, rng.choice(PEOPLE))
    printed = typeset(rng, sample, style_for(rng, kind))
    return [OcrPage(number=n, image=None, text=sheet.text) for n, sheet in enumerate(printed.sheets, 1)]


def test_the_model_has_exactly_the_types_of_the_catalog() -> None:
    assert set(load_model().types) == set(document_types())


def test_an_operation_without_a_title_is_recognized_by_its_words() -> None:
    prediction = classify(OPERATION, explain=True)
    assert prediction.title is None
    assert prediction.guesses[0].type == "operative_report"
    assert prediction.guesses[0].probability > 0.8
    assert any("operating" in words or "preoperative" in words for words in prediction.words[0])


def test_probabilities_are_best_first_and_add_up() -> None:
    guesses = predict_types(OPERATION)
    shares = [g.probability for g in guesses]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("laboratory_report", "CUMULATIVE LABORATORY SUMMARY"),
        ("consent_form", "INFORMED CONSENT"),
        ("nursing_note", "NURSES' PROGRESS RECORD"),
        ("fax_cover", "Fax Transmittal"),
        ("operative_report", "0PERATIVE REP0RT"),
        ("discharge_summary", "DISCHARGE SUMMARY     Page 1 of 3"),
        ("privacy_acknowledgment", "ACKN0WLEDGMENT OF NOT1CE OF PRIVACY PRACTICES"),
    ],
)
def test_a_title_is_found_with_misread_letters_or_with_other_words_on_its_line(kind: str, line: str) -> None:
    title = find_title(f"Northgate Hospital\n{line}\nName: Doe, Jane\nSeen and examined.")
    assert title is not None
    assert title.type == kind


def test_a_heading_of_a_section_is_not_a_title() -> None:
    note = "CHIEF COMPLAINT\ncough\nCURRENT MEDICATIONS\naspirin\nALLERGIES\nnone\nPLAN\nrest"
    assert find_title(note) is None


def test_a_line_far_down_or_a_sentence_is_not_a_title() -> None:
    assert find_title("\n".join(["text goes on and on here"] * 30) + "\nOPERATIVE REPORT") is None
    assert (
        find_title("The operative report was reviewed with the patient and her family at length today.")
        is None
    )


def test_a_title_decides_between_types_with_similar_words() -> None:
    words = (
        "The scope was advanced to the cecum under sedation and a polyp was removed with a snare. "
        "No complications occurred."
    )
    assert predict_types(f"OPERATIVE REPORT\n{words}")[0].type == "operative_report"
    assert predict_types(f"PROCEDURE NOTE\n{words}")[0].type == "procedure_note"


@pytest.mark.parametrize("kind", [k for k in document_types() if k not in ("other", "letter")])
def test_generated_documents_of_each_type_are_mostly_recognized_from_their_pages(kind: str) -> None:
    wanted = document_types()[kind].files_as or kind
    hits = 0
    for seed in range(900, 906):
        pages = pages_of(kind, seed)
        hits += predict_types("\n".join(p.text for p in pages), pages)[0].type == wanted
    assert hits >= 4


def test_a_page_with_almost_no_text_has_no_confident_type() -> None:
    first = predict_types("12 34 signed")[0]
    assert first.type == "other"
    assert first.probability < 0.5


def test_text_of_an_unknown_kind_is_other() -> None:
    recipe = """Peel the apples and slice them thin. Rub butter into flour with sugar and cinnamon until it
    crumbles. Bake in a hot oven for forty minutes until golden and let the dish cool before serving with
    cream. Serves six guests."""
    assert predict_types(recipe)[0].type == "other"


def test_the_probability_of_an_unknown_type_is_taken_from_all_types_and_given_to_other() -> None:
    known = np.log(np.array([0.7, 0.2, 0.1], dtype=np.float32))
    found = np.exp(allow_unknown(known, 0.5, 2))
    assert found == pytest.approx([0.35, 0.1, 0.55], abs=1e-6)


def test_documents_with_low_scores_of_types_that_were_left_out_teach_what_is_unknown() -> None:
    rng = np.random.default_rng(5)
    unknown = rng.random(600) < 0.5
    best = np.where(unknown, rng.normal(-0.7, 0.2, 600), rng.normal(0.5, 0.2, 600)).astype(np.float32)
    novelty = fit_novelty(np.column_stack([best + 1, best]), unknown, np.ones(600, dtype=np.float32))
    assert unknown_probability(np.array([0.6, -1.0], dtype=np.float32), novelty) < 0.05
    assert unknown_probability(np.array([-0.8, -1.0], dtype=np.float32), novelty) > 0.5
    never = np.array(ALWAYS_KNOWN, dtype=np.float32)
    assert unknown_probability(np.array([-0.8, -1.0], dtype=np.float32), never) < 1e-9


def test_a_model_without_knowledge_of_unknown_types_is_still_read(tmp_path: Path) -> None:
    path = tmp_path / "older.npz"
    with np.load(model_path(models.MODEL_FILE), allow_pickle=False) as file:
        np.savez(path, **{name: file[name] for name in file.files if name != "novelty"})
    assert list(models.load_model(path).novelty) == list(ALWAYS_KNOWN)


NOTES = {
    "consultation": """Requested by: Dr. Lang
REASON FOR CONSULTATION: Atrial fibrillation.
Thank you for asking me to see this 71-year-old woman, who noticed palpitations.
PAST MEDICAL HISTORY: Hypertension.
EXAMINATION: Irregular rhythm, lungs clear.
IMPRESSION: Atrial fibrillation with controlled rate.
RECOMMENDATIONS: I would start apixaban. Thank you for this referral.""",
    "emergency_department_note": """Arrival time: 14:05  Mode of arrival: ambulance  Triage level: 3
CHIEF COMPLAINT: Palpitations.
HISTORY OF PRESENT ILLNESS: 71-year-old woman brought by paramedics, onset two hours before arrival.
PHYSICAL EXAMINATION: Irregular rhythm, lungs clear.
ED COURSE: Placed on a monitor, diltiazem given with good response.
CLINICAL IMPRESSION: Atrial fibrillation.
DISPOSITION: Discharged home, return to the ER if worse.""",
    "history_and_physical": """CHIEF COMPLAINT: Palpitations.
HISTORY OF PRESENT ILLNESS: This 71-year-old woman noticed palpitations and is admitted for rate control.
PAST MEDICAL HISTORY: Hypertension.
PAST SURGICAL HISTORY: Appendectomy.
MEDICATIONS: Lisinopril.
ALLERGIES: None.
FAMILY HISTORY: Noncontributory.
SOCIAL HISTORY: Does not smoke.
REVIEW OF SYSTEMS: Otherwise negative.
PHYSICAL EXAMINATION: Irregular rhythm, lungs clear.
ASSESSMENT AND PLAN: Admit to telemetry, start diltiazem.""",
}


@pytest.mark.parametrize("kind", NOTES)
def test_notes_about_the_same_illness_are_told_apart_by_how_they_are_built(kind: str) -> None:
    assert predict_types(NOTES[kind])[0].type == kind


def test_the_structure_of_a_note_names_its_sections_in_order_and_who_asked_for_it() -> None:
    text = NOTES["consultation"]
    found = structure_features(text, find_headings(text))
    assert {"fact asked", "fact no emergency", "has recommendation", "assessment>recommendation"} <= set(
        found
    )
    text = NOTES["emergency_department_note"]
    assert {"fact emergency", "has ed course", "last disposition"} <= set(
        structure_features(text, find_headings(text))
    )


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("invoice", "MEDICAL BILLING INVOICE"),
        ("billing_statement", "STATEMENT OF ACCOUNT"),
        ("claim_form_dental", "ADA Dental Claim Form"),
        ("prescription", "PRESCRIPTION"),
        ("questionnaire", "PATIENT HEALTH QUESTIONNAIRE (PHQ-9)"),
        ("intake_form", "New Patient Intake Form"),
        ("preoperative_assessment", "PRE-OPERATIVE EVALUATION"),
        ("patient_summary", "CONTINUITY OF CARE DOCUMENT"),
        ("ecg", "12-LEAD ELECTROCARDIOGRAM"),
        ("birth_certificate", "CERTIFICATE OF LIVE BIRTH"),
    ],
)
def test_bills_forms_and_certificates_are_recognized_by_their_titles(kind: str, line: str) -> None:
    title = find_title(f"Northgate Hospital\n{line}\nName: Doe, Jane")
    assert title is not None
    assert title.type == kind


def test_fine_types_are_filed_as_the_coarser_one() -> None:
    merged = merge_filing_types(
        (
            TypeGuess(type="outpatient_visit_note", probability=0.6),
            TypeGuess(type="progress_note", probability=0.3),
        )
    )
    assert [guess.type for guess in merged] == ["progress_note"]
    assert merged[0].probability == pytest.approx(0.9)


def test_no_feature_contains_a_digit_so_that_no_number_of_a_patient_is_learned() -> None:
    found = extract_features("MRN: 4471902 DOB 01/02/1950 Phone 555-0134 the patient 44yo male")
    assert not any(c.isdigit() for block in ("w", "s", "f", "e") for detail in found[block] for c in detail)


def test_headings_are_found_at_line_starts_and_within_running_text() -> None:
    found = find_headings(
        "HISTORY OF PRESENT ILLNESS: cough. PAST MEDICAL HISTORY: none.\nFINDINGS\nclear lungs"
    )
    assert [name for name, _ in found] == ["history of present illness", "past medical history", "findings"]
    assert found[2][1] == ["clear", "lungs"]


def test_a_model_survives_saving_and_loading_bit_for_bit(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    save_model(load_model(), path)
    loaded = models.load_model(path)
    assert np.array_equal(loaded.weights, load_model().weights)
    assert classify(OPERATION, model=loaded).guesses == classify(OPERATION).guesses


def test_a_file_that_is_not_a_model_gives_an_error_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    path.write_bytes(b"not a model")
    with pytest.raises(ConfigurationError, match="chartloom train"):
        models.load_model(path)


def test_the_model_contains_no_words() -> None:
    with np.load(model_path(models.MODEL_FILE), allow_pickle=False) as file:
        metadata = json.loads(file[models.METADATA_KEY].tobytes())
        assert {file[name].dtype.kind for name in file.files} <= {"u", "f"}
    assert set(metadata) == {"types", "blocks", "thresholds", "facts"}


def test_misread_text_is_still_recognized() -> None:
    rng = random.Random(4)
    assert predict_types(misread(rng, OPERATION, worst=0.3))[0].type == "operative_report"


def test_a_threshold_is_the_lowest_probability_that_keeps_the_precision() -> None:
    answers = [
        Prediction(id=str(i), truth="a", predicted="a" if i != 5 else "b", probability=1 - i / 10)
        for i in range(10)
    ]
    assert threshold_for(answers, 1.0) == pytest.approx(0.6)
    assert threshold_for(answers, 0.9) == pytest.approx(0.1)
    assert threshold_for([Prediction(id="x", truth="a", predicted="b", probability=0.9)], 0.5) is None


def test_calibration_error_is_the_gap_between_probability_and_accuracy() -> None:
    promised = [
        Prediction(id=str(i), truth="a", predicted="a" if i < 5 else "b", probability=0.9) for i in range(10)
    ]
    assert calibration_error(promised) == pytest.approx(0.4)
    assert compute_metrics(promised).accuracy == 0.5


def test_belief_sets_how_probable_the_best_type_is_and_keeps_the_order_of_all() -> None:
    scores = np.array([0.4, -0.2, -0.9], dtype=np.float32)
    odds = 5 * scores
    for base, expected in ((-2.0, 1 / 3), (0.0, 0.5), (2.0, 0.88)):
        belief = np.array([[base] * 3, [0.0] * 3, [0.0] * 3], dtype=np.float32)
        probabilities = np.exp(apply_belief(scores, odds, belief))
        probabilities /= probabilities.sum()
        assert list(np.argsort(-probabilities)) == [0, 1, 2]
        assert probabilities[0] == pytest.approx(expected, abs=0.01)


def test_a_longer_lead_over_the_next_type_gives_more_confidence() -> None:
    belief = np.array([[0.0] * 2, [3.0] * 2, [0.0] * 2], dtype=np.float32)
    close, far = (np.array([0.5, second], dtype=np.float32) for second in (0.4, -0.9))
    gap = [float(np.subtract(*apply_belief(scores, 3 * scores, belief))) for scores in (close, far)]
    assert gap[0] < gap[1]


def test_belief_learns_which_types_are_often_wrong_when_they_have_the_best_score() -> None:
    rng = np.random.default_rng(3)
    scores = np.where(np.arange(400)[:, None] % 2 == np.arange(2)[None, :], 0.5, -0.5).astype(np.float32)
    labels = ["a" if i % 2 == 0 or rng.random() < 0.4 else "b" for i in range(400)]
    belief = fit_belief(scores, scores, labels, ("a", "b"), [1.0] * len(labels))
    sure = 1 / (1 + np.exp(-(belief[0] + belief[1] * 1.0 + belief[2] * 0.5)))
    assert sure[0] > 0.95
    assert 0.45 < sure[1] < 0.75


def test_a_types_threshold_keeps_its_precision_and_needs_enough_predictions() -> None:
    good = [
        Prediction(id=f"a{i}", truth="letter", predicted="letter", probability=0.3 + i / 100)
        for i in range(60)
    ]
    half = [
        Prediction(id=f"b{i}", truth="letter" if i % 2 else "orders", predicted="orders", probability=0.9)
        for i in range(40)
    ]
    few = [
        Prediction(id=f"c{i}", truth="consent_form", predicted="consent_form", probability=0.9)
        for i in range(5)
    ]
    found = type_thresholds([*good, *half, *few])
    assert found == {"letter": MIN_THRESHOLD, "orders": TITLE_ONLY_THRESHOLD}


def test_for_the_threshold_only_types_near_the_true_one_count_as_correct() -> None:
    def answers(truth: str) -> list[Prediction]:
        return [
            Prediction(id=f"{i}", truth=truth, predicted="procedure_note", probability=0.9) for i in range(40)
        ]

    assert type_thresholds(answers("operative_report")) == {"procedure_note": 0.9}
    assert type_thresholds(answers("consultation")) == {"procedure_note": TITLE_ONLY_THRESHOLD}
    assert all(
        key in document_types()[other].near for key, kind in document_types().items() for other in kind.near
    )


def test_a_type_with_too_few_measured_predictions_has_the_default_threshold() -> None:
    assert type_threshold("identity_document", 0.9) == 0.9
    assert all(
        MIN_THRESHOLD <= type_threshold(kind, 0.9) <= TITLE_ONLY_THRESHOLD for kind in document_types()
    )
