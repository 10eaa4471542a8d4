"""A patient as a file or message tells of one: the current values, and what else is known (other numbers,
names, addresses).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Literal

from pipeline.records import PersonRecord

COLUMNS = (*(f.name for f in fields(PersonRecord)), "deceased", "birth_order")
"""The current values, by the columns of the table `patient`."""


@dataclass(frozen=True, slots=True)
class Other:
    """Something else that is known of a patient.

    `values` by table: identifier (kind, facility, value), name (kind, given, middle, family, suffix), address
    (address, city, state, zip), phone (phone)."""

    table: Literal["identifier", "name", "address", "phone"]
    values: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Incoming:
    """A patient to be taken into the index, by MRN. `place` is where it stands, for a person who must correct
    it.
    """

    place: str
    row: Mapping[str, str | None]
    others: tuple[Other, ...] = field(default=())
