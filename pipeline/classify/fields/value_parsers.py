"""Read the value of each kind of field from the words after its label."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from pipeline.classify.fields import identifiers, name_parsing, page_zones
from pipeline.classify.fields.date_parsing import find_dates
from pipeline.records import Word

SEX_VALUES = {
    "m": "male",
    "male": "male",
    "f": "female",
    "female": "female",
    "fem": "female",
    "man": "male",
    "woman": "female",
}

MIN_MRN_DIGITS = 4
"""Digits of the shortest record number: "(555)" is the start of a telephone number."""

MAX_MRN_DIGITS = 14
"""Digits of the longest record number; receipts and barcodes have longer ones."""

MIN_PART_LETTERS = 2
MAX_PART_WORDS = 3
"""Words of the longest family name or given name."""

MAX_AGE_YEARS = 119
DATE_WORDS = 6
"""Words after a label within which its date may be."""

SEX_WORDS = 3
"""Words after a label within which the sex may be."""

ParsedValue: TypeAlias = tuple[str, tuple[Word, ...]]
"""A normalized value and its words."""


def parse_value(field: str, words: Sequence[Word]) -> ParsedValue | None:
    """Return the value of a field that the words after its label hold, and its words; None if they hold
    none.
    """
    parse = PARSERS.get(field)
    return parse(words) if parse else None


def _parse_patient_name(words: Sequence[Word]) -> ParsedValue | None:
    name = name_parsing.name_words(words) or name_parsing.numbered_name_words(words)
    if not name or not name_parsing.is_name(name, labeled=True):
        return None
    if name_parsing.credential_follows(words, name, labeled=True):
        return None
    following = words[words.index(name[-1]) + 1 :][:1] if name[-1] in words else ()
    if following and name_parsing.is_organization_word(following[0].text):
        return None  # "Federal Employees Benefit Plan"
    return name_parsing.natural_name_order(name), name


def _parse_initial(words: Sequence[Word]) -> ParsedValue | None:
    return _parse_name_part(words, allow_initial=True)


def _parse_name_part(words: Sequence[Word], *, allow_initial: bool = False) -> ParsedValue | None:
    """Return a family or given name that has a label of its own, or a middle name or initial."""
    name = name_parsing.name_words(words)[:MAX_PART_WORDS]
    if not name or name_parsing.is_clinician(name):
        return None
    if not allow_initial and all(len(word.text.strip(".,")) < MIN_PART_LETTERS for word in name):
        return None
    return " ".join(word.text.strip(".,;:|") for word in name), name


def _parse_author(words: Sequence[Word]) -> ParsedValue | None:
    name = name_parsing.name_words(name_parsing.skip_clinician_prefix(words))
    next_words = words[words.index(name[-1]) + 1 :][:1] if name and name[-1] in words else ()
    if next_words and page_zones.FACILITY_WORD.search(next_words[0].text):
        return None  # "Signed: Mercy Ridge Hospital"
    name = tuple(word for word in name if not name_parsing.is_credential(word.text))
    return (name_parsing.natural_name_order(name), name) if len(name) >= 2 else None


def _parse_birth_date(words: Sequence[Word]) -> ParsedValue | None:
    return _parse_date(words, birth=True)


def _parse_date(words: Sequence[Word], *, birth: bool = False) -> ParsedValue | None:
    parsed = next(find_dates(words[:DATE_WORDS], birth=birth, labeled=True), None)
    return (parsed.value.isoformat(), parsed.words) if parsed else None


def _parse_mrn(words: Sequence[Word]) -> ParsedValue | None:
    identifier = identifiers.find_identifier(words)
    if identifier and MIN_MRN_DIGITS <= sum(c.isdigit() for c in identifier[0]) <= MAX_MRN_DIGITS:
        return identifier
    return None


def _parse_sex(words: Sequence[Word]) -> ParsedValue | None:
    for word in words[:SEX_WORDS]:
        sex = SEX_VALUES.get(word.text.strip(".,;:|/()[]").lower())
        if sex:
            return sex, (word,)
    return None


def _parse_age(words: Sequence[Word]) -> ParsedValue | None:
    digits = "".join(c for c in words[0].text if c.isdigit())
    return (digits, (words[0],)) if digits and int(digits) <= MAX_AGE_YEARS else None


def _parse_address(words: Sequence[Word]) -> ParsedValue | None:
    text = page_zones.normalized_text(words)
    return (text, tuple(words)) if page_zones.is_address(text) else None


def _parse_facility(words: Sequence[Word]) -> ParsedValue | None:
    text = page_zones.normalized_text(words)
    return (text, tuple(words)) if page_zones.is_facility(text) else None


PARSERS: Mapping[str, Callable[[Sequence[Word]], ParsedValue | None]] = {
    "patient_name": _parse_patient_name,
    "author": _parse_author,
    "middle_name": _parse_initial,
    **dict.fromkeys(("family_name", "given_name"), _parse_name_part),
    "dob": _parse_birth_date,
    "mrn": _parse_mrn,
    "sex": _parse_sex,
    "age": _parse_age,
    "phone": identifiers.find_phone,
    "address": _parse_address,
    "facility": _parse_facility,
    **dict.fromkeys(("date_of_service", "discharge_date", "admission_date"), _parse_date),
    "member_id": identifiers.find_prefixed_identifier,
    **dict.fromkeys(("account", "accession", "group", "ssn"), identifiers.find_identifier),
}
"""Field -> how its value is read from the words after its label."""
