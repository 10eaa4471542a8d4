"""A chart's documents in sections, by encounter if they belong to one, otherwise by year; latest first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Row = dict[str, Any]

ENCOUNTER_CLASSES = {  # HL7 table 0004, as registration systems send it
    "I": "Inpatient stay",
    "O": "Outpatient visit",
    "E": "Emergency visit",
    "P": "Preadmission",
    "R": "Recurring visit",
    "B": "Obstetric stay",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """An encounter or a year: its title, admission and discharge if known, details, and its documents, the
    latest first.
    """

    title: str
    dates: tuple[datetime, ...]
    detail: str
    documents: list[Row]


def group_documents(documents: Iterable[Row]) -> list[Section]:
    """Group the documents of a chart, which come with the latest first, into sections in the order of the
    first document of each.
    """
    groups: dict[tuple[str, int], list[Row]] = {}
    for row in documents:
        day = row["date_of_service"]
        encounter = row["encounter_id"]
        key = ("encounter", encounter) if encounter else ("year", day.year if day else 0)
        groups.setdefault(key, []).append(row)
    return [
        _encounter_section(rows) if kind == "encounter" else _year_section(number, rows)
        for (kind, number), rows in groups.items()
    ]


def _year_section(year: int, rows: list[Row]) -> Section:
    return Section(title=str(year) if year else "No date of service", dates=(), detail="", documents=rows)


def _encounter_section(rows: list[Row]) -> Section:
    encounter = rows[0]
    times = [time for time in (encounter["admitted_at"], encounter["discharged_at"]) if time]
    details = (f"encounter {encounter['encounter_number']}", encounter["location"], encounter["facility"])
    return Section(
        title=ENCOUNTER_CLASSES.get(encounter["class"] or "", "Encounter"),
        dates=tuple({time.date(): time for time in reversed(times)}.values())[::-1],
        detail=" · ".join(part for part in details if part),
        documents=rows,
    )
