"""Addresses in a form that can be compared: house number, street, unit, city, zip."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import fuzz
from rapidfuzz.distance import JaroWinkler

WORDS = {
    "street": "st", "avenue": "ave", "av": "ave", "road": "rd", "drive": "dr", "lane": "ln", "court": "ct", "circle": "cir",
    "place": "pl", "boulevard": "blvd", "highway": "hwy", "parkway": "pkwy", "terrace": "ter", "square": "sq", "trail": "trl",
    "north": "n", "south": "s", "east": "e", "west": "w", "mount": "mt", "saint": "st", "sainte": "st", "ste": "st",
    "fort": "ft", "crescent": "cres", "township": "twp",
}  # fmt: skip
UNIT = re.compile(r"\b(?:apt|apartment|suite|unit|room|rm|floor|lot|no|#)\b.*$")
KINDS_OF_STREET = frozenset(
    ["st", "ave", "rd", "dr", "ln", "ct", "cir", "pl", "blvd", "hwy", "pkwy", "ter", "sq", "trl", "cres"]
)
CLOSE_STREET = 0.90  # Jaro-Winkler; one or two letters wrong in a street's name
CLOSE_CITY = 0.88


@dataclass(frozen=True, slots=True)
class Home:
    """Where somebody lives; an empty text is not known."""

    number: str = ""
    street: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""

    def __bool__(self) -> bool:
        return bool(self.street or self.city or self.zip)


NOWHERE = Home()


@lru_cache(maxsize=16384)
def home_of(address: str | None, city: str | None, state: str | None, zip_code: str | None) -> Home:
    """An address in one common form: short words for kinds of street, no unit, the zip's first five."""
    words = standard(re.sub(r"\bste\b", "suite", (address or "").lower()))
    words = UNIT.sub("", words).strip()
    found = re.match(r"(\d+[a-z]?)\s+(.*)", words)
    number, street = (found[1], found[2]) if found else ("", words)
    parts = street.split()
    while len(parts) > 1 and parts[-1] in KINDS_OF_STREET:
        parts.pop()
    return Home(
        number,
        " ".join(parts),
        standard(city or ""),
        (state or "").lower(),
        re.sub(r"\D", "", zip_code or "")[:5],
    )


def standard(text: str) -> str:
    """Lower-case words without points and accents, the usual ones shortened."""
    letters = "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(c))
    return " ".join(
        WORDS.get(word, word) for word in re.sub(r"[^\w# ]", " ", letters).replace("#", " # ").split()
    )


def home_level(left: Home, right: Home) -> str | None:
    """How two homes agree: home, near_home, street, zip, city, elsewhere; None where they cannot be
    compared.
    """
    if left.street and right.street:
        street = street_likeness(left.street, right.street)
        numbers = left.number == right.number if left.number and right.number else None
        if street >= CLOSE_STREET and numbers is not False:
            return "home" if numbers else "near_home"
        if (
            street == 1.0
            and numbers is False
            and near_number(left.number, right.number)
            and town(left, right)
        ):
            return "near_home"
        if street >= CLOSE_STREET and town(left, right):
            return "street"
    if left.zip and left.zip == right.zip:
        return "zip"
    if left.city and right.city and JaroWinkler.similarity(left.city, right.city) >= CLOSE_CITY:
        return "city"
    comparable = (left.street and right.street) or (left.zip and right.zip) or (left.city and right.city)
    return "elsewhere" if comparable else None


@lru_cache(maxsize=16384)
def street_likeness(a: str, b: str) -> float:
    """How alike two streets are, in [0, 1], whatever the order of their words and whichever names a building
    besides.
    """
    return max(
        JaroWinkler.similarity(a.replace(" ", ""), b.replace(" ", "")), fuzz.token_set_ratio(a, b) / 100
    )


def near_number(a: str, b: str) -> bool:
    """One figure of the house number dropped, added or wrong."""
    return abs(len(a) - len(b)) <= 1 and (
        a in b or b in a or sum(x != y for x, y in zip(a, b, strict=False)) == 1
    )


def town(left: Home, right: Home) -> bool:
    """Are both in one town?"""
    return bool(left.zip and left.zip == right.zip) or bool(left.city and left.city == right.city)
