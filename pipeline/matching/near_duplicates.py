"""Recognize the same pages that were scanned or saved twice, by their text."""

from __future__ import annotations

import re
from collections import Counter

from rapidfuzz.distance import Indel

MIN_TEXT_SIMILARITY = 0.9
"""Normalized Indel similarity of the letters and digits from which two texts may be of the same pages. Two
scans of one page differ by OCR errors in about 1 to 5% of the characters.
"""

MIN_NUMBER_OVERLAP = 0.8
"""Share of the numbers that two texts of the same pages have in common. Two results of the same test have the
same words and other numbers.
"""

MIN_LETTERS = 80
"""Letters and digits from which a text distinguishes pages; a text with fewer is not compared."""


def is_near_duplicate(left: str, right: str) -> bool:
    """Return whether two texts are probably of the same pages."""
    a, b = (re.sub(r"[\W_]+", "", text.lower()) for text in (left, right))
    if min(len(a), len(b)) < MIN_LETTERS:
        return False
    if Indel.normalized_similarity(a, b, score_cutoff=MIN_TEXT_SIMILARITY) < MIN_TEXT_SIMILARITY:
        return False
    return number_overlap(left, right) >= MIN_NUMBER_OVERLAP


def number_overlap(left: str, right: str) -> float:
    """Return the share of the words with digits that both texts have (Jaccard, with repetitions); 1 if
    neither has any.
    """
    a, b = (Counter(re.findall(r"\w*\d\w*", text.lower())) for text in (left, right))
    total = (a | b).total()
    return (a & b).total() / total if total else 1.0
