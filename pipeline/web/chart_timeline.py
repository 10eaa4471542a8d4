"""A chart's documents as a person looks for them: by visit where they belong to one, by year where not, the
latest first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]

VISITS = {  # HL7 table 0004, as registration systems send it
    "I": "Inpatient stay",
    "O": "Outpatient visit",
    "E": "Emergency visit",
    "P": "Preadmission",
    "R": "Recurring visit",
    "B": "Obstetric stay",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A visit or a year, what there is to say about it, and its documents, the latest first."""

    title: str
    detail: str
    documents: list[Row]


def timeline(documents: Iterable[Row]) -> list[Section]:
    """The sections, in the order of the first document of each. `documents` come with the latest first."""
    groups: dict[tuple[str, int], list[Row]] = {}
    for row in documents:
        day = row["date_of_service"]
        key = ("visit", row["encounter_id"]) if row["encounter_id"] else ("year", day.year if day else 0)
        groups.setdefault(key, []).append(row)
    return [_section(kind, number, rows) for (kind, number), rows in groups.items()]


def _section(kind: str, number: int, rows: list[Row]) -> Section:
    if kind == "year":
        return Section(title=str(number) if number else "Without a date", detail="", documents=rows)
    visit = rows[0]
    begun, ended = visit["admitted_at"], visit["discharged_at"]
    days = dict.fromkeys(f"{when:%Y-%m-%d}" for when in (begun, ended) if when)
    details = (f"visit {visit['visit']}", visit["location"], visit["facility"])
    return Section(
        title=" ".join([VISITS.get(visit["class"] or "", "Visit"), " to ".join(days)]).strip(),
        detail=" · ".join(part for part in details if part),
        documents=rows,
    )
