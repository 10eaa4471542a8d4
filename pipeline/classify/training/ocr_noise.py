"""Simulate how OCR reads a text from poor scans."""

from __future__ import annotations

import random

MAX_ERROR_RATE = 0.05
"""Share of letters that are misread in the worst texts."""

MIN_ERROR_RATE = 0.001
"""A text with a lower rate is left unchanged."""

CONFUSIONS = {
    "l": "1I|", "i": "l1", "o": "0c", "e": "c", "a": "o", "c": "e", "s": "5", "b": "h", "h": "b",
    "n": "r", "m": "rn", "u": "v", "O": "0Q", "I": "l1", "S": "5", "B": "8", "E": "F", "D": "O",
    "R": "P", "g": "q", "t": "f", "f": "t", "y": "v", "d": "cl",
}  # fmt: skip
"""Letter -> what it is misread as."""


def misread(rng: random.Random, text: str, worst: float = MAX_ERROR_RATE) -> str:
    """Return the text with letters misread and words joined or split. Most texts are almost unchanged.

    Args:
        rng: The source of random numbers; it determines the error rate.
        text: The text.
        worst: The highest error rate.
    """
    rate = worst * rng.random() ** 3
    if rate < MIN_ERROR_RATE:
        return text
    out = []
    for letter in text:
        if rng.random() >= rate:
            out.append(letter)
        elif letter == " ":
            out.append("")
        elif letter in CONFUSIONS:
            out.append(rng.choice((rng.choice(CONFUSIONS[letter]), letter + " ", "")))
        else:
            out.append(rng.choice((letter, "", ".")))
    return "".join(out)
