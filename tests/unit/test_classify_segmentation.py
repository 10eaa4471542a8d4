"""Split stacks into documents."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from itertools import count, pairwise, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.classify.boundary_model import boundary_evidence, load_model
from pipeline.classify.page_features import extract_page_features, fax_page_number
from pipeline.classify.page_numbering import printed_order
from pipeline.classify.segmentation import segment_pages
from pipeline.classify.segmentation_dp import best_segmentation
from pipeline.classify.training.boundary_training import (
    EITHER_SIGN,
    BoundaryMetrics,
    add_metrics,
    build_case,
    fit_boundary_model,
)
from pipeline.classify.training.stack_extras import fax_lines
from pipeline.classify.training.synthetic_stacks import generate_stacks
from pipeline.config import load_settings
from pipeline.flow import check_page_accounting
from pipeline.records import Document, OcrPage
from tests.unit.test_classify_fields import page

SETTINGS = load_settings().classify
BODY = ["He was seen in the clinic today and is doing well on the present medicine, without complaints,"] * 40


def first(
    number: int,
    name: str,
    mrn: str,
    *,
    foot: str = "",
    title: str = "PROGRESS NOTE",
    body: Sequence[str] = BODY,
) -> OcrPage:
    head = [
        "Mercy Ridge Hospital",
        f"Patient Name: {name}   MRN: {mrn}",
        "Date of Service: 05/22/2012   Account #: 6080195354",
        title,
    ]
    return page(*head, *body, foot, number=number)


def later(number: int) -> OcrPage:
    return page("and the examination was otherwise as before", *BODY[:30], number=number)


def page_numbers(documents: Sequence[Document]) -> list[tuple[int, ...]]:
    return [document.pages for document in documents]


PAGE_ISSUES = {"unreadable_page", "handwritten_page", "non_text_page", "low_ocr_confidence"}


def page_issues(document: Document) -> set[str]:
    """Return the codes of the issues that concern how pages were read."""
    return {issue.code for issue in document.issues} & PAGE_ISSUES


def test_a_stack_of_two_patients_is_split_at_the_change_of_patient() -> None:
    pages = [first(1, "Aaron Avila", "8906484"), first(2, "Tracey Gardner", "2419826"), later(3)]
    assert page_numbers(segment_pages(pages, SETTINGS).documents) == [(1,), (2, 3)]


def test_printed_page_numbers_hold_a_document_together_although_its_header_is_repeated() -> None:
    pages = [first(n, "Aaron Avila", "8906484", foot=f"Page {n} of 3") for n in (1, 2, 3)]
    pages += [first(4, "Aaron Avila", "8906484", foot="Page 1 of 1")]
    assert page_numbers(segment_pages(pages, SETTINGS).documents) == [(1, 2, 3), (4,)]


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(
            ["Patient: Avila, Aaron   MRN: 8906484     Patient: Gardner, Tracey   MRN: 2419826", *BODY[:9]],
            id="side by side",
        ),
        pytest.param(
            ["Patient: Avila, Aaron", "DOB: 03/04/1950", *BODY[:9], "DOB: 11/21/1967"],
            id="one above the other",
        ),
        pytest.param(
            ["Patient: Avila, Aaron   MRN: 8906484", *BODY[:9], "GARDNER, TRACEY", "MRN: 2419826 F"],
            id="a sticker",
        ),
        pytest.param(["Patient: Avila, Aaron", *BODY[:9], "Patient Name: Tracey Gardner"], id="names alone"),
    ],
)
def test_two_patients_on_one_page_are_an_issue(lines: Sequence[str]) -> None:
    (document,) = segment_pages([page(*lines)], SETTINGS).documents
    assert "mixed_patients" in {issue.code for issue in document.issues}


@pytest.mark.parametrize(
    "line",
    [
        "Patient Name: A. Avila   MRN: 89O6484   DOB: 03/04/1950",
        "Patient ID: 7712   Chart No: 15-20034",
        "Mother's DOB: 05/06/1928   Mother's Name: Ruth Gardner",
        "Insured's Name: Ruth Gardner   Insured's Date of Birth: 05/06/1928",
        "Guarantor: Ruth Gardner   DOB: 05/06/1928",
        "Emergency Contact: Ruth Gardner   DOB: 05/06/1928",
        "Attending Physician: Tracey Gardner, M.D.   Date of Surgery: 05/22/2012",
    ],
)
def test_other_people_and_other_numbers_on_a_page_are_not_a_second_patient(line: str) -> None:
    head = ["Patient Name: Avila, Aaron   MRN: 8906484", "DOB: 03/04/1950   Sex: M", ""]
    (document,) = segment_pages([page(*head, line, *BODY[:20])], SETTINGS).documents
    assert "mixed_patients" not in {issue.code for issue in document.issues}


def numbered(*numbers: int, total: int) -> list[OcrPage]:
    return [
        first(n, "Aaron Avila", "8906484", foot=f"Page {number} of {total}")
        for n, number in enumerate(numbers, 1)
    ]


@pytest.mark.parametrize(
    ("numbers", "total", "code", "detail"),
    [
        ((1, 2), 3, "incomplete_pages", "page 3 is missing here"),
        ((1, 3), 3, "incomplete_pages", "page 2 is missing"),
        ((1, 3, 5, 6, 4, 2), 6, "page_order", "1, 3, 5, 6, 4, 2"),
    ],
)
def test_printed_page_numbers_show_missing_pages_and_a_wrong_order(
    numbers: Sequence[int], total: int, code: str, detail: str
) -> None:
    pages = numbered(*numbers, total=total)
    (document,) = segment_pages(pages, SETTINGS, single_document=True).documents
    assert [(issue.code, detail in issue.detail) for issue in document.issues] == [(code, True)]


def test_complete_page_numbers_in_order_are_no_issue_and_unnumbered_pages_may_be_the_missing_ones() -> None:
    score = first(1, "Aaron Avila", "8906484", foot="(3/5).")
    for pages in (numbered(1, 2, 3, total=3), [*numbered(1, total=2), later(2)], [score]):
        (document,) = segment_pages(pages, SETTINGS, single_document=True).documents
        assert not {"incomplete_pages", "page_order"} & {issue.code for issue in document.issues}


@pytest.mark.parametrize(
    ("feet", "order"),
    [
        (("Page 1 of 4", "Page 3 of 4", "Page 4 of 4", "Page 2 of 4"), (1, 4, 2, 3)),
        (("Page 3 of 3", "", "Page 1 of 3"), (3, 2, 1)),  # the one without a number is the missing one
        (("Page 2 of 2", "", "Page 1 of 2", ""), (3, 4, 1, 2)),  # backs stay behind their fronts
        (("Page 1 of 3", "Page 2 of 3", "Page 2 of 3"), None),
        (("Page 2 of 2", "Page 1 of 3"), None),
        (("", ""), None),
    ],
)
def test_pages_are_put_in_the_order_of_their_printed_numbers_if_these_state_one(
    feet: Sequence[str], order: tuple[int, ...] | None
) -> None:
    pages = [
        extract_page_features(first(n, "Aaron Avila", "8906484", foot=foot)) for n, foot in enumerate(feet, 1)
    ]
    assert printed_order(pages) == order


def test_a_page_without_a_head_after_a_full_page_belongs_to_the_document_before() -> None:
    assert page_numbers(
        segment_pages([first(1, "Aaron Avila", "8906484"), later(2)], SETTINGS).documents
    ) == [(1, 2)]


def test_the_printed_back_of_a_form_belongs_to_it_although_page_one_of_one_precedes_it() -> None:
    back = page("Complete all items and print clearly in ink.", "Send the original to the office.", number=2)
    pages = [
        first(1, "Aaron Avila", "8906484", foot="Page 1 of 1"),
        back,
        first(3, "Tracey Gardner", "2419826"),
    ]
    assert page_numbers(segment_pages(pages, SETTINGS).documents) == [(1, 2), (3,)]


def test_a_page_is_compared_with_the_last_page_that_names_a_patient() -> None:
    pages = [*map(extract_page_features, (first(1, "Aaron Avila", "8906484"), later(2)))]
    other = extract_page_features(first(3, "Tracey Gardner", "2419826"))
    same = extract_page_features(first(3, "Aaron Avila", "8906484"))
    assert boundary_evidence(pages, other, blank_between=False)["mrn_differs_earlier"] == 1.0
    assert boundary_evidence(pages, same, blank_between=False)["mrn_differs_earlier"] == -1.0
    assert "mrn_differs_earlier" not in boundary_evidence(pages[:1], other, blank_between=False)


@pytest.mark.parametrize(
    "line",
    [
        "01/24/2019 11:47 5550163 HIM PAGE 03/05",
        "OAKDALE MEDICAL GROUP Fax:555-0146 01/25/2019 10:30 P. 3/5",
    ],
)
def test_the_page_counter_of_a_fax_is_no_page_number_of_the_document(line: str) -> None:
    features = extract_page_features(page(line, *BODY[:20]))
    assert (features.printed_number, features.fax_number) == (None, 3)
    printed = extract_page_features(page("Printed 01/24/2019 11:47 by user 12  Page 3 of 5", *BODY[:20]))
    assert (printed.printed_number, printed.fax_number) == (3, None)


def test_evidence_that_can_only_be_for_a_new_document_never_counts_against_one() -> None:
    cases = [build_case(stack, generated=True) for stack in generate_stacks(3, seed=3, least=5, most=12)]
    weights = fit_boundary_model(cases)["weights"]
    assert all(weight >= 0 for name, weight in weights.items() if name not in EITHER_SIGN)
    assert weights.keys() >= {"small_print", "head_repeats", "mrn_differs"}


def test_a_generated_fax_counts_its_pages_in_each_transmission() -> None:
    lines = fax_lines(random.Random(2), [2, 1, 3])
    numbers = [fax_page_number(" ".join(word.text for word in line)) for line in lines]
    assert len(numbers) == 6
    assert numbers[0] == 1
    assert all(b in (1, (a or 0) + 1) for a, b in pairwise(numbers))


def test_two_patients_forced_into_one_document_are_an_issue() -> None:
    pages = [
        first(1, "Aaron Avila", "8906484", foot="Page 1 of 2"),
        first(2, "Tracey Gardner", "2419826", foot="Page 2 of 2"),
    ]
    documents = segment_pages(pages, SETTINGS).documents
    assert len(documents) == 2 or "mixed_patients" in {issue.code for issue in documents[0].issues}


def test_a_misread_digit_of_the_record_number_is_not_another_patient() -> None:
    pages = [
        first(1, "Aaron Avila", "8906484", foot="Page 1 of 2"),
        first(2, "Aaron Avila", "8906434", foot="Page 2 of 2"),
    ]
    (document,) = segment_pages(pages, SETTINGS).documents
    assert "mixed_patients" not in {issue.code for issue in document.issues}


def test_an_unreadable_page_stays_in_a_document_with_an_issue() -> None:
    pages = [
        first(1, "Aaron Avila", "8906484"),
        OcrPage(number=2, image=None, problem="The page is damaged."),
    ]
    segmentation = segment_pages(pages, SETTINGS)
    check_page_accounting(pages, segmentation)
    (document,) = (d for d in segmentation.documents if 2 in d.pages)
    assert page_issues(document) == {"unreadable_page"}


def test_a_poorly_read_page_is_an_issue() -> None:
    from dataclasses import replace

    faint = replace(first(1, "Aaron Avila", "8906484"), confidence=0.3)
    assert "low_ocr_confidence" in {
        doubt.code for doubt in segment_pages([faint], SETTINGS).documents[0].issues
    }


def test_a_handwritten_page_and_a_picture_with_little_text_are_issues_with_their_own_codes() -> None:
    from dataclasses import replace

    def codes(content_kind: str, confidence: float) -> set[str]:
        page = replace(first(1, "Aaron Avila", "8906484"), content_kind=content_kind, confidence=confidence)
        return page_issues(segment_pages([page], SETTINGS).documents[0])

    assert codes("handwriting", 0.9) == {"handwritten_page"}
    assert codes("photograph", 0.2) == {"non_text_page"}
    assert codes("drawing", 0.95) == codes("form", 0.95) == set()


def test_a_scan_of_blank_pages_has_no_documents_and_an_empty_scan_nothing() -> None:
    blank = segment_pages([OcrPage(number=n, image="0", blank=True) for n in (1, 2)], SETTINGS)
    assert (blank.documents, blank.blank) == ((), (1, 2))
    assert segment_pages([], SETTINGS).documents == ()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_the_best_segmentation_is_the_best_of_all_and_a_documents_probability_is_its_share(
    starts: list[float],
) -> None:
    starts = [1.0, *(min(max(p, 0.001), 0.999) for p in starts[1:])]
    weights = {}
    for bits in range(2 ** (len(starts) - 1)):
        chosen = [True, *(bool(bits >> i & 1) for i in range(len(starts) - 1))]
        weights[tuple(chosen)] = math.prod(
            p if c else 1 - p for c, p in zip(chosen[1:], starts[1:], strict=True)
        )
    found = best_segmentation(starts, lambda _: repeat(0.0))
    begins = {a for a, _, _ in found}
    best = tuple(i in begins for i in range(len(starts)))
    assert weights[best] == pytest.approx(max(weights.values()), rel=1e-6)
    a, b, probability = found[0]
    share = sum(
        w for c, w in weights.items() if not any(c[a + 1 : b + 1]) and (b + 1 == len(c) or c[b + 1])
    ) / sum(weights.values())
    assert probability == pytest.approx(share, abs=1e-6)


def test_inconsistent_documents_are_split_even_if_the_evidence_at_each_page_is_against_it() -> None:
    assert [(a, b) for a, b, _ in best_segmentation([1.0, 0.3, 0.3], lambda _: count(0.0, 5.0))] == [
        (0, 0),
        (1, 1),
        (2, 2),
    ]


def test_generated_stacks_that_were_not_trained_on_are_split_well_and_no_patients_are_mixed_undetected() -> (
    None
):
    metrics = BoundaryMetrics()
    for stack in generate_stacks(6, seed=977, least=5, most=20):
        case = build_case(stack, generated=True)
        add_metrics({"bias": load_model().bias, "weights": load_model().weights}, case, metrics)
    assert metrics.as_dict()["boundary_f1"] >= 0.97
    assert metrics.mixed_undetected == 0


def test_every_page_of_a_generated_stack_is_accounted_for() -> None:
    for stack in generate_stacks(2, seed=5, least=5, most=8):
        check_page_accounting(stack.pages, segment_pages(stack.pages, SETTINGS))
