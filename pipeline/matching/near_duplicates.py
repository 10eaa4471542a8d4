"""Recognize the same pages that were scanned or saved twice: by their text, and by their pictures.

The text alone does not tell two papers apart that are the same form with other handwriting, and says nothing
about pages without text. The pictures do: see page_pictures.py. They are compared only if the texts may be
the same, because that takes 0.2 s of CPU time a page.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Indel

from pipeline.matching.page_pictures import is_same_paper

MIN_TEXT_SIMILARITY = 0.9
"""Normalized Indel similarity of the letters and digits from which two texts may be of the same pages. Two
scans of one page differ by OCR errors in about 1 to 5% of the characters.
"""

MIN_NUMBER_OVERLAP = 0.8
"""Share of the numbers that two texts of the same pages have in common. Two results of the same test have the
same words and other numbers.
"""

MIN_LETTERS = 80
"""Letters and digits from which a text tells pages apart; with fewer, only the pictures do."""


MAX_LENGTH_RATIO = 2
"""Texts of the same pages do not differ more in length."""


@dataclass(frozen=True, slots=True)
class ComparedPage:
    """A page to compare. `picture` returns it as PNG or JPEG; None: there is no picture."""

    text: str
    picture: Callable[[], bytes] | None = None


def is_near_duplicate(left: Sequence[ComparedPage], right: Sequence[ComparedPage]) -> bool:
    """Return whether two documents are probably the same pages, in the same order. Without pictures the text
    decides, if it is long enough.
    """
    if len(left) != len(right):
        return False
    texts = tuple("\n".join(page.text for page in pages) for pages in (left, right))
    lengths = [count_letters(text) for text in texts]
    tells_apart = min(lengths) >= MIN_LETTERS
    if max(lengths) > MAX_LENGTH_RATIO * max(min(lengths), MIN_LETTERS):
        return False
    if not (is_same_text(*texts) if tells_apart else have_same_numbers(*texts)):
        return False
    for one, other in zip(left, right, strict=True):
        if one.picture is None or other.picture is None:
            if not tells_apart:
                return False
        elif not is_same_paper(one.picture(), other.picture()):
            return False
    return True


def count_letters(text: str) -> int:
    """Return the number of letters and digits of a text."""
    return len(re.sub(r"[\W_]+", "", text))


def is_same_text(left: str, right: str) -> bool:
    """Return whether two texts are probably two readings of the same pages."""
    a, b = (re.sub(r"[\W_]+", "", text.lower()) for text in (left, right))
    if Indel.normalized_similarity(a, b, score_cutoff=MIN_TEXT_SIMILARITY) < MIN_TEXT_SIMILARITY:
        return False
    return number_overlap(left, right) >= MIN_NUMBER_OVERLAP


def have_same_numbers(left: str, right: str) -> bool:
    """Return whether two short texts have no different numbers, such as two results of a meter."""
    has_numbers = all(re.search(r"\d", text) for text in (left, right))
    return not has_numbers or number_overlap(left, right) >= MIN_NUMBER_OVERLAP


def number_overlap(left: str, right: str) -> float:
    """Return the share of the words with digits that both texts have (Jaccard, with repetitions); 1 if
    neither has any.
    """
    a, b = (Counter(re.findall(r"\w*\d\w*", text.lower())) for text in (left, right))
    total = (a | b).total()
    return (a & b).total() / total if total else 1.0
