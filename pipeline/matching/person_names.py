"""How two names agree, after what OCR, hurry and custom do to names. All names come as `plain` makes them."""

from __future__ import annotations

from functools import cache, lru_cache

import jellyfish
from rapidfuzz.distance import OSA, JaroWinkler

from pipeline.resources import CONFIG

ONE_NAME = ("exact", "misread", "slip", "close")  # spellings of one name
CLOSE = 0.93  # Jaro-Winkler above which two spellings are one name, told from each other by a letter or two
ALIKE = 0.80  # and below which two names are not one even if they sound alike
LONG = 5  # letters from which a slip of the pen or of the reader is told from another name
SHORT = 4  # names of fewer letters differ by one letter and are two names: Ann, Ian
VOWELS = frozenset("aeiouy")
SHORTENED = 3  # letters that a cut-off name must have: Chr for Christopher
SHAPES = (
    *(
        ("rn", "m"),
        ("ii", "u"),
        ("vv", "w"),
        ("cl", "d"),
        ("0", "o"),
        ("1", "l"),
        ("|", "l"),
        ("i", "l"),
        ("j", "l"),
    ),
    *(("5", "s"), ("8", "b"), ("3", "e"), ("h", "b"), ("e", "c"), ("6", "g"), ("9", "g"), ("2", "z")),
)
"""What looks alike on a poor copy: both sides written with one of the two."""


@cache
def nicknames() -> dict[str, frozenset[int]]:
    """The families of names (config/nicknames.txt, by line) that each name belongs to."""
    found: dict[str, set[int]] = {}
    lines = (CONFIG / "nicknames.txt").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if not line.startswith("#"):
            for name in line.split():
                found.setdefault(name, set()).add(number)
    return {name: frozenset(lines) for name, lines in found.items()}


@lru_cache(maxsize=4096)
def also_called(given: str) -> tuple[str, ...]:
    """Names that may stand for this given name, without itself."""
    mine = nicknames().get(given, frozenset())
    return (
        tuple(name for name, lines in nicknames().items() if lines & mine and name != given) if mine else ()
    )


@lru_cache(maxsize=65536)
def shape(name: str) -> str:
    """The name with look-alike letters made one."""
    for old, new in SHAPES:
        name = name.replace(old, new)
    return name


@lru_cache(maxsize=65536)
def spelling(a: str, b: str) -> str | None:
    """exact, misread (look-alike letters), slip (one letter too many, too few or in its neighbour's place),
    close (otherwise misspelt), sounds, or None where the two are different names."""
    a, b = squeezed(a), squeezed(b)
    if a == b:
        return "exact"
    if min(len(a), len(b)) >= SHORTENED and shape(a) == shape(b):
        return "misread"
    if min(len(a), len(b)) >= SHORT and OSA.distance(a, b) == 1:
        return "slip" if slipped(a, b) else "close"
    if min(len(a), len(b)) > SHORT and sorted(a) == sorted(b):
        return "close"
    likeness = JaroWinkler.similarity(a, b)
    if likeness >= CLOSE and min(len(a), len(b)) > SHORT:
        return "close"
    return "sounds" if likeness >= ALIKE and jellyfish.metaphone(a) == jellyfish.metaphone(b) else None


def slipped(a: str, b: str) -> bool:
    """Do two spellings, one edit apart, differ within the word by no mere exchange of one letter for another?
    First and last letters tell names from each other (Jaden and Kaden, Eric and Erica), and so does a vowel
    (Karen and Karin)."""
    if min(len(a), len(b)) < LONG or a[0] != b[0] or a[-1] != b[-1]:
        return False
    return (
        len(a) != len(b)
        or sorted(a) == sorted(b)
        or not VOWELS & {x for x, y in zip(a, b, strict=True) if x != y}
    )


@lru_cache(maxsize=65536)
def squeezed(name: str) -> str:
    """The name without blanks and hyphens."""
    return name.replace(" ", "").replace("-", "")


@lru_cache(maxsize=65536)
def given_level(a: str, b: str) -> str:
    """A level of [given] in config/match_weights.toml."""
    if len(a) == 1 or len(b) == 1:
        return "initial" if shape(a)[0] == shape(b)[0] or a[0] == b[0] else "different"
    alike = spelling(a, b)
    if alike == "exact":
        return alike
    if nicknames().get(a, frozenset()) & nicknames().get(b, frozenset()):
        return "nickname"
    if alike in ONE_NAME:
        return str(alike)
    if min(len(a), len(b)) >= SHORTENED and (a.startswith(b) or b.startswith(a)):
        return "prefix"
    return alike or "different"


@lru_cache(maxsize=65536)
def family_level(a: str, b: str) -> str:
    """A level of [family] in config/match_weights.toml, for two family names alone."""
    alike = spelling(a, b)
    if alike in ONE_NAME:
        return alike
    parts, others = [p for p in split(a) if len(p) > 2], [p for p in split(b) if len(p) > 2]
    if len(parts) + len(others) > 2 and any(spelling(p, o) in ONE_NAME for p in parts for o in others):
        return "part"
    return alike or "different"


def split(name: str) -> list[str]:
    """The parts of a name."""
    return name.replace("-", " ").split()
