"""Calibrates the confidences of index fields on documents whose truth is known: generated ones, scans with
their truth, and documents that a person has filed (training/corrections.py).

A field's raw confidence is turned into the share of values right at that confidence (see calibration.py). Run
by `chartloom train-fields`; nothing of it is needed later."""

from __future__ import annotations

import math
import random
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.classify.fields.confidence import log_odds, calibrated_confidence
from pipeline.classify.fields.date_parsing import days_in
from pipeline.classify.fields.field_candidates import offers_of
from pipeline.classify.fields.field_selection import choose, same_value
from pipeline.classify.page_layout import lay_out
from pipeline.classify.training.labeled_scans import read_labeled_scans
from pipeline.classify.training.synthetic_stacks import MISREAD, read_as
from pipeline.config import load_settings
from pipeline.records import OcrPage, Word

if TYPE_CHECKING:
    from pipeline.synthetic import Sample

DATES = ("dob", "date_of_service")
FACTS = {"account": "account", "accession": "accession", "member_id": "member", "group": "group", "phone": "phone",
         "author": "author", "sex": "sex", "icd10": "icd"}  # fmt: skip
"""Field -> the generator's fact that it must be found as, where the fact stands on a page."""

SEXES = {"F": "female", "M": "male"}


@dataclass(frozen=True, slots=True)
class FieldCase:
    """A document's pages and what is printed on them: field -> value as printed (dates as ISO), None where it
    is not printed; a field that is not in `truth` is not known. `name` decides whether it is kept for
    comparison."""

    name: str
    pages: tuple[OcrPage, ...]
    truth: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class FieldOutcome:
    """A field of a document: was it printed, with what confidence was a value said (None: none was), and was
    it right?
    """

    field: str
    printed: bool
    confidence: float | None
    right: bool


def generated_cases(count: int, seed: int) -> Iterator[FieldCase]:
    """`count` generated documents with letters misread as a reader would."""
    from pipeline.synthetic import document, patients, style_for, types, typeset

    rng = random.Random(f"fields {seed}")
    people = patients(300, seed)
    for number in range(count):
        kind = rng.choice(types())
        sample = document(rng, kind, rng.choice(people))
        printed = typeset(rng, sample, style_for(rng, kind))
        rate = rng.choice(MISREAD)
        pages = tuple(read_as(rng, sheet.words, n, rate) for n, sheet in enumerate(printed.sheets, 1))
        yield FieldCase(
            f"generated {seed} {number}",
            pages,
            _truth(sample, "\n".join(sheet.text for sheet in printed.sheets)),
        )


def scanned_cases(folder: Path, readings: Path) -> Iterator[FieldCase]:
    """The documents of scans with their truth and their readings (see training/scans.py)."""
    for scan in read_labeled_scans(folder, readings):
        for told in scan.truth["documents"]:
            if all(number in scan.pages for number in told["pages"]):
                yield FieldCase(
                    f"{scan.name} {told['pages'][0]}",
                    tuple(scan.pages[number] for number in told["pages"]),
                    _told(told),
                )


def evaluate_case(case: FieldCase, *, calibrated: bool = False) -> Iterator[FieldOutcome]:
    """Each field of the truth against what is found, with the confidence before calibration or after it."""
    settings = load_settings().classify
    found = choose(
        (offer for page in case.pages for offer in offers_of(lay_out(page))), settings, calibrated=calibrated
    ).fields
    for name, true in case.truth.items():
        mine = [field for field in found if field.name == name]
        best = max(mine, key=lambda field: field.confidence, default=None)
        right = best is not None and true is not None and same_value(name, best.value, true)
        if best is not None or true is not None:
            yield FieldOutcome(name, true is not None, best.confidence if best else None, right)


def in_holdout(case: FieldCase) -> bool:
    """Is it one of the documents on which no table is calibrated?"""
    return zlib.crc32(case.name.encode()) % EXAM == 0


def mean_log_loss(table: Mapping[str, Mapping[str, float]], answers: Iterable[FieldOutcome]) -> float:
    """How far from the truth the confidences are that a table gives: the mean of their negative log
    likelihood, in nats.
    """
    told = [
        -math.log(max(sure if answer.right else 1 - sure, 1e-6))
        for answer in answers
        if answer.confidence is not None
        for sure in (calibrated_confidence(answer.field, answer.confidence, table),)
    ]
    return sum(told) / max(1, len(told))


def fit_calibration_table(made: Iterable[FieldOutcome], scanned: Iterable[FieldOutcome]) -> dict[str, dict[str, float]]:
    """The table of calibration.py. A field that real readings tell enough of is calibrated on them alone."""
    return fit_calibration(made) | fit_calibration(scanned)


def fit_calibration(answers: Iterable[FieldOutcome]) -> dict[str, dict[str, float]]:
    """Field -> (slope, base, most): how log odds of the raw confidence become those of being right, and the
    highest confidence that as many right answers as there were can vouch for."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    by_field: dict[str, list[tuple[float, bool]]] = {}
    for answer in answers:
        if answer.confidence is not None:
            by_field.setdefault(answer.field, []).append((log_odds(answer.confidence), answer.right))
    table = {}
    for name, pairs in sorted(by_field.items()):
        wrong = sum(not right for _, right in pairs)
        if len(pairs) < FEWEST or not wrong:
            continue
        odds, truth = np.array([[x] for x, _ in pairs]), np.array([right for _, right in pairs])
        fitted = LogisticRegression(C=1.0).fit(odds, truth)
        upper = sorted(pairs)[len(pairs) // 2 :]
        most = (sum(right for _, right in upper) + 1) / (len(upper) + 2)
        slope, base = float(fitted.coef_[0][0]), float(fitted.intercept_[0])
        if slope <= 0:  # the raw confidence says nothing: the share that was right does
            slope, base = 0.0, log_odds(1 - wrong / len(pairs))
        table[name] = {"slope": round(slope, 4), "base": round(base, 4), "most": round(most, 4)}
    return table


FEWEST = 30
"""Answers of a field from which its confidence is calibrated."""

EXAM = 6
"""One document in this many is never calibrated on: the old and the new table are compared on them."""


def _truth(sample: Sample, text: str) -> dict[str, str | None]:
    """What stands on the sheets, with that text, of the generator's facts."""
    seen = {field: (sample.facts[fact] if sample.facts[fact] and _stands(sample.facts[fact], text) else None)
            for field, fact in FACTS.items()}  # fmt: skip
    if seen["sex"]:
        seen["sex"] = SEXES.get(seen["sex"]) if re.search(r"\b(sex|gender)\b", text, re.IGNORECASE) else None
    if seen["phone"]:
        seen["phone"] = "-".join(re.findall(r"\d+", seen["phone"]))
    if not seen["accession"]:
        del seen["accession"]  # reports print other specimen and case numbers of their own
    seen["facility"] = sample.facility if sample.facility.lower() in text.lower() else None
    day = sample.date.isoformat() if _stands(sample.facts["date"], text) else None
    name, dob, mrn = (
        (value if value and _stands(value, text) else None)
        for value in map(sample.printed.get, ("name", "dob", "mrn"))
    )
    return seen | {"patient_name": name, "mrn": mrn, "dob": _iso(dob), "date_of_service": day}


def _told(told: Mapping[str, Any]) -> dict[str, str | None]:
    printed = told["printed"] or {}
    dates = told.get("dates_accepted") or [told["date_of_service"]]
    return {
        "patient_name": printed.get("name"),
        "mrn": printed.get("mrn"),
        "dob": _iso(printed.get("dob")),
        "date_of_service": dates[0] if dates else None,
    }


def _stands(value: str, text: str) -> bool:
    """Do all words of the value stand in the text? Not whether together: words of a slanted line may be
    listed apart.
    """
    return all(re.search(rf"(?<!\w){re.escape(part)}(?!\w)", text) for part in value.split())


def _iso(text: str | None) -> str | None:
    words: Sequence[Word] = [
        Word(text=part, box=(0, 0, 1, 1), confidence=1.0) for part in (text or "").split()
    ]
    day = next(days_in(words, birth=True), None)
    return day.value.isoformat() if day else text
