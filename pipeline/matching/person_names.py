"""Compare names, allowing for OCR errors, typos, nicknames and shortened forms. All names must be normalized
by `normalize_name`."""

from __future__ import annotations

from functools import cache, lru_cache

import jellyfish
from rapidfuzz.distance import OSA, JaroWinkler

from pipeline.resources import CONFIG

SAME_NAME_LEVELS = ("exact", "misread", "typo", "close")  # spellings of one name
MIN_SPELLING_SIMILARITY = 0.93  # Jaro-Winkler: two spellings of one name, which differ by a letter or two
MIN_PHONETIC_SIMILARITY = 0.80  # Jaro-Winkler below which names that sound alike are still different names
MIN_TYPO_LETTERS = 5  # shorter names that differ by a typo may be different names
SHORT_NAME_LETTERS = 4  # shorter names that differ by one letter are different names: Ann, Ian
VOWELS = frozenset("aeiouy")
MIN_PREFIX_LETTERS = 3  # of a shortened name: Chr for Christopher
LOOKALIKE_SHAPES = (
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
"""Letters that look alike on a poor copy: (form, form that replaces it)."""


@cache
def nickname_groups() -> dict[str, frozenset[int]]:
    """Return for each name the groups (lines of config/nicknames.txt) that it belongs to."""
    groups: dict[str, set[int]] = {}
    lines = (CONFIG / "nicknames.txt").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if not line.startswith("#"):
            for name in line.split():
                groups.setdefault(name, set()).add(number)
    return {name: frozenset(numbers) for name, numbers in groups.items()}


@lru_cache(maxsize=4096)
def nickname_variants(given: str) -> tuple[str, ...]:
    """Return the other names that a person with this given name may use."""
    own_groups = nickname_groups().get(given, frozenset())
    if not own_groups:
        return ()
    return tuple(name for name, groups in nickname_groups().items() if groups & own_groups and name != given)


@lru_cache(maxsize=65536)
def normalize_shapes(name: str) -> str:
    """Return the name with look-alike letters replaced by one form."""
    for old, new in LOOKALIKE_SHAPES:
        name = name.replace(old, new)
    return name


@lru_cache(maxsize=65536)
def spelling_level(a: str, b: str) -> str | None:
    """Return how two spellings agree, or None if they are different names.

    exact     the same letters
    misread   the same except for look-alike letters
    typo      one letter added, missing or swapped with its neighbor
    close     otherwise misspelled
    phonetic  the same sound
    """
    a, b = without_separators(a), without_separators(b)
    if a == b:
        return "exact"
    if min(len(a), len(b)) >= MIN_PREFIX_LETTERS and normalize_shapes(a) == normalize_shapes(b):
        return "misread"
    if min(len(a), len(b)) >= SHORT_NAME_LETTERS and OSA.distance(a, b) == 1:
        return "typo" if is_typo(a, b) else "close"
    if min(len(a), len(b)) > SHORT_NAME_LETTERS and sorted(a) == sorted(b):
        return "close"
    similarity = JaroWinkler.similarity(a, b)
    if similarity >= MIN_SPELLING_SIMILARITY and min(len(a), len(b)) > SHORT_NAME_LETTERS:
        return "close"
    return (
        "phonetic"
        if similarity >= MIN_PHONETIC_SIMILARITY and jellyfish.metaphone(a) == jellyfish.metaphone(b)
        else None
    )


def is_typo(a: str, b: str) -> bool:
    """Return whether two spellings that are one edit apart differ by a typo inside the word.

    A different first or last letter makes another name (Jaden and Kaden, Eric and Erica), and so does a
    different vowel (Karen and Karin)."""
    if min(len(a), len(b)) < MIN_TYPO_LETTERS or a[0] != b[0] or a[-1] != b[-1]:
        return False
    return (
        len(a) != len(b)
        or sorted(a) == sorted(b)
        or not VOWELS & {x for x, y in zip(a, b, strict=True) if x != y}
    )


@lru_cache(maxsize=65536)
def without_separators(name: str) -> str:
    """Return the name without spaces and hyphens."""
    return name.replace(" ", "").replace("-", "")


@lru_cache(maxsize=65536)
def given_level(a: str, b: str) -> str:
    """Return a level of [given] in config/match_weights.toml."""
    if len(a) == 1 or len(b) == 1:
        return "initial" if normalize_shapes(a)[0] == normalize_shapes(b)[0] or a[0] == b[0] else "different"
    level = spelling_level(a, b)
    if level == "exact":
        return level
    if nickname_groups().get(a, frozenset()) & nickname_groups().get(b, frozenset()):
        return "nickname"
    if level in SAME_NAME_LEVELS:
        return str(level)
    if min(len(a), len(b)) >= MIN_PREFIX_LETTERS and (a.startswith(b) or b.startswith(a)):
        return "prefix"
    return level or "different"


@lru_cache(maxsize=65536)
def family_level(a: str, b: str) -> str:
    """Return a level of [family] in config/match_weights.toml, without regard to other names."""
    level = spelling_level(a, b)
    if level in SAME_NAME_LEVELS:
        return level
    parts, others = [p for p in split_name(a) if len(p) > 2], [p for p in split_name(b) if len(p) > 2]
    if len(parts) + len(others) > 2 and any(
        spelling_level(p, o) in SAME_NAME_LEVELS for p in parts for o in others
    ):
        return "part"
    return level or "different"


def split_name(name: str) -> list[str]:
    """Return the parts of a name."""
    return name.replace("-", " ").split()
