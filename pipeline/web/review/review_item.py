"""What a reviewer sees of one item: the pages, the machine's answer, the candidates, the values and where
they stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline.config import document_types
from pipeline.errors import NotFound
from pipeline.index import double_entry
from pipeline.index.date_queries import is_day, with_iso_days
from pipeline.matching.decision_rules import DECEASED, NOBODY
from pipeline.store.database import Connection
from pipeline.store.sql import statements
from pipeline.web.auth.permissions import allowed
from pipeline.web.auth.request_context import Visit

SQL = statements("pipeline.web.review")
Row = dict[str, Any]

# Every document has these; the rest come from its type and from what the machine found.
ALWAYS = ("patient_name", "dob", "mrn", "date_of_service")
SHOWN_TYPES = 6  # the others stand in the list of all types
SHOWN_OF_SCAN = 3  # patients of the scan's other documents; where there are more it is a stack of many
POSSIBLE = 0.01  # a type less probable than this is not offered beside the best one


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """An index field in the form: the value to start with, the machine's own, and its ink."""

    name: str
    value: str
    machine: str
    page: int | None
    box: tuple[int, int, int, int] | None
    confidence: float | None
    required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A bar of a candidate's waterfall: what it says and where it stands, in hundredths of the width."""

    detail: str
    code: str
    weight: float
    start: float
    width: float


def item_of(connection: Connection, item: int) -> Row:
    """The review item with its scan. Raises NotFound."""
    row = connection.execute(SQL["item"], {"id": item}).fetchone()
    if row is None:
        raise NotFound(f"There is no review item {item}.", "Go back to the queue.")
    return row


def document_of(connection: Connection, document: int) -> Row:
    """The document with its scan. Raises NotFound."""
    row = connection.execute(SQL["document"], {"id": document}).fetchone()
    if row is None:
        raise NotFound(f"There is no document {document}.", "Search for it.")
    return row


def pages_of(connection: Connection, *, document: int | None = None, scan: int | None = None) -> list[Row]:
    """The pages of a document in its order, or of a scan: number, kind, size in pixels, preview, problem."""
    if document is not None:
        return connection.execute(SQL["pages_of_document"], {"id": document}).fetchall()
    return connection.execute(SQL["pages_of_scan"], {"id": scan}).fetchall()


def values_of(connection: Connection, document: Row) -> list[Value]:
    """The fields of the form: what the type requires, what every document has, what the machine or a person
    found.
    """
    machine: dict[str, Row] = {}
    person: dict[str, Row] = {}
    for row in connection.execute(SQL["fields_of_document"], {"id": document["id"]}):
        (person if row["source"] == "person" else machine)[row["name"]] = row
    known = document_types().get(document["type"])
    required = known.required_fields if known else ()
    names = dict.fromkeys([*ALWAYS, *required, *machine, *person])
    return [_value(name, machine.get(name), person.get(name), name in required) for name in names]


def _value(name: str, machine: Row | None, person: Row | None, required: bool) -> Value:
    found = person or machine
    where = machine or person
    box = where["box"] if where else None
    return Value(
        name=name,
        value=found["value"] if found else "",
        machine=machine["value"] if machine else "",
        page=where["page"] if where else None,
        box=(box[0], box[1], box[2], box[3]) if box else None,
        confidence=machine["confidence"] if machine else None,
        required=required,
    )


def typed_twice(values: list[Value], typed: dict[str, str]) -> list[Value]:
    """The form's values with those that two people agreed on in the place of the machine's."""
    return [replace(value, value=typed.get(value.name, value.value)) for value in values]


def open_item_of(connection: Connection, document: int) -> int | None:
    """The review item that waits for a person to decide about the document."""
    row = connection.execute(SQL["open_item_of"], {"document": document}).fetchone()
    return None if row is None else int(row["id"])


def unseen(visit: Visit, document: int) -> frozenset[str]:
    """The fields that this person must not see yet: whoever may review has still to type them blind."""
    if not (visit.desk.settings.web.double_entry and allowed("item", visit.account.role)):
        return frozenset()
    item = open_item_of(visit.connection, document)
    wanting = item is not None and double_entry.entries_of(visit.connection, item).wanting
    return frozenset(double_entry.NAMES if wanting else ())


def type_choices(document: Row) -> list[Row]:
    """The machine's types, best first: {key, probability}."""
    machine = document["machine"]
    guesses = [
        {"type": document["type"], "probability": document["type_probability"]},
        *machine.get("alternatives", []),
    ]
    best: dict[str, float] = {}
    for guess in guesses:
        best.setdefault(guess["type"], guess["probability"])
    ranked = sorted(best.items(), key=lambda entry: -entry[1])[:SHOWN_TYPES]
    return [
        {"key": key, "probability": p} for place, (key, p) in enumerate(ranked) if place == 0 or p >= POSSIBLE
    ]


def waterfall(candidate: Row) -> list[Step]:
    """A candidate's reasons as bars that begin where the last one ended, strongest first, on a scale of the
    candidate's own.
    """
    weighed = [reason for reason in candidate["reasons"] if reason.get("weight") is not None]
    weighed.sort(key=lambda reason: -abs(reason["weight"]))
    ends = [0.0]
    for reason in weighed:
        ends.append(ends[-1] + reason["weight"])
    low, high = min(ends), max(ends)
    scale = 100.0 / ((high - low) or 1.0)
    return [
        Step(
            detail=reason["detail"],
            code=reason["code"],
            weight=reason["weight"],
            start=(min(a, b) - low) * scale,
            width=max(abs(b - a) * scale, 0.5),
        )
        for reason, a, b in zip(weighed, ends, ends[1:], strict=False)
    ]


def candidates_of(item: Row) -> tuple[list[Row], list[Row]]:
    """The item's candidates as stored when it was opened, each with its waterfall, and when the person died
    who did; and those who only came nearest, where the machine holds that nobody in the index is meant: no
    key should choose one of them."""
    found = [
        candidate | {"steps": waterfall(candidate), "died": _died(candidate)}
        for candidate in item["candidates"]
    ]
    nobody = any(reason["code"] == NOBODY for reason in item["reasons"])
    return ([], found) if nobody else (found, [])


def _died(candidate: Row) -> str | None:
    return next((reason["detail"] for reason in candidate["reasons"] if reason["code"] == DECEASED), None)


def patients_of_scan(connection: Connection, item: Row, candidates: Sequence[Row]) -> list[Row]:
    """Patients who are none of the candidates, but other documents of the same scan were filed into their
    charts.
    """
    known = {candidate["patient"]["id"] for candidate in candidates}
    found = connection.execute(
        SQL["patients_of_scan"], {"scan": item["scan_id"], "most": SHOWN_OF_SCAN + len(known)}
    )
    return [row for row in found if row["id"] not in known][:SHOWN_OF_SCAN]


def patient_of(connection: Connection, patient: int | None) -> Row | None:
    """The patient as the index has them; None where there is none of that number."""
    return None if patient is None else connection.execute(SQL["patient"], {"id": patient}).fetchone()


def find_patients(connection: Connection, words: str, most: int = 25) -> list[Row]:
    """Patients by MRN, by name as it is written or sounds, by birth date (1956-08-03, 08/03/1956), or by name
    and birth date.
    """
    words = with_iso_days(" ".join(words.split()))
    if not words:
        return []
    return connection.execute(
        SQL["patients_born" if is_day(words) else "find_patients"], {"words": words, "most": most}
    ).fetchall()
