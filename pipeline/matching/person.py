"""What is known of a person, in the form that comparisons need: plain letters, ISO dates, bare numbers, no
placeholders.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache

from pipeline.matching.addresses import NOWHERE, Home, home_of
from pipeline.matching.birth_dates import iso_date
from pipeline.records import PersonRecord

RECORD_KEYS = frozenset(f.name for f in fields(PersonRecord))
NO_NAME = """
    baby babyboy babygirl boy girl newborn infant bb bg male female unknown unk unnamed none null na test patient doe xxx zzz
    deceased refused notgiven noname anonymous nfn nln nmn
"""
NOT_A_NAME = frozenset(NO_NAME.split())
SUFFIXES = {
    "jr": "jr", "junior": "jr", "sr": "sr", "senior": "sr", "i": "1", "ii": "2", "2nd": "2", "iii": "3", "3rd": "3",
    "iv": "4", "4th": "4", "v": "5", "5th": "5",
}  # fmt: skip
SEXES = {"m": "M", "male": "M", "f": "F", "female": "F"}
PHONE_DIGITS = 10
SSN_DIGITS = 9
LAST_FOUR = 4
SSN_LEAST = 7  # digits: two may be lost, and other countries have shorter numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person's known values; None (or empty) is not known. `confidence`, in [0, 1] by field, is how surely
    each was read.
    """

    given: str | None = None
    middle: str | None = None
    family: str | None = None
    suffix: str | None = None
    dob: str | None = None
    sex: str | None = None
    mrn: str | None = None
    ssn: str | None = None
    medicaid: str | None = None
    home: Home = NOWHERE
    phone: str | None = None
    email: str | None = None
    mother_maiden: str | None = None
    guardian: str | None = None
    birth_order: str | None = None
    deceased: str | None = None
    other_given: tuple[str, ...] = ()
    other_family: tuple[str, ...] = ()
    other_numbers: tuple[str, ...] = ()
    """MRNs of other facilities, former MRNs."""
    confidence: Mapping[str, float] = field(default_factory=dict)

    def named(self) -> bool:
        return bool(self.given and self.family)


def person_from(record: Mapping[str, object], **more: object) -> Person:
    """A person from the match command's record keys. Keys that are not known are ignored, placeholders are
    not known.

    `more`: further values of Person, as they are.
    """
    said = {
        key: str(value).strip() for key, value in record.items() if value is not None and str(value).strip()
    }
    given, family, suffix = plain(said.get("given")), plain(said.get("family")), suffix_of(said.get("suffix"))
    family, suffix = without_suffix(family, suffix)
    given, suffix = without_suffix(given, suffix)
    middle = plain(said.get("middle"))
    if given and not middle and " " in given:
        given, middle = given.split(" ", 1)
    person = Person(
        given=name_or_none(given),
        middle=name_or_none(middle),
        family=name_or_none(family),
        suffix=suffix,
        dob=iso_date(said.get("dob")),
        sex=SEXES.get(said.get("sex", "").lower()),
        mrn=number_or_none(said.get("mrn")),
        ssn=ssn_or_none(said.get("ssn")),
        medicaid=number_or_none(said.get("medicaid")),
        home=home_of(said.get("address"), said.get("city"), said.get("state"), said.get("zip")),
        phone=phone_or_none(said.get("phone")),
        email=said.get("email", "").lower() or None,
        mother_maiden=name_or_none(plain(said.get("mother_maiden"))),
        guardian=name_or_none(plain(said.get("guardian_given"))),
        birth_order=said.get("birth_order"),
        deceased=iso_date(said.get("deceased")),
        other_given=names(said.get("alias")),
        other_family=names(said.get("previous_family")) + names(said.get("alias")),
    )
    return replace(person, **more) if more else person  # type: ignore[arg-type]


def record_of(said: Mapping[str, object]) -> PersonRecord:
    """The same values as they were said, for a person to see."""
    return PersonRecord(**{key: str(value) for key, value in said.items() if key in RECORD_KEYS and value})


@lru_cache(maxsize=65536)
def plain(name: str | None) -> str | None:
    """Lower-case letters without accents, apostrophes or points; hyphens stay, runs of blanks become one."""
    if not name:
        return None
    letters = unicodedata.normalize(
        "NFKD", name.replace("ß", "ss").replace("ø", "o").replace("ł", "l")
    ).lower()
    letters = re.sub(r"[^\w\s|-]|_", "", "".join(c for c in letters if not unicodedata.combining(c)))
    return re.sub(r"\s*-\s*", "-", " ".join(letters.split())).strip("-") or None


def name_or_none(name: str | None) -> str | None:
    """The name, unless it stands for not knowing one."""
    squeezed = re.sub(r"[\s-]", "", name or "")
    if (
        not squeezed
        or squeezed in NOT_A_NAME
        or re.fullmatch(r"(baby|bb|bg|infant|newborn)(boy|girl|[a-d])?\d?", squeezed)
    ):
        return None
    return name


def names(said: str | None) -> tuple[str, ...]:
    """One name or none."""
    name = name_or_none(plain(said))
    return (name,) if name and len(name) > 2 else ()


def suffix_of(said: str | None) -> str | None:
    """jr, sr, or the number of a generation."""
    return SUFFIXES.get(said.lower().strip(" .,")) if said else None


def without_suffix(name: str | None, suffix: str | None) -> tuple[str | None, str | None]:
    """A suffix that was written into the name, taken out of it."""
    if name and " " in name:
        head, last = name.rsplit(" ", 1)
        if last in SUFFIXES and last not in ("i", "v"):
            return head, suffix or SUFFIXES[last]
    return name, suffix


def number_or_none(said: str | None) -> str | None:
    """An identifier's letters and digits, in capitals; None where it is one character over and over."""
    number = re.sub(r"[^A-Za-z0-9]", "", said or "").upper()
    return number if len(number) >= 2 and len(set(number)) > 1 else None


def ssn_or_none(said: str | None) -> str | None:
    """A social security number's nine digits, or its last four; None for those that are given when it is not
    known.
    """
    number = number_or_none(said)
    if (
        number is None
        or number in ("123456789", "987654321", "1234", "078051120")
        or number.startswith(("000", "9999"))
    ):
        return None
    return number if len(number) == LAST_FOUR or SSN_LEAST <= len(number) <= SSN_DIGITS + 1 else None


def phone_or_none(said: str | None) -> str | None:
    """A phone number's last ten digits, or seven; None for placeholders."""
    digits = re.sub(r"\D", "", said or "")[-PHONE_DIGITS:]
    return digits if len(digits) >= 7 and len(set(digits[-7:])) > 1 and digits[-7:] != "1234567" else None
