"""Review reasons in words: every reason that a stage gives has a sentence and says what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import pipeline
from pipeline.web.review.review_reasons import ADVICE, group_reasons, reason_text

NOT_IN_THE_QUEUE = {
    "auto_filed",
    "filed_from_legacy_index",
    "agreeing",
    "no_third_identifier",
    "no_given_name",
    "page_downscaled",
}
"""Reasons of filed documents and of pairs of records, and notes."""


def codes_of_stages() -> set[str]:
    """The codes that appear in the stages' sources, and those that the stages compose."""
    stages = [
        Path(pipeline.__file__).parent / name
        for name in ("ingest", "classify", "matching", "patients", "index", "archive", "web")
    ]
    sources = "\n".join(file.read_text() for stage in stages for file in stage.rglob("*.py"))
    return set(re.findall(r'Reason\(\s*code="(\w+)"', sources)) | {
        "mrn_belongs_to_other_patient",
        "manually_reopened",
        "dob_contradicts",
    }


def test_every_reason_that_a_stage_gives_says_what_to_do() -> None:
    codes = codes_of_stages() - NOT_IN_THE_QUEUE
    assert len(codes) > 15
    assert [code for code in codes if code not in ADVICE and not code.endswith("_contradicts")] == []
    assert all(advice.endswith(".") and problem[-1:] in ("", ".") for problem, advice in ADVICE.values())


@pytest.mark.parametrize(
    ("code", "detail"),
    [
        ("below_threshold", "The probability 0.98738 is below 0.999"),
        ("type_uncertain", "Its type is uncertain (62%)."),
        ("split_uncertain", "Where this document begins and ends is uncertain (41%)."),
        ("dob_contradicts", "Date of birth contradicts this patient"),
    ],
)
def test_the_sentences_contain_no_numbers_and_the_detail_keeps_them(code: str, detail: str) -> None:
    text = reason_text({"code": code, "detail": detail, "weight": 3.25})
    assert not re.search(r"\d", text.problem + text.advice)
    assert text.detail == f"{detail} (+3.2 bits)"


def test_a_reason_without_words_of_its_own_is_shown_with_its_detail() -> None:
    text = reason_text({"code": "new_reason", "detail": "The paper is blue.", "weight": None})
    assert (text.problem, text.detail) == ("The paper is blue.", "The paper is blue.")
    assert text.advice


def test_problems_with_the_same_advice_are_grouped_and_each_is_shown_once() -> None:
    codes = ("below_threshold", "type_uncertain", "insufficient_identifiers", "type_uncertain")
    groups = group_reasons({"code": code, "detail": "", "weight": None} for code in codes)
    assert [len(problems) for problems, _ in groups] == [2, 1]
