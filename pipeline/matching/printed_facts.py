"""Verify a patient's record on a document: which of its facts are printed where, and which value labeled as
the patient's contradicts it.

For each record the page is read again: a value that the index field missed is taken from the mentions if it
agrees with the record. What a strong label states to be the patient's is never replaced, except by another
reading of the same print. Having picked a value because it agrees makes an agreement by chance more likely;
`Person.trials` counts that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pipeline.matching.addresses import address_level
from pipeline.matching.birth_dates import date_level
from pipeline.matching.comparison_levels import (
    NAME_LEVELS,
    NUMBER_LEVELS,
    family_name_level,
    given_name_level,
    middle_level,
    number_level,
    phone_level,
    ssn_level,
)
from pipeline.matching.decision_rules import AGREEMENT_LEVELS, EXACT_SPELLING_LEVELS
from pipeline.matching.page_evidence import PageEvidence, Reading
from pipeline.matching.person import Person
from pipeline.matching.same_print import same_print
from pipeline.records import Field, Mention, PrintedFact, Role

NAME_PARTS = ("given", "middle", "family", "suffix")
FIELD_OF_FACT = {"name": "patient_name", "home": "address"}
"""Evidence -> the index field of the fact, if the two have different names."""

UNKNOWN_ROLE_CONFIDENCE = 0.9
"""Probability that an unlabeled value that agrees with a record is the patient's, not another person's."""

CONTACT_EVIDENCE = ("phone", "home")
"""Values that letterheads and other people have too: they are taken only from below the patient's name."""

MAX_CONTACT_DISTANCE_LINES = 8.0
"""Line heights below the patient's name within which an address or a phone is the patient's."""

PICKED_LEVELS = {
    "name": EXACT_SPELLING_LEVELS,
    **dict.fromkeys(("dob", "mrn", "phone", "ssn"), frozenset(("exact",))),
    "home": frozenset(("home",)),
}
"""The levels at which a value is taken from the mentions, and at which no better one is looked for."""


@dataclass(frozen=True, slots=True)
class VerifiedRecord:
    """What a document prints if it is about this patient. `person`: the values to compare with the record.
    `facts`: the facts of the record that are printed.
    """

    person: Person
    facts: tuple[PrintedFact, ...]


def verify(record: Person, page: PageEvidence) -> VerifiedRecord:
    """Return what the document prints of a patient's record."""
    person, facts = page.chosen, []
    for name in page.readings:
        chosen_level = _level(name, page.chosen, record)
        picked = _pick(name, record, page, chosen_level)
        if picked is not None:
            reading, level = picked
            person = _with_value(person, name, reading, page.count_values(name))
            facts.append(_fact_of_reading(name, reading, level, page.fields.get(name)))
        elif chosen_level is not None and _agrees(name, chosen_level) and name in page.fields:
            facts.append(_fact_of_field(name, page.fields[name], chosen_level, page))
    return VerifiedRecord(person, tuple(facts))


def _pick(
    name: str, record: Person, page: PageEvidence, chosen_level: str | None
) -> tuple[Reading, str] | None:
    """Return the mention that agrees with the record better than the index field, and its level; None to
    keep the index field.
    """
    if chosen_level is not None and _is_good(name, chosen_level):
        return None
    readings = page.readings[name]
    agreeing = [(reading, level) for reading in readings if (level := _level(name, reading.person, record))]
    agreeing = [(reading, level) for reading, level in agreeing if _is_good(name, level)]
    if name in CONTACT_EVIDENCE:
        agreeing = [pair for pair in agreeing if _is_below_name(pair[0].mention, page.fields.get("name"))]
    if not agreeing:
        return None
    reading, level = max(agreeing, key=lambda pair: _preference(name, pair[0], pair[1], record))
    if reading.is_stated:
        return reading, level
    for other in readings:
        place, here = other.mention, reading.mention
        if (
            other.is_stated
            and not page.is_nobody(other.person)
            and not same_print(place.page, place.box, here.page, here.box)
            and not _tolerates(name, _level(name, other.person, record))
        ):
            return None  # a label says that another value is the patient's
    if name == "name" and _field_names_someone_else(page, reading, chosen_level):
        numbers = page.readings["mrn"]
        if all(_level("mrn", number.person, record) != "exact" for number in numbers):
            return None  # only patients have a record number on a page, other people have birth dates too
    return reading, level


def _field_names_someone_else(page: PageEvidence, reading: Reading, chosen_level: str | None) -> bool:
    """Return whether the index field of the name is another person's, printed elsewhere."""
    field, mention = page.fields.get("name"), reading.mention
    return (
        field is not None
        and chosen_level is not None
        and not _agrees("name", chosen_level)
        and not page.is_nobody(page.chosen)
        and not same_print(field.page, field.box, mention.page, mention.box)
    )


def _preference(name: str, reading: Reading, level: str, record: Person) -> tuple[object, ...]:
    """Return what makes a reading preferable, the most important first: its label, then how exactly it
    agrees; of a name also the middle name and the suffix."""
    mention, person = reading.mention, reading.person
    agreement: tuple[object, ...] = ()
    if name == "name":
        middle = middle_level(person.middle, record.middle) if person.middle and record.middle else ""
        differs = middle == "different" or (
            person.suffix and record.suffix and person.suffix != record.suffix
        )
        agreement = (not differs, -NAME_LEVELS.index(level), bool(middle))
    return (mention.role is Role.PATIENT, mention.strength, *agreement)


def _is_below_name(mention: Mention, name: Field | None) -> bool:
    """Return whether an address or a phone belongs to the patient: its label says so, or it is right below
    the patient's name."""
    if mention.role is Role.PATIENT:
        return True
    if name is None or name.page != mention.page:
        return False
    gap = mention.box[1] - name.box[1]
    return -mention.height / 2 <= gap <= MAX_CONTACT_DISTANCE_LINES * mention.height


def _tolerates(name: str, level: str | None) -> bool:
    """Return whether a stated value at this level leaves room for another value of the same patient: a number
    in another format may be another facility's."""
    return level is None or _is_good(name, level) or (name == "mrn" and level == "incompatible_format")


def _level(name: str, person: Person, record: Person) -> str | None:
    """Return how a value agrees with the record; of a name the weaker of given and family name."""
    if name == "name":
        levels = (given_name_level(person, record), family_name_level(person, record))
        return None if None in levels else max(levels, key=lambda level: NAME_LEVELS.index(level or ""))
    ours, theirs = getattr(person, name), getattr(record, name)
    if not ours or (not theirs and not (name == "mrn" and record.other_numbers)):
        return None
    if name == "mrn":
        numbers = [number for number in (theirs, *record.other_numbers) if number]
        return min((number_level(ours, number) for number in numbers), key=NUMBER_LEVELS.index)
    compare: Mapping[str, Any] = {
        "dob": date_level, "phone": phone_level, "home": address_level, "ssn": ssn_level,
    }  # fmt: skip
    level: str | None = compare[name](ours, theirs)
    return level


def _is_good(name: str, level: str) -> bool:
    """Return whether a value agrees so well that no better one is looked for."""
    return level in PICKED_LEVELS[name]


def _agrees(name: str, level: str) -> bool:
    return level in AGREEMENT_LEVELS[name]


def _with_value(person: Person, name: str, reading: Reading, trials: int) -> Person:
    """Return the person with the value of a mention, and among how many it was picked."""
    parts = NAME_PARTS if name == "name" else (name,)
    is_labeled = reading.mention.role is Role.PATIENT
    certainty = 1.0 if is_labeled else UNKNOWN_ROLE_CONFIDENCE
    changes: dict[str, Any] = {part: getattr(reading.person, part) for part in parts}
    confidence = {**person.confidence, **dict.fromkeys(parts, certainty)}
    counted = {**person.trials, "family" if name == "name" else name: trials}
    return replace(person, **changes, confidence=confidence, trials=counted)


def _fact_of_reading(name: str, reading: Reading, level: str, field: Field | None) -> PrintedFact:
    """Return the fact that a mention states. It is chosen if the index field is a reading of that print."""
    mention = reading.mention
    chosen = field is not None and same_print(field.page, field.box, mention.page, mention.box)
    return PrintedFact(
        field=FIELD_OF_FACT.get(name, name),
        value=reading.text,
        level=level,
        page=mention.page,
        box=mention.box,
        role=mention.role,
        chosen=chosen,
        height=mention.height,
    )


def _fact_of_field(name: str, field: Field, level: str, page: PageEvidence) -> PrintedFact:
    """Return the fact that an index field states. It has the role of the mention at its place; a field
    without one was read from a label of the patient."""
    mention = next(
        (
            reading.mention
            for reading in page.readings[name]
            if same_print(field.page, field.box, reading.mention.page, reading.mention.box)
        ),
        None,
    )
    return PrintedFact(
        field=field.name,
        value=field.value,
        level=level,
        page=field.page,
        box=field.box,
        role=mention.role if mention else Role.PATIENT,
        chosen=True,
        height=mention.height if mention else 0.0,
    )
