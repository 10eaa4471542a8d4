"""Calibrate the confidences of index fields on documents whose truth is known: generated documents, scans
with their truth, and documents that a reviewer has filed (see reviewer_labels.py).

The calibration turns a field's raw confidence into the share of values that are correct at that confidence
(see fields/confidence.py). `chartloom train fields` runs it; nothing of it is needed later.
"""

from __future__ import annotations

import math
import random
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.classify.fields.confidence import calibrated_confidence, log_odds
from pipeline.classify.fields.date_parsing import find_dates
from pipeline.classify.fields.field_candidates import find_candidates
from pipeline.classify.fields.field_selection import select_fields, values_match
from pipeline.classify.page_layout import analyze_layout
from pipeline.classify.training.labeled_scans import read_labeled_scans
from pipeline.classify.training.synthetic_stacks import (
    CONFUSIONS,
    MISREAD_RATES,
    page_from_words,
    simulate_reading,
)
from pipeline.config import load_settings
from pipeline.records import OcrPage, Word

if TYPE_CHECKING:
    from pipeline.synthetic import SyntheticDocument
    from pipeline.synthetic.form_layouts import LayoutFamily

FACT_BY_FIELD = {
    "account": "account",
    "accession": "accession",
    "member_id": "member",
    "group": "group",
    "phone": "phone",
    "author": "author",
    "sex": "sex",
    "icd10": "icd",
}
"""Field -> the sample generator's fact that is its true value, if the fact is printed on a page."""

SEX_BY_CODE = {"F": "female", "M": "male"}

MIN_OUTCOMES = 30
"""A field is calibrated if at least this many of its values were measured."""

MISREAD_CONFIDENCE, READ_CONFIDENCE = 0.8, 0.95
"""OCR confidence of misread and of other words of form pages: too close together to separate them by it."""

FORM_MISREAD_RATES = (0.0, 0.0, 0.002, 0.005)
"""Shares of misread letters of form pages, which are short: one in 200 misreads a value on every fifth
page.
"""

HOLDOUT_DIVISOR = 6
"""One document in this many is never used for calibration: the old and the new table are compared on these.
"""

MIN_PROBABILITY = 1e-6
"""Probabilities below this count as this in the log loss."""


@dataclass(frozen=True, slots=True)
class FieldCase:
    """A document with known field values.

    `truth`: field -> value as printed (dates as ISO), None if it is not printed; a field that is missing is
    unknown. `name` decides whether the document is in the holdout set.
    """

    name: str
    pages: tuple[OcrPage, ...]
    truth: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class FieldOutcome:
    """The result for a field of a document: whether it is printed, the confidence of the value found (None:
    no value), and whether the value is correct.
    """

    field: str
    printed: bool
    confidence: float | None
    correct: bool


def generated_cases(count: int, seed: int) -> Iterator[FieldCase]:
    """Yield `count` generated documents with letters misread as OCR might."""
    from pipeline.synthetic import document, patients, style_for, types, typeset

    rng = random.Random(f"fields {seed}")
    people = patients(300, seed)
    for number in range(count):
        kind = rng.choice(types())
        sample = document(rng, kind, rng.choice(people))
        printed = typeset(rng, sample, style_for(rng, kind))
        rate = rng.choice(MISREAD_RATES)
        pages = tuple(
            simulate_reading(rng, sheet.words, n, rate) for n, sheet in enumerate(printed.sheets, 1)
        )
        text = "\n".join(sheet.text for sheet in printed.sheets)
        yield FieldCase(f"generated {seed} {number}", pages, _truth_of_sample(sample, text))


def form_cases(
    count: int, seed: int, families: Sequence[LayoutFamily]
) -> Iterator[tuple[LayoutFamily, FieldCase]]:
    """Yield `count` form pages of each family of layouts, with letters misread as OCR might."""
    from pipeline.synthetic.form_layouts import form_pages

    for number, page in enumerate(form_pages(count, seed, families)):
        name = f"form {seed} {number} {page.family.name}"
        rng = random.Random(name)
        reading = _read_form(rng, page.canvas.words, rng.choice(FORM_MISREAD_RATES))
        yield page.family, FieldCase(name, (reading,), page.truth)


def _read_form(rng: random.Random, words: Sequence[Word], rate: float) -> OcrPage:
    """Return a page of which every line is read. `rate`: the share of misread letters. The boxes are shifted
    by up to a pixel and as high as letters are.
    """
    read = []
    for word in words:
        text = "".join(rng.choice(CONFUSIONS.get(c, c)) if rng.random() < rate else c for c in word.text)
        x0, y0, x1, y1 = (edge + rng.randint(-1, 1) for edge in word.box)
        box = (x0, y0 + (y1 - y0) // 6, max(x1, x0 + 1), y1 - (y1 - y0) // 8)
        confidence = MISREAD_CONFIDENCE if text != word.text else READ_CONFIDENCE
        read.append(Word(text=text, box=box, confidence=confidence))
    return page_from_words(1, tuple(read))


def scanned_cases(folder: Path, readings: Path) -> Iterator[FieldCase]:
    """Yield the documents of scans with their truth and their readings (see labeled_scans.py)."""
    for scan in read_labeled_scans(folder, readings):
        for document in scan.truth["documents"]:
            if all(number in scan.pages for number in document["pages"]):
                pages = tuple(scan.pages[number] for number in document["pages"])
                yield FieldCase(f"{scan.name} {document['pages'][0]}", pages, _truth_of_scan(document))


def evaluate_case(case: FieldCase, *, calibrated: bool = False) -> Iterator[FieldOutcome]:
    """Yield the result for each field that is printed or was found.

    Args:
        case: A document with known values.
        calibrated: Return confidences after calibration; else before it.
    """
    settings = load_settings().classify
    candidates = [candidate for page in case.pages for candidate in find_candidates(analyze_layout(page))]
    fields = select_fields(candidates, settings, calibrated=calibrated).fields
    for name, true_value in case.truth.items():
        values = [field for field in fields if field.name == name]
        best = max(values, key=lambda field: field.confidence, default=None)
        if best is None and true_value is None:
            continue
        is_correct = (
            best is not None and true_value is not None and values_match(name, best.value, true_value)
        )
        yield FieldOutcome(name, true_value is not None, best.confidence if best else None, is_correct)


def in_holdout(case: FieldCase) -> bool:
    """Return whether the document is one of those that are never used for calibration."""
    return zlib.crc32(case.name.encode()) % HOLDOUT_DIVISOR == 0


def mean_log_loss(table: Mapping[str, Mapping[str, float]], outcomes: Iterable[FieldOutcome]) -> float:
    """Return the mean negative log likelihood, in nats, of the confidences that a calibration table gives."""
    losses = []
    for outcome in outcomes:
        if outcome.confidence is not None:
            confidence = calibrated_confidence(outcome.field, outcome.confidence, table)
            likelihood = confidence if outcome.correct else 1 - confidence
            losses.append(-math.log(max(likelihood, MIN_PROBABILITY)))
    return sum(losses) / max(1, len(losses))


def fit_calibration_table(
    generated: Iterable[FieldOutcome], real: Iterable[FieldOutcome]
) -> dict[str, dict[str, float]]:
    """Return the calibration table of all fields. A field with enough real outcomes is calibrated on them
    alone.
    """
    return fit_calibration(generated) | fit_calibration(real)


def fit_calibration(outcomes: Iterable[FieldOutcome]) -> dict[str, dict[str, float]]:
    """Return field -> its entry of the calibration table; fields with too few outcomes are missing."""
    by_field: dict[str, list[tuple[float, bool]]] = {}
    for outcome in outcomes:
        if outcome.confidence is not None:
            by_field.setdefault(outcome.field, []).append((log_odds(outcome.confidence), outcome.correct))
    return {
        field: _fit_field(pairs)
        for field, pairs in sorted(by_field.items())
        if len(pairs) >= MIN_OUTCOMES and not all(correct for _, correct in pairs)
    }


def _fit_field(pairs: Sequence[tuple[float, bool]]) -> dict[str, float]:
    """Fit one field.

    Args:
        pairs: (log odds of the raw confidence, whether the value is correct); not all are correct.

    Returns:
        `slope` and `base` turn the log odds of the raw confidence into those of being correct. `most` is the
        highest confidence that the number of correct values supports.
    """
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    odds, correct = np.array([[x] for x, _ in pairs]), np.array([is_correct for _, is_correct in pairs])
    fitted = LogisticRegression(C=1.0).fit(odds, correct)
    slope, base = float(fitted.coef_[0][0]), float(fitted.intercept_[0])
    if slope <= 0:  # the raw confidence is not informative: use the share of correct values
        wrong = sum(not is_correct for _, is_correct in pairs)
        slope, base = 0.0, log_odds(1 - wrong / len(pairs))
    upper_half = sorted(pairs)[len(pairs) // 2 :]
    most = (sum(is_correct for _, is_correct in upper_half) + 1) / (len(upper_half) + 2)
    return {"slope": round(slope, 4), "base": round(base, 4), "most": round(most, 4)}


def _truth_of_sample(sample: SyntheticDocument, text: str) -> dict[str, str | None]:
    """Return the sample generator's facts that are printed on the pages with that text."""

    def if_printed(value: str | None) -> str | None:
        return value if value and _is_printed(value, text) else None

    truth = {field: if_printed(sample.facts[fact]) for field, fact in FACT_BY_FIELD.items()}
    if truth["sex"]:
        has_label = re.search(r"\b(sex|gender)\b", text, re.IGNORECASE)
        truth["sex"] = SEX_BY_CODE.get(truth["sex"]) if has_label else None
    if truth["phone"]:
        truth["phone"] = "-".join(re.findall(r"\d+", truth["phone"]))
    if not truth["accession"]:
        del truth["accession"]  # reports print other specimen and case numbers
    truth["facility"] = sample.facility if sample.facility.lower() in text.lower() else None
    truth["patient_name"] = if_printed(sample.printed.get("name"))
    truth["mrn"] = if_printed(sample.printed.get("mrn"))
    truth["dob"] = _to_iso(if_printed(sample.printed.get("dob")))
    truth["date_of_service"] = sample.date.isoformat() if _is_printed(sample.facts["date"], text) else None
    return truth


def _truth_of_scan(document: Mapping[str, Any]) -> dict[str, str | None]:
    printed = document["printed"] or {}
    dates = document.get("dates_accepted") or [document["date_of_service"]]
    return {
        "patient_name": printed.get("name"),
        "mrn": printed.get("mrn"),
        "dob": _to_iso(printed.get("dob")),
        "date_of_service": dates[0] if dates else None,
    }


def _is_printed(value: str, text: str) -> bool:
    """Return whether all words of the value are in the text, not necessarily together: the words of a skewed
    line may be listed apart.
    """
    return all(re.search(rf"(?<!\w){re.escape(part)}(?!\w)", text) for part in value.split())


def _to_iso(text: str | None) -> str | None:
    """Return the birth date as ISO; the text itself if it is not a date."""
    words = [Word(text=part, box=(0, 0, 1, 1), confidence=1.0) for part in (text or "").split()]
    parsed = next(find_dates(words, birth=True), None)
    return parsed.value.isoformat() if parsed else text
