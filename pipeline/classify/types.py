"""Predict a document's type, with probabilities and evidence: the words on the page, weighed by a trained
model, and the printed title.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.classify.titles import Title, find_title
from pipeline.classify.type_model import OTHER, TypeModel, load_model, score_text, supporting_words
from pipeline.config import document_types
from pipeline.records import OcrPage, TypeGuess

TITLE_ODDS = 8000.0
"""How much more likely a clear title is on a document of its own type than on another."""

MIN_TITLED_PROBABILITY = 2e-4
"""Probability that remains for a type that the words exclude, if its title is on the page."""

MAX_PROBABILITY = 0.9995
"""No prediction is more confident than what was measured."""

EXPLAINED_TYPES, MAX_SUPPORTING_WORDS = 3, 6
"""For how many types, and how many words for each, the supporting words are shown."""

MIN_WORDS = 8
"""With fewer words, a page has too little text to predict its type."""

NO_TEXT_PROBABILITY = 0.4
"""Probability of `other` for a page with too little text: below any threshold, above every other type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TypePrediction:
    """The types, best first, with their probabilities; the words that support each of the first ones (if an
    explanation was requested); and the printed title, if there is one.
    """

    guesses: tuple[TypeGuess, ...]
    words: tuple[tuple[str, ...], ...]
    title: Title | None


def predict_types(text: str, pages: Sequence[OcrPage] = ()) -> tuple[TypeGuess, ...]:
    """Return the types that a document may be filed as, best first; the probabilities add up to 1.

    Fine types are counted under the type that they are filed as.

    Args:
        text: The text of the whole document.
        pages: Its pages; if they are given, the title is looked for only on the first.
    """
    return merge_filing_types(classify(text, pages[0].text if pages else None).guesses)


def classify(
    text: str, first_page: str | None = None, *, explain: bool = False, model: TypeModel | None = None
) -> TypePrediction:
    """Return the most specific types, best first, with the evidence.

    Args:
        text: The text of the whole document.
        first_page: The text in which the title is looked for; None: `text`.
        explain: Add the supporting words.
        model: A type model; None: the model in use.
    """
    model = model or load_model()
    title = find_title(first_page if first_page is not None else text)
    if len(text.split()) < MIN_WORDS and title is None:
        return TypePrediction(guesses=_unknown_type(model), words=(), title=None)
    scored = score_text(model, text)
    odds = scored.log_probability.astype(np.float64)
    if title is not None and title.type in model.types:
        odds = np.maximum(odds, np.log(MIN_TITLED_PROBABILITY))
        odds[model.types.index(title.type)] += title.strength * np.log(TITLE_ODDS)
    probabilities = np.exp(odds - odds.max())
    probabilities = np.minimum(probabilities / probabilities.sum(), MAX_PROBABILITY)
    probabilities /= probabilities.sum()
    order = np.argsort(-probabilities, kind="stable")
    guesses = tuple(TypeGuess(type=model.types[i], probability=float(probabilities[i])) for i in order)
    explained = guesses[: EXPLAINED_TYPES if explain else 0]
    words = tuple(supporting_words(model, scored, guess.type, MAX_SUPPORTING_WORDS) for guess in explained)
    return TypePrediction(guesses=guesses, words=words, title=title)


def merge_filing_types(guesses: Sequence[TypeGuess]) -> tuple[TypeGuess, ...]:
    """Return the guesses with fine types counted under the type that they are filed as."""
    sums: dict[str, float] = {}
    for guess in guesses:
        key = filing_type(guess.type)
        sums[key] = sums.get(key, 0.0) + guess.probability
    return tuple(
        TypeGuess(type=key, probability=min(1.0, probability))
        for key, probability in sorted(sums.items(), key=lambda item: -item[1])
    )


def filing_type(kind: str) -> str:
    """Return the type that documents of that type are filed as."""
    entry = document_types().get(kind)
    return (entry.files_as if entry else None) or kind


def type_threshold(kind: str, default: float) -> float:
    """Return the probability from which a document of that type needs no reviewer: as measured for the type,
    or the default if too few were measured.
    """
    return load_model().thresholds.get(kind, default)


def _unknown_type(model: TypeModel) -> tuple[TypeGuess, ...]:
    """Return `other` first, with low confidence, and the other types with equal probabilities."""
    others = [kind for kind in model.types if kind != OTHER]
    rest = (TypeGuess(type=kind, probability=(1.0 - NO_TEXT_PROBABILITY) / len(others)) for kind in others)
    return (TypeGuess(type=OTHER, probability=NO_TEXT_PROBABILITY), *rest)
