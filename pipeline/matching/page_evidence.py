"""The evidence of a document's pages for matching: its index fields and its mentions, in normalized form."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from pipeline.matching.document_matching import person_from_document
from pipeline.matching.person import Person, normalize_name, person_from_record, without_placeholder
from pipeline.matching.printed_names import name_readings, natural_order
from pipeline.records import Document, Field, Mention, Role

FIELD_BY_KIND = {
    "name": "name", "date": "dob", "number": "mrn", "phone": "phone", "address": "home", "ssn": "ssn",
}  # fmt: skip
"""Kind of a mention -> the evidence that it may be."""

FIELDS_OF_EVIDENCE = {
    "name": ("patient_name",),
    "dob": ("dob",),
    "mrn": ("mrn",),
    "phone": ("phone", "patient_phone"),
    "home": ("address", "patient_address"),
    "ssn": ("ssn",),
}
"""Evidence -> the index fields that state it."""

LABELS_OF_OTHER_NUMBERS = frozenset(
    (
        "phone",
        "ssn",
        "date_of_service",
        "admission_date",
        "discharge_date",
        "dob",
        "address",
        "facility",
        "age",
    )
)
"""Fields of labels whose numbers are not record, account or member numbers."""

MIN_STATED_STRENGTH = {"name": 0.4, "dob": 0.8, "mrn": 0.8, "ssn": 0.8}
"""Label strength from which a value is stated to be the patient's, so that another value contradicts it. For
a name a weak label ("Name", "Re") is enough; a weakly labeled number or date may be something else's."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a mention: a person of whom only that value is known, and the value for display (a name
    in natural order)."""

    person: Person
    text: str
    mention: Mention

    @property
    def is_stated(self) -> bool:
        """Whether a strong label says that the value is the patient's."""
        least = MIN_STATED_STRENGTH.get(FIELD_BY_KIND[self.mention.kind], 1.0)
        return self.mention.role is Role.PATIENT and self.mention.strength >= least


@dataclass(frozen=True, slots=True)
class PageEvidence:
    """What a document prints. `chosen`: the person of its index fields. `fields`: these fields, by evidence.
    `readings`: the values of its mentions that may be the patient's, by evidence; those of other people are
    left out. `names_of_nobody`: printed names of which neither part is a name in the index or on a list of
    common names, such as the title of a form; they name no person.
    """

    chosen: Person
    fields: Mapping[str, Field]
    readings: Mapping[str, tuple[Reading, ...]]
    names_of_nobody: frozenset[tuple[str | None, str | None]] = frozenset()

    def is_nobody(self, person: Person) -> bool:
        """Return whether a printed name is not a person's."""
        return (person.given, person.family) in self.names_of_nobody

    def count_values(self, name: str) -> int:
        """Return how many different values the page offers for one kind of evidence, at least 1.

        The readings of one printed name count once: at most one of them is a name that people have.
        """
        found = self.readings.get(name, ())
        if name == "name":
            return max(1, len({reading.mention.readings[0].lower() for reading in found}))
        return max(1, len({_value(name, reading.person) for reading in found}))


def evidence_of(document: Document, placeholder_names: Collection[str] = ()) -> PageEvidence:
    """Return a document's evidence.

    Args:
        document: The document.
        placeholder_names: Names that the hospital writes for an unknown name (`classify.placeholder_names`).
    """
    fields = {
        name: field
        for name, alternatives in FIELDS_OF_EVIDENCE.items()
        for alternative in reversed(alternatives)
        if (field := document.field(alternative))
    }
    readings: dict[str, list[Reading]] = {name: [] for name in FIELDS_OF_EVIDENCE}
    named = [_mention_of_field(fields["name"])] if "name" in fields else []
    service = document.field("date_of_service")
    placeholders = {normalize_name(name) for name in placeholder_names}
    for mention in (*document.mentions, *named):
        if mention.role is not Role.OTHER and not _is_service_date(mention, service):
            name = FIELD_BY_KIND[mention.kind]
            readings[name] += (
                reading
                for reading in _readings(mention)
                if placeholders.isdisjoint((reading.person.given, reading.person.family))
            )
    return PageEvidence(
        person_from_document(document, placeholder_names),
        fields,
        {name: tuple(found) for name, found in readings.items()},
    )


def _is_service_date(mention: Mention, service: Field | None) -> bool:
    """Return whether a date is the date of service again. Only a label makes it a newborn's birth date."""
    return (
        mention.kind == "date"
        and mention.role is not Role.PATIENT
        and service is not None
        and service.value in mention.readings
    )


def _mention_of_field(field: Field) -> Mention:
    """Return the field of the patient's name as a mention, because its value can be read in other ways too:
    it may be put together from several places, so that no mention is the same."""
    return Mention(
        kind="name",
        readings=(field.value,),
        page=field.page,
        box=field.box,
        role=Role.PATIENT,
        confidence=field.confidence,
    )


def _readings(mention: Mention) -> Iterator[Reading]:
    """Yield the readings of a mention that have a value."""
    name = FIELD_BY_KIND[mention.kind]
    if name == "mrn" and mention.label in LABELS_OF_OTHER_NUMBERS:
        return
    for printed in mention.readings:
        for person, text in _people_of_text(mention.kind, printed):
            if person.named() if name == "name" else _value(name, person):
                yield Reading(person, text, mention)


@lru_cache(maxsize=4096)
def _people_of_text(kind: str, text: str) -> tuple[tuple[Person, str], ...]:
    """Return (person, value for display) for each person whom a text may stand for."""
    if kind != "name":
        key = {"date": "dob", "number": "mrn"}.get(kind, kind)
        return ((person_from_record({key: text}), text),)
    return tuple((_person_of_name(parts), natural_order(parts)) for parts in name_readings(text))


def _person_of_name(parts: Mapping[str, str]) -> Person:
    """Return the person of a reading. A given name of two words stays whole."""
    return replace(
        person_from_record(parts),
        given=without_placeholder(normalize_name(parts["given"])),
        middle=without_placeholder(normalize_name(parts["middle"])),
    )


def _value(name: str, person: Person) -> object:
    """Return a person's value of one kind of evidence."""
    return (person.given, person.family) if name == "name" else getattr(person, name)
