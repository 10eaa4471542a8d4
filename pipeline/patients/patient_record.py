"""A patient in a file or message: the current values, and other numbers, names, addresses and phones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Literal

from pipeline.records import PersonRecord

COLUMNS = (*(f.name for f in fields(PersonRecord)), "deceased", "birth_order")
"""The columns of the table `patient` with the current values."""


@dataclass(frozen=True, slots=True)
class PatientAlias:
    """Another number, name, address or phone of a patient.

    `values` by table: identifier (kind, facility, value), name (kind, given, middle, family, suffix), address
    (address, city, state, zip), phone (phone)."""

    table: Literal["identifier", "name", "address", "phone"]
    values: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class PatientUpdate:
    """A patient to add to the index or to update, by MRN. `place` is the position in the file, for error
    messages.
    """

    place: str
    row: Mapping[str, str | None]
    aliases: tuple[PatientAlias, ...] = field(default=())
