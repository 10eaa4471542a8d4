"""Trains and measures the model of where documents start. Run by `chartloom train-boundaries`; nothing of it
is needed later.

A logistic regression over the evidence of boundaries.py: few numbers, each of which a person can read and
argue with. Figures are held out: no stack is measured by a model that saw any page of it."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.classify.boundary_model import Model, evidence
from pipeline.classify.document_consistency import disharmony, mixed_patients
from pipeline.classify.page_features import PageMarks, marks_of
from pipeline.classify.segmentation_dp import best_segmentation
from pipeline.classify.training.labeled_scans import read_labeled_scans
from pipeline.classify.training.synthetic_stacks import Stack
from pipeline.records import OcrPage

FOLDS = 5
STRENGTH = 1.0
"""Inverse of the penalty on large weights; 0.3 and 3 measure the same within a stack or two."""

SURE = 0.9
"""Probability of a cut from which nobody is asked, as classify.split_threshold is shipped."""

SCANS_COUNT = 3.0
"""How much a page break of a real scan counts against one of a made stack."""


@dataclass(frozen=True, slots=True)
class Case:
    """A stack ready to be trained on: its content pages, the evidence at each break, its true documents and
    their owners.
    """

    name: str
    marks: tuple[PageMarks, ...]
    breaks: tuple[Mapping[str, float], ...]
    starts: tuple[bool, ...]
    documents: tuple[tuple[int, ...], ...]
    patients: tuple[str | None, ...]
    made: bool


@dataclass(slots=True)
class BoundaryMetrics:
    """What the cutting does on stacks it was not trained on. `sure` documents are those cut with SURE or
    more.
    """

    stacks: int = 0
    exact: int = 0
    found: int = 0
    told: int = 0
    true: int = 0
    sure: int = 0
    sure_right: int = 0
    documents: int = 0
    mixed: int = 0
    mixed_unalarmed: int = 0

    def line(self) -> dict[str, Any]:
        """The counts and the rates that follow from them."""
        told, true = max(self.told, 1), max(self.true, 1)
        rates = {
            "exact_share": round(self.exact / max(self.stacks, 1), 4),
            "boundary_precision": round(self.found / told, 4),
            "boundary_recall": round(self.found / true, 4),
            "boundary_f1": round(2 * self.found / max(self.told + self.true, 1), 4),
        }
        return asdict(self) | rates


def build_case(stack: Stack, *, made: bool) -> Case:
    """The stack's content pages with their evidence."""
    first_pages = {document[0] for document in stack.documents}
    marks: list[PageMarks] = []
    breaks: list[Mapping[str, float]] = []
    starts: list[bool] = []
    blank = False
    for page in stack.pages:
        if page.blank:
            blank = True
            continue
        mark = marks_of(page)
        if marks:
            breaks.append(evidence(marks[-1], mark, blank_between=blank))
            starts.append(page.number in first_pages)
        marks.append(mark)
        blank = False
    return Case(stack.name, tuple(marks), tuple(breaks), tuple(starts), stack.documents, stack.patients, made)


def fit_boundary_model(cases: Sequence[Case]) -> dict[str, Any]:
    """The model as models/boundaries.json holds it."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    names = sorted({name for case in cases for found in case.breaks for name in found})
    rows = [[found.get(name, 0.0) for name in names] for case in cases for found in case.breaks]
    truth = [start for case in cases for start in case.starts]
    weight = [1.0 if case.made else SCANS_COUNT for case in cases for _ in case.starts]
    fitted = LogisticRegression(C=STRENGTH, max_iter=5000).fit(
        np.array(rows), np.array(truth), sample_weight=weight
    )
    weights = {name: round(float(w), 4) for name, w in zip(names, fitted.coef_[0], strict=True)}
    return {"bias": round(float(fitted.intercept_[0]), 4), "weights": weights}


EXAM = 6
"""One stack in this many is never trained on: the old and the new model are compared on them."""


def in_holdout(case: Case) -> bool:
    """Is it one of the stacks that no model is trained on?"""
    return zlib.crc32(case.name.encode()) % EXAM == 0


def count_errors(model: Mapping[str, Any], cases: Sequence[Case]) -> int:
    """Starts of documents that the model misses or invents in these stacks."""
    figures = BoundaryMetrics()
    for case in cases:
        add_metrics(model, case, figures)
    return figures.told + figures.true - 2 * figures.found


def probabilities(model: Mapping[str, Any], case: Case) -> list[float]:
    """The probability of a start at each content page."""
    weighed = Model(bias=model["bias"], weights=model["weights"])
    return [1.0] + [weighed.probability(found) for found in case.breaks]


def cross_validate(cases: Sequence[Case]) -> dict[str, BoundaryMetrics]:
    """Figures over folds of whole stacks, for made stacks and scans apart."""
    figures = {"made": BoundaryMetrics(), "scans": BoundaryMetrics()}
    for fold in range(FOLDS):
        model = fit_boundary_model([case for i, case in enumerate(cases) if i % FOLDS != fold])
        for case in cases[fold::FOLDS]:
            add_metrics(model, case, figures["made" if case.made else "scans"])
    return {name: f for name, f in figures.items() if f.stacks}


def add_metrics(model: Mapping[str, Any], case: Case, figures: BoundaryMetrics) -> None:
    """Add one stack's cutting to the figures."""
    numbers = [mark.page.number for mark in case.marks]
    found = best_segmentation(probabilities(model, case), disharmony(case.marks))
    told = [tuple(numbers[a : b + 1]) for a, b, _ in found]
    starts, true = {d[0] for d in told[1:]}, {d[0] for d in case.documents[1:]}
    figures.stacks += 1
    figures.exact += told == list(case.documents)
    figures.found += len(starts & true)
    figures.told += len(starts)
    figures.true += len(true)
    owner = {n: who for pages, who in zip(case.documents, case.patients, strict=True) for n in pages}
    for (first, last, sure), pages in zip(found, told, strict=True):
        figures.documents += 1
        figures.sure += sure >= SURE
        figures.sure_right += sure >= SURE and pages in case.documents
        if len({owner[n] for n in pages} - {None}) > 1:
            figures.mixed += 1
            alarmed = sure < SURE or any(True for _ in mixed_patients(case.marks[first : last + 1]))
            figures.mixed_unalarmed += not alarmed


def scan_stacks(folder: Path, readings: Path) -> Iterable[Stack]:
    """Scans with their truth and their readings (see training/scans.py). Sheets are left out and divide the
    scan: a stack starts anew after each."""
    for scan in read_labeled_scans(folder, readings):
        kinds = {entry["page"]: entry["kind"] for entry in scan.truth["pages"]}
        yield from divided(scan.name, kinds, scan.truth["documents"], scan.pages)


def divided(
    name: str, kinds: Mapping[int, str], documents: Sequence[Mapping[str, Any]], pages: Mapping[int, OcrPage]
) -> Iterable[Stack]:
    """A scan as the stacks between its sheets. `kinds`: each page's, in order; `documents`: their pages and
    patient.
    """
    runs: list[list[int]] = [[]]
    for number, kind in kinds.items():
        if kind == "separator":
            runs.append([])
        elif number in pages:
            runs[-1].append(number)
    for run in runs:
        told = [d for d in documents if d["pages"][0] in run]
        if told:
            owners = tuple(d["patient"]["id"] if d["patient"] else None for d in told)
            kept = tuple(pages[n] for n in run)
            yield Stack(f"{name}-{run[0]}", kept, tuple(tuple(d["pages"]) for d in told), owners)
