"""A person's data in normalized form for comparisons: lower-case letters, ISO dates, plain numbers, no
placeholders.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache

from pipeline.matching.addresses import NO_ADDRESS, Address, parse_address
from pipeline.matching.birth_dates import to_iso_date
from pipeline.records import PersonRecord

RECORD_KEYS = frozenset(f.name for f in fields(PersonRecord))
PLACEHOLDERS = """
    baby babyboy babygirl boy girl newborn infant bb bg male female unknown unk unnamed none
    patient xxx zzz deceased refused notgiven noname anonymous nfn nln nmn
"""
PLACEHOLDER_NAMES = frozenset(PLACEHOLDERS.split())
SUFFIXES = {
    "jr": "jr", "junior": "jr", "sr": "sr", "senior": "sr", "i": "1", "ii": "2", "2nd": "2", "iii": "3",
    "3rd": "3", "iv": "4", "4th": "4", "v": "5", "5th": "5",
}  # fmt: skip
SEXES = {"m": "M", "male": "M", "f": "F", "female": "F"}
PHONE_DIGITS = 10
SSN_DIGITS = 9
SSN_SUFFIX_DIGITS = 4
MIN_SSN_DIGITS = 7  # two may be lost, and other countries have shorter numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person's known values; unknown ones are None or empty. `confidence` is the OCR confidence by field,
    in [0, 1]. `trials`: among how many values of a page a field's value was picked because it agrees with the
    record that it is compared with; missing for a value that was picked without looking at the record."""

    given: str | None = None
    middle: str | None = None
    family: str | None = None
    suffix: str | None = None
    dob: str | None = None
    sex: str | None = None
    mrn: str | None = None
    ssn: str | None = None
    medicaid: str | None = None
    home: Address = NO_ADDRESS
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
    trials: Mapping[str, int] = field(default_factory=dict)

    def named(self) -> bool:
        return bool(self.given and self.family)


def person_from_record(record: Mapping[str, object], **more: object) -> Person:
    """Return a person from the match command's record keys.

    Unknown keys are ignored, and placeholders count as unknown.

    Args:
        record: values by key, as entered.
        more: further values of Person, already normalized.
    """
    values = {
        key: str(value).strip() for key, value in record.items() if value is not None and str(value).strip()
    }
    given, family, suffix = (
        normalize_name(values.get("given")),
        normalize_name(values.get("family")),
        normalize_suffix(values.get("suffix")),
    )
    family, suffix = split_suffix(family, suffix)
    given, suffix = split_suffix(given, suffix)
    middle = normalize_name(values.get("middle"))
    if given and not middle and " " in given:
        given, middle = given.split(" ", 1)
    person = Person(
        given=without_placeholder(given),
        middle=without_placeholder(middle),
        family=without_placeholder(family),
        suffix=suffix,
        dob=to_iso_date(values.get("dob")),
        sex=SEXES.get(values.get("sex", "").lower()),
        mrn=normalize_number(values.get("mrn")),
        ssn=normalize_ssn(values.get("ssn")),
        medicaid=normalize_number(values.get("medicaid")),
        home=parse_address(values.get("address"), values.get("city"), values.get("state"), values.get("zip")),
        phone=normalize_phone(values.get("phone")),
        email=values.get("email", "").lower() or None,
        mother_maiden=without_placeholder(normalize_name(values.get("mother_maiden"))),
        guardian=without_placeholder(normalize_name(values.get("guardian_given"))),
        birth_order=values.get("birth_order"),
        deceased=to_iso_date(values.get("deceased")),
        other_given=name_tuple(values.get("alias")),
        other_family=name_tuple(values.get("previous_family")) + name_tuple(values.get("alias")),
    )
    return replace(person, **more) if more else person  # type: ignore[arg-type]


def record_from_values(values: Mapping[str, object]) -> PersonRecord:
    """Return the values as entered, for display."""
    return PersonRecord(**{key: str(value) for key, value in values.items() if key in RECORD_KEYS and value})


@lru_cache(maxsize=65536)
def normalize_name(name: str | None) -> str | None:
    """Return a name in lower case, without accents, apostrophes and periods.

    Hyphens are kept; runs of spaces become one."""
    if not name:
        return None
    letters = unicodedata.normalize(
        "NFKD", name.replace("ß", "ss").replace("ø", "o").replace("ł", "l")
    ).lower()
    letters = re.sub(r"[^\w\s|-]|_", "", "".join(c for c in letters if not unicodedata.combining(c)))
    return re.sub(r"\s*-\s*", "-", " ".join(letters.split())).strip("-") or None


def without_placeholder(name: str | None) -> str | None:
    """Return the name, or None if it is a placeholder for an unknown name."""
    squeezed = re.sub(r"[\s-]", "", name or "")
    if (
        not squeezed
        or squeezed in PLACEHOLDER_NAMES
        or re.fullmatch(r"(baby|bb|bg|infant|newborn)(boy|girl|[a-d])?\d?", squeezed)
    ):
        return None
    return name


def name_tuple(text: str | None) -> tuple[str, ...]:
    """Return a normalized name as a tuple, which is empty if there is no name."""
    name = without_placeholder(normalize_name(text))
    return (name,) if name and len(name) > 2 else ()


def normalize_suffix(text: str | None) -> str | None:
    """Return jr, sr, or the number of a generation."""
    return SUFFIXES.get(text.lower().strip(" .,")) if text else None


def split_suffix(name: str | None, suffix: str | None) -> tuple[str | None, str | None]:
    """Return the name without a suffix that was written into it, and the suffix."""
    if name and " " in name:
        head, last = name.rsplit(" ", 1)
        if last in SUFFIXES and last not in ("i", "v"):
            return head, suffix or SUFFIXES[last]
    return name, suffix


def normalize_number(text: str | None) -> str | None:
    """Return an identifier's letters and digits in upper case; None if it is one repeated character."""
    number = re.sub(r"[^A-Za-z0-9]", "", text or "").upper()
    return number if len(number) >= 2 and len(set(number)) > 1 else None


def normalize_ssn(text: str | None) -> str | None:
    """Return a social security number or its last four digits; None for placeholders."""
    number = normalize_number(text)
    if (
        number is None
        or number in ("123456789", "987654321", "1234", "078051120")
        or number.startswith(("000", "9999"))
    ):
        return None
    return (
        number
        if len(number) == SSN_SUFFIX_DIGITS or MIN_SSN_DIGITS <= len(number) <= SSN_DIGITS + 1
        else None
    )


def normalize_phone(text: str | None) -> str | None:
    """Return a phone number's last ten digits, or seven; None for placeholders."""
    digits = re.sub(r"\D", "", text or "")[-PHONE_DIGITS:]
    return digits if len(digits) >= 7 and len(set(digits[-7:])) > 1 and digits[-7:] != "1234567" else None
