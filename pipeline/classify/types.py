"""What type a document is, how sure that is, and which words said so: the words on the page, weighed by a
trained model, and the title that stands on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.classify.titles import Title, find_title
from pipeline.classify.type_model import OTHER, TypeModel, load_model, score, words_for
from pipeline.config import document_types
from pipeline.records import OcrPage, TypeGuess

TITLE_ODDS = 8000.0  # how much likelier a clear title is on its own type than on another
DOUBTED = 2e-4  # a type that the words exclude is still this possible where its title stands on the page
MOST_SURE = 0.9995  # no answer is surer than what was measured
WORDS_SHOWN = 6
UNTOLD = 0.4  # of `other` where a page says nothing: below any threshold, above every other type
FEWEST_WORDS = 8  # with fewer, a page says nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class TypePrediction:
    """Types best first with their probabilities, the words that spoke for each of the first three (where
    asked for), and the title, if one stands on the document."""

    guesses: tuple[TypeGuess, ...]
    words: tuple[tuple[str, ...], ...]
    title: Title | None


def predict_types(text: str, pages: Sequence[OcrPage] = ()) -> tuple[TypeGuess, ...]:
    """The types that a document may be filed as, best first; the probabilities add up to 1.

    `text` is the whole document's; where `pages` are given, the title is looked for on the first of them.
    Fine types are counted under the type as which a chart files them."""
    return merge_filing_types(classify(text, pages[0].text if pages else None).guesses)


def classify(
    text: str, first_page: str | None = None, *, why: bool = False, model: TypeModel | None = None
) -> TypePrediction:
    """The finest types, best first, and the evidence: the words only where asked `why`."""
    model = model or load_model()
    title = find_title(first_page if first_page is not None else text)
    if len(text.split()) < FEWEST_WORDS and title is None:
        return TypePrediction(guesses=_unknown(model), words=(), title=None)
    scored = score(model, text)
    odds = scored.log_probability.astype(np.float64)
    if title is not None and title.type in model.types:
        odds = np.maximum(odds, np.log(DOUBTED))
        odds[model.types.index(title.type)] += title.strength * np.log(TITLE_ODDS)
    probabilities = np.exp(odds - odds.max())
    probabilities = np.minimum(probabilities / probabilities.sum(), MOST_SURE)
    probabilities /= probabilities.sum()
    order = np.argsort(-probabilities, kind="stable")
    guesses = tuple(TypeGuess(type=model.types[i], probability=float(probabilities[i])) for i in order)
    words = tuple(words_for(model, scored, guess.type, WORDS_SHOWN) for guess in guesses[: 3 if why else 0])
    return TypePrediction(guesses=guesses, words=words, title=title)


def merge_filing_types(guesses: Sequence[TypeGuess]) -> tuple[TypeGuess, ...]:
    """The guesses with fine types counted under the type as which a chart files them."""
    sums: dict[str, float] = {}
    for guess in guesses:
        key = files_as(guess.type)
        sums[key] = sums.get(key, 0.0) + guess.probability
    return tuple(
        TypeGuess(type=k, probability=min(1.0, p)) for k, p in sorted(sums.items(), key=lambda item: -item[1])
    )


def files_as(kind: str) -> str:
    """The type as which a chart files that type."""
    entry = document_types().get(kind)
    return (entry.files_as if entry else None) or kind


def type_threshold(kind: str, usual: float) -> float:
    """The probability from which that type needs no person: as measured for it, or the `usual` one where too
    few were.
    """
    return load_model().thresholds.get(kind, usual)


def _unknown(model: TypeModel) -> tuple[TypeGuess, ...]:
    """Too little to tell: `other` stands first, without confidence, and the rest are alike."""
    others = [t for t in model.types if t != OTHER]
    rest = (TypeGuess(type=t, probability=(1.0 - UNTOLD) / len(others)) for t in others)
    return (TypeGuess(type=OTHER, probability=UNTOLD), *rest)
