"""Text as a reader of bad scans would hand it over."""

from __future__ import annotations

import random

WORST = 0.05  # share of letters misread on the worst pages
CONFUSED = {
    "l": "1I|", "i": "l1", "o": "0c", "e": "c", "a": "o", "c": "e", "s": "5", "b": "h", "h": "b", "n": "r", "m": "rn", "u": "v",
    "O": "0Q", "I": "l1", "S": "5", "B": "8", "E": "F", "D": "O", "R": "P", "g": "q", "t": "f", "f": "t", "y": "v", "d": "cl",
}  # fmt: skip


def misread(rng: random.Random, text: str, worst: float = WORST) -> str:
    """The text with letters mistaken, words run together or torn, at a rate drawn for it; most texts come out
    nearly clean.
    """
    rate = worst * rng.random() ** 3
    if rate < 0.001:
        return text
    out = []
    for letter in text:
        if rng.random() >= rate:
            out.append(letter)
        elif letter == " ":
            out.append("")
        elif letter in CONFUSED:
            out.append(rng.choice((rng.choice(CONFUSED[letter]), letter + " ", "")))
        else:
            out.append(rng.choice((letter, "", ".")))
    return "".join(out)
