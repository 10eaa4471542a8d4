"""Train and measure the model of document starts. `chartloom train boundaries` runs it; nothing of it is
needed later.

The model is a logistic regression over the evidence of boundary_model.py: few numbers, each of which a person
can read and question. All metrics are held out: no stack is measured by a model that was trained on a page of
it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from pipeline.classify.boundary_model import COMPARED_FIELDS, BoundaryModel, boundary_evidence
from pipeline.classify.document_consistency import consistency_penalties, find_mixed_patients
from pipeline.classify.page_features import PageFeatures, extract_page_features
from pipeline.classify.segmentation_dp import best_segmentation
from pipeline.classify.training.labeled_scans import read_labeled_scans
from pipeline.classify.training.synthetic_stacks import Stack
from pipeline.records import OcrPage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

FOLDS = 5
INVERSE_REGULARIZATION = 1.0
"""scikit-learn's C; 0.3 and 3 measure the same within a stack or two."""

EITHER_SIGN = frozenset(
    (
        "before_bottom",
        "head_labels",
        "identity_missing",
        "large_line",
        "letterhead_new",
        "more_labels",
        "number_begins_late",
        "number_stops",
        "repeated_titled",
        "starts_low",
        "title_and_labels",
        *(f"{name}_{change}" for name in COMPARED_FIELDS for change in ("begins", "stops")),
    )
)
"""Evidence that may be for or against a new document. All other evidence is for one if it is positive:
that a page's margin differs never shows that the document continues. Without this, a weight follows what
happens to be so in the generated stacks.
"""

CONFIDENT_PROBABILITY = 0.9
"""Probability of a document from which no reviewer is needed: the default of classify.split_threshold."""

SCAN_WEIGHT = 3.0
"""Weight of a page boundary of a real scan, compared with one of a generated stack."""

HOLDOUT_DIVISOR = 6
"""One stack in this many is never used for training: the old and the new model are compared on these."""


@dataclass(frozen=True, slots=True)
class BoundaryCase:
    """A stack prepared for training.

    `pages`: the n content pages. `evidence`, `starts`: the evidence, and whether a document starts, at each
    of the pages after the first. `documents`, `patients`: the true documents and their patients. `generated`:
    not a real scan.
    """

    name: str
    pages: tuple[PageFeatures, ...]
    evidence: tuple[Mapping[str, float], ...]
    starts: tuple[bool, ...]
    documents: tuple[tuple[int, ...], ...]
    patients: tuple[str | None, ...]
    generated: bool


@dataclass(slots=True)
class BoundaryMetrics:
    """How stacks are segmented that the model was not trained on.

    `exact`: stacks without an error. `correct_starts`, `predicted_starts`, `true_starts`: document starts
    after the first. `confident`: documents of at least CONFIDENT_PROBABILITY. `mixed`: documents with pages
    of two patients; `mixed_undetected`: those that would be filed without a reviewer.
    """

    stacks: int = 0
    exact: int = 0
    correct_starts: int = 0
    predicted_starts: int = 0
    true_starts: int = 0
    confident: int = 0
    confident_correct: int = 0
    documents: int = 0
    mixed: int = 0
    mixed_undetected: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return the counts and the rates that follow from them."""
        starts = self.predicted_starts + self.true_starts
        rates = {
            "exact_share": round(self.exact / max(self.stacks, 1), 4),
            "boundary_precision": round(self.correct_starts / max(self.predicted_starts, 1), 4),
            "boundary_recall": round(self.correct_starts / max(self.true_starts, 1), 4),
            "boundary_f1": round(2 * self.correct_starts / max(starts, 1), 4),
        }
        return asdict(self) | rates


def build_case(stack: Stack, *, generated: bool) -> BoundaryCase:
    """Return the stack's content pages with their evidence."""
    first_pages = {document[0] for document in stack.documents}
    pages: list[PageFeatures] = []
    evidence: list[Mapping[str, float]] = []
    starts: list[bool] = []
    after_blank = False
    for page in stack.pages:
        if page.blank:
            after_blank = True
            continue
        features = extract_page_features(page)
        if pages:
            evidence.append(boundary_evidence(pages, features, blank_between=after_blank))
            starts.append(page.number in first_pages)
        pages.append(features)
        after_blank = False
    return BoundaryCase(
        name=stack.name,
        pages=tuple(pages),
        evidence=tuple(evidence),
        starts=tuple(starts),
        documents=stack.documents,
        patients=stack.patients,
        generated=generated,
    )


def fit_boundary_model(cases: Sequence[BoundaryCase]) -> dict[str, Any]:
    """Return the fitted model in the form of models/boundaries.json."""
    import numpy as np

    boundaries = [evidence for case in cases for evidence in case.evidence]
    names = sorted({name for evidence in boundaries for name in evidence})
    rows = [[evidence.get(name, 0.0) for name in names] for evidence in boundaries]
    starts = [start for case in cases for start in case.starts]
    weights = [1.0 if case.generated else SCAN_WEIGHT for case in cases for _ in case.starts]
    fitted, bias = _fit_logistic(
        np.array(rows, dtype=float),
        np.array(starts, dtype=float),
        np.array(weights),
        [name not in EITHER_SIGN for name in names],
    )
    coefficients = {name: round(float(w), 4) for name, w in zip(names, fitted, strict=True)}
    return {"bias": round(bias, 4), "weights": coefficients}


def _fit_logistic(
    rows: Floats, starts: Floats, weights: Floats, not_negative: Sequence[bool]
) -> tuple[Floats, float]:
    """Fit a logistic regression with a quadratic penalty, some of whose weights must not be negative.

    Args:
        rows: The evidence, shape (boundaries, names).
        starts: 1 if a document starts, else 0, shape (boundaries,).
        weights: The weight of each boundary, shape (boundaries,).
        not_negative: Whether the weight of each piece of evidence must not be negative.

    Returns:
        The weights, shape (names,), and the bias.
    """
    import numpy as np
    from scipy.optimize import minimize

    def loss(parameters: Floats) -> tuple[float, Floats]:
        coefficients, bias = parameters[:-1], parameters[-1]
        score = rows @ coefficients + bias
        error = weights * (1 / (1 + np.exp(-score)) - starts)
        value = (weights * (np.logaddexp(0, score) - starts * score)).sum()
        penalty = (coefficients**2).sum() / (2 * INVERSE_REGULARIZATION)
        gradient = np.append(rows.T @ error + coefficients / INVERSE_REGULARIZATION, error.sum())
        return float(value + penalty), gradient

    bounds = [(0.0, None) if positive else (None, None) for positive in not_negative]
    found = minimize(
        loss, np.zeros(rows.shape[1] + 1), jac=True, method="L-BFGS-B", bounds=[*bounds, (None, None)]
    )
    return found.x[:-1], float(found.x[-1])


def in_holdout(case: BoundaryCase) -> bool:
    """Return whether the stack is one of those that are never used for training."""
    return zlib.crc32(case.name.encode()) % HOLDOUT_DIVISOR == 0


def count_errors(model: Mapping[str, Any], cases: Sequence[BoundaryCase]) -> int:
    """Return how many document starts the model misses or invents in these stacks."""
    metrics = BoundaryMetrics()
    for case in cases:
        add_metrics(model, case, metrics)
    return metrics.predicted_starts + metrics.true_starts - 2 * metrics.correct_starts


def start_probabilities(model: Mapping[str, Any], case: BoundaryCase) -> list[float]:
    """Return the probability of a document start at each content page."""
    boundary_model = BoundaryModel(bias=model["bias"], weights=model["weights"])
    return [1.0] + [boundary_model.probability(evidence) for evidence in case.evidence]


def cross_validate(cases: Sequence[BoundaryCase]) -> dict[str, BoundaryMetrics]:
    """Return the metrics over folds of whole stacks, for generated stacks and for real scans."""
    metrics = {"generated": BoundaryMetrics(), "scans": BoundaryMetrics()}
    for fold in range(FOLDS):
        model = fit_boundary_model([case for i, case in enumerate(cases) if i % FOLDS != fold])
        for case in cases[fold::FOLDS]:
            add_metrics(model, case, metrics["generated" if case.generated else "scans"])
    return {name: m for name, m in metrics.items() if m.stacks}


def add_metrics(model: Mapping[str, Any], case: BoundaryCase, metrics: BoundaryMetrics) -> None:
    """Segment one stack and add the result to the metrics.

    Args:
        model: A model in the form of models/boundaries.json.
        case: The stack.
        metrics: The metrics; they are changed.
    """
    numbers = [page.page.number for page in case.pages]
    spans = best_segmentation(start_probabilities(model, case), consistency_penalties(case.pages))
    predicted = [tuple(numbers[first : last + 1]) for first, last, _ in spans]
    predicted_starts = {document[0] for document in predicted[1:]}
    true_starts = {document[0] for document in case.documents[1:]}
    metrics.stacks += 1
    metrics.exact += predicted == list(case.documents)
    metrics.correct_starts += len(predicted_starts & true_starts)
    metrics.predicted_starts += len(predicted_starts)
    metrics.true_starts += len(true_starts)
    patient_by_page = {
        number: patient
        for document, patient in zip(case.documents, case.patients, strict=True)
        for number in document
    }
    for (first, last, probability), document in zip(spans, predicted, strict=True):
        is_confident = probability >= CONFIDENT_PROBABILITY
        metrics.documents += 1
        metrics.confident += is_confident
        metrics.confident_correct += is_confident and document in case.documents
        if len({patient_by_page[number] for number in document} - {None}) > 1:
            metrics.mixed += 1
            has_issue = any(True for _ in find_mixed_patients(case.pages[first : last + 1]))
            metrics.mixed_undetected += is_confident and not has_issue


def scan_stacks(folder: Path, readings: Path) -> Iterable[Stack]:
    """Yield scans with their truth and their readings (see labeled_scans.py), divided at their separator
    sheets.
    """
    for scan in read_labeled_scans(folder, readings):
        kinds = {entry["page"]: entry["kind"] for entry in scan.truth["pages"]}
        yield from split_at_sheets(scan.name, kinds, scan.truth["documents"], scan.pages)


def split_at_sheets(
    name: str, kinds: Mapping[int, str], documents: Sequence[Mapping[str, Any]], pages: Mapping[int, OcrPage]
) -> Iterable[Stack]:
    """Yield the stacks between the separator sheets of a scan.

    Args:
        name: The scan's name.
        kinds: Page number -> kind of the page, in order.
        documents: The true documents, with their `pages` and `patient`.
        pages: Page number -> page as it was read.
    """
    runs: list[list[int]] = [[]]
    for number, kind in kinds.items():
        if kind == "separator":
            runs.append([])
        elif number in pages:
            runs[-1].append(number)
    for run in runs:
        in_run = [document for document in documents if document["pages"][0] in run]
        if in_run:
            yield Stack(
                name=f"{name}-{run[0]}",
                pages=tuple(
                    replace(pages[number], blank=pages[number].blank or kinds[number] == "blank")
                    for number in run
                ),
                documents=tuple(tuple(document["pages"]) for document in in_run),
                patients=tuple(d["patient"]["id"] if d["patient"] else None for d in in_run),
            )
