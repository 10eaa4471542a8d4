"""Normalize and compare addresses: house number, street, city, state and zip code."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import fuzz
from rapidfuzz.distance import JaroWinkler

ABBREVIATIONS = {
    "street": "st", "avenue": "ave", "av": "ave", "road": "rd", "drive": "dr", "lane": "ln", "court": "ct",
    "circle": "cir", "place": "pl", "boulevard": "blvd", "highway": "hwy", "parkway": "pkwy",
    "terrace": "ter", "square": "sq", "trail": "trl", "north": "n", "south": "s", "east": "e", "west": "w",
    "mount": "mt", "saint": "st", "sainte": "st", "ste": "st", "fort": "ft", "crescent": "cres",
    "township": "twp",
}  # fmt: skip
UNIT_PATTERN = re.compile(r"\b(?:apt|apartment|suite|unit|room|rm|floor|lot|no|#)\b.*$")
STREET_SUFFIXES = frozenset(
    ["st", "ave", "rd", "dr", "ln", "ct", "cir", "pl", "blvd", "hwy", "pkwy", "ter", "sq", "trl", "cres"]
)
MIN_STREET_SIMILARITY = 0.90  # Jaro-Winkler: one or two wrong letters in a street's name
MIN_CITY_SIMILARITY = 0.88  # Jaro-Winkler


@dataclass(frozen=True, slots=True)
class Address:
    """A home address in normalized form; unknown parts are empty."""

    number: str = ""
    street: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""

    def __bool__(self) -> bool:
        return bool(self.street or self.city or self.zip)


NO_ADDRESS = Address()


@lru_cache(maxsize=16384)
def parse_address(address: str | None, city: str | None, state: str | None, zip_code: str | None) -> Address:
    """Return an address in normalized form: abbreviated street types, no unit, five digits of the zip
    code."""
    words = normalize_address(re.sub(r"\bste\b", "suite", (address or "").lower()))
    words = UNIT_PATTERN.sub("", words).strip()
    match = re.match(r"(\d+[a-z]?)\s+(.*)", words)
    number, street = (match[1], match[2]) if match else ("", words)
    parts = street.split()
    while len(parts) > 1 and parts[-1] in STREET_SUFFIXES:
        parts.pop()
    return Address(
        number,
        " ".join(parts),
        normalize_address(city or ""),
        (state or "").lower(),
        re.sub(r"\D", "", zip_code or "")[:5],
    )


def normalize_address(text: str) -> str:
    """Return lower-case words without periods and accents, with common words abbreviated."""
    letters = "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(c))
    return " ".join(
        ABBREVIATIONS.get(word, word) for word in re.sub(r"[^\w# ]", " ", letters).replace("#", " # ").split()
    )


def address_level(left: Address, right: Address) -> str | None:
    """Return how two addresses agree: home, near_home, street, zip, city or elsewhere; None if they cannot be
    compared.
    """
    if left.street and right.street:
        similarity = street_similarity(left.street, right.street)
        same_number = left.number == right.number if left.number and right.number else None
        if similarity >= MIN_STREET_SIMILARITY and same_number is not False:
            return "home" if same_number else "near_home"
        if (
            similarity == 1.0
            and same_number is False
            and house_numbers_similar(left.number, right.number)
            and in_same_town(left, right)
        ):
            return "near_home"
        if similarity >= MIN_STREET_SIMILARITY and in_same_town(left, right):
            return "street"
    if left.zip and left.zip == right.zip:
        return "zip"
    if left.city and right.city and JaroWinkler.similarity(left.city, right.city) >= MIN_CITY_SIMILARITY:
        return "city"
    comparable = (left.street and right.street) or (left.zip and right.zip) or (left.city and right.city)
    return "elsewhere" if comparable else None


@lru_cache(maxsize=16384)
def street_similarity(a: str, b: str) -> float:
    """Return the similarity of two streets, in [0, 1]; the order of words and additional building names do
    not count."""
    return max(
        JaroWinkler.similarity(a.replace(" ", ""), b.replace(" ", "")), fuzz.token_set_ratio(a, b) / 100
    )


def house_numbers_similar(a: str, b: str) -> bool:
    """Return whether two house numbers differ by one digit that is missing, added or wrong."""
    return abs(len(a) - len(b)) <= 1 and (
        a in b or b in a or sum(x != y for x, y in zip(a, b, strict=False)) == 1
    )


def in_same_town(left: Address, right: Address) -> bool:
    """Return whether both addresses have the same zip code or city."""
    return bool(left.zip and left.zip == right.zip) or bool(left.city and left.city == right.city)
