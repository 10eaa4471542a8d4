"""Why an item waits, in words: every reason that a stage gives has a sentence and says what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import pipeline
from pipeline.web.review.review_reasons import ADVICE, all_told, told

NOT_IN_THE_QUEUE = {
    "filed_alone",
    "filed_by_manifest",
    "agreeing",
    "no_third_identifier",
    "no_given_name",
    "page_reduced",
}
"""Reasons of documents that were filed, of pairs of records, and notes."""


def codes_given() -> set[str]:
    """The codes that the stages write out, and those that they put together."""
    stages = [
        Path(pipeline.__file__).parent / name
        for name in ("ingest", "classify", "matching", "patients", "index", "archive", "web")
    ]
    sources = "\n".join(file.read_text() for stage in stages for file in stage.rglob("*.py"))
    return set(re.findall(r'Reason\(\s*code="(\w+)"', sources)) | {
        "mrn_of_another",
        "person_reopened",
        "dob_contradicts",
    }


def test_every_reason_that_a_stage_gives_says_what_to_do() -> None:
    given = codes_given() - NOT_IN_THE_QUEUE
    assert len(given) > 15
    assert [code for code in given if code not in ADVICE and not code.endswith("_contradicts")] == []
    assert all(do.endswith(".") and what[-1:] in ("", ".") for what, do in ADVICE.values())


@pytest.mark.parametrize(
    ("code", "detail"),
    [
        ("below_threshold", "The probability 0.98738 is below 0.999"),
        ("type_uncertain", "Its type is not sure (62%)."),
        ("split_uncertain", "It is not sure where this document begins and ends (41%)."),
        ("dob_contradicts", "Date of birth speaks against this patient"),
    ],
)
def test_the_figures_are_the_machines_and_the_sentence_is_for_a_person(code: str, detail: str) -> None:
    one = told({"code": code, "detail": detail, "weight": 3.25})
    assert not re.search(r"\d", one.what + one.do)
    assert one.machine == f"{detail} (+3.2 bits)"


def test_a_reason_that_nobody_has_words_for_is_told_in_the_machines() -> None:
    one = told({"code": "new_reason", "detail": "The paper is blue.", "weight": None})
    assert (one.what, one.machine) == ("The paper is blue.", "The paper is blue.")
    assert one.do


def test_doubts_that_ask_for_the_same_stand_together_each_once() -> None:
    codes = ("below_threshold", "type_uncertain", "one_identifier", "type_uncertain")
    shown = all_told({"code": code, "detail": "", "weight": None} for code in codes)
    assert [len(whats) for whats, _ in shown] == [2, 1]
