"""Parse names as they are printed: "Garcia-Lopez, Anna M", "Mr. John Smith Jr.", "PARSONS DEANNA S"."""

from __future__ import annotations

import re

from pipeline.matching.person import SUFFIXES

TITLE_PATTERN = re.compile(r"^(?:mr|mrs|ms|miss|mx|dr|prof|patient|pt|name)\b[. :]*", re.IGNORECASE)
DEGREE_PATTERN = re.compile(r",?\s+(?:M\.?D|D\.?O|R\.?N|Ph\.?D|Esq)\.?$")
MISREAD_SUFFIXES = {
    **dict.fromkeys(("ill", "lll", "iil", "1ll", "il1", "111", "|||"), "iii"),
    **dict.fromkeys(("il", "ll", "1i", "i1", "11", "||"), "ii"),
    **dict.fromkeys(("lv", "1v", "|v"), "iv"),
}
"""Suffixes as OCR misreads them -> the suffix. A word of letters among them ("Ill") is a suffix only after a
given and a family name."""
MAX_GIVEN_WORDS = 3
MAX_FAMILY_WORDS = 3
"""Words of the longest given and family name that are tried."""

MAX_READINGS = 18
MIN_JOINED_LETTERS = 4
"""Letters of the shortest given name that may have its owner's initial joined to it, without the initial."""


def parse_name(name: str) -> dict[str, str]:
    """Return the parts of a printed name: given, middle, family and suffix."""
    text = DEGREE_PATTERN.sub("", TITLE_PATTERN.sub("", " ".join(name.split()))).strip(" ,.;:")
    text, suffix = _split_last_suffix(text)
    if "," in text:
        family, rest = (part.strip() for part in text.split(",", 1))
        last = family.rsplit(" ", 1)
        if len(last) == 2 and (found := _suffix(last[1])):
            family, suffix = last[0], found
        given, _, middle = rest.replace(",", " ").strip().partition(" ")
    else:
        given, middle, family, suffix = _parse_without_comma(text.split(), suffix)
    return {"given": given, "middle": middle.strip(), "family": family, "suffix": suffix}


def name_readings(name: str) -> list[dict[str, str]]:
    """Return all parts that a printed name may have, the most usual first.

    Without a comma it may begin with the given or the family name, each of several words ("Abdul Rahman El
    Sayed"). Before a comma the end of a misread label may stand ("NT PEREZ, JAMES"), and after it the initial
    may be joined to the given name ("PAMELAJ").
    """
    usual = parse_name(name)
    if "," in name.strip(" ,") and usual["family"] and usual["given"]:
        found = _readings_with_comma(usual)
    else:
        words = [word for part in ("given", "middle", "family") for word in usual[part].split()]
        found = _readings_without_comma(words, usual["suffix"])
        found = [*found[1:2], *found[:1], *found[2:]]
    unique = {tuple(parts.values()): parts for parts in (usual, *found)}
    return list(unique.values())[:MAX_READINGS]


def _readings_with_comma(usual: dict[str, str]) -> list[dict[str, str]]:
    family, rest = usual["family"].split(), [usual["given"], *usual["middle"].split()]
    splits = [(rest[:n], rest[n:]) for n in range(1, len(rest) + 1)]
    if len(rest) == 1 and len(rest[0]) > MIN_JOINED_LETTERS and rest[0].isalpha():
        splits.append(([rest[0][:-1]], [rest[0][-1]]))
    return [
        usual | {"given": " ".join(given), "middle": " ".join(middle), "family": " ".join(family[start:])}
        for start in range(len(family))
        for given, middle in splits
    ]


def _readings_without_comma(words: list[str], suffix: str) -> list[dict[str, str]]:
    """Return the readings of words that begin with the given name, and of those that begin with the family
    name."""
    readings = []
    for family in range(1, min(MAX_FAMILY_WORDS, len(words) - 1) + 1):
        for given in range(1, min(MAX_GIVEN_WORDS, len(words) - family) + 1):
            inner = len(words) - family - given
            for first, second, order in (
                (given, inner, ("given", "middle", "family")),
                (family, given, ("family", "given", "middle")),
            ):
                parts = (words[:first], words[first : first + second], words[first + second :])
                named = {part: " ".join(text) for part, text in zip(order, parts, strict=True)}
                readings.append(
                    {part: named[part] for part in ("given", "middle", "family")} | {"suffix": suffix}
                )
    return readings


def natural_order(parts: dict[str, str]) -> str:
    """Return the name of these parts with the given name first."""
    return " ".join(filter(None, (parts[part] for part in ("given", "middle", "family", "suffix"))))


def _split_last_suffix(text: str) -> tuple[str, str]:
    """Return a name without the suffix at its end, and the suffix."""
    match = re.search(r"[, ]+([\w|]+)\.?$", text)
    if match and match.start() and match[1].lower() not in ("i", "v"):
        is_misread = match[1].lower() in MISREAD_SUFFIXES
        if not (is_misread and len(text[: match.start()].replace(",", " ").split()) < 2):
            suffix = _suffix(match[1])
            if suffix:
                return text[: match.start()], suffix
    return text, ""


def _suffix(word: str) -> str:
    """Return the suffix that a word is or was misread from; else an empty string."""
    low = word.lower().strip(".")
    return MISREAD_SUFFIXES.get(low, word.strip(".") if low in SUFFIXES else "")


def _parse_without_comma(words: list[str], suffix: str) -> tuple[str, str, str, str]:
    """Return given, middle, family and suffix of a name without a comma ("George Jr. Jonathan", "Reyes Ana
    M")."""
    at = next(
        (n for n, word in enumerate(words[1:-1], 1) if word.lower().strip(".") in SUFFIXES and len(word) > 1),
        None,
    )
    if at is not None:
        return words[at + 1], " ".join(words[at + 2 :]), " ".join(words[:at]), words[at].strip(".")
    if len(words) > 2 and len(words[-1].strip(".")) == 1:
        return words[1], " ".join(words[2:]), words[0], suffix
    *first, family = words or [""]
    return (first[0] if first else ""), " ".join(first[1:]), family, suffix
