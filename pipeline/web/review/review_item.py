"""The data of a review item: its pages, the automatic result, the candidates, and the field values with their
boxes on the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from psycopg.rows import class_row

from pipeline.config import document_types
from pipeline.errors import NotFound
from pipeline.index import double_entry
from pipeline.index.date_queries import is_day, with_iso_days
from pipeline.index.machine_result import CandidateJson, MachineResult, TypeGuessJson
from pipeline.index.query_text import check_query
from pipeline.store.database import Connection
from pipeline.store.page_json import ReasonJson, UnreadTextJson
from pipeline.store.sql import statements
from pipeline.web.auth.permissions import Role, is_allowed
from pipeline.web.auth.request_context import RequestContext

SQL = statements("pipeline.web.review")
Row = dict[str, Any]

# Every document has these; the others come from its type and from what was found on its pages.
COMMON_FIELDS = ("patient_name", "dob", "mrn", "date_of_service")
MAX_TYPE_CHOICES = 6  # the others are in the list of all types
MAX_PATIENTS_OF_SCAN = 3  # patients of the scan's other documents; more than this is a stack of many patients
MIN_TYPE_PROBABILITY = 0.01  # a less probable type is not offered as an alternative
MIN_BAR_WIDTH_PERCENT = 0.5
MAX_PATIENTS_FOUND = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewItem:
    """A review item with its scan. `held`: someone's claim on it has not expired."""

    id: int
    scan_id: int
    document_id: int | None
    reasons: list[ReasonJson]
    kinds: list[str]
    candidates: list[CandidateJson]
    priority: int
    opened_at: datetime
    claimed_by: str | None
    claimed_until: datetime | None
    held: bool
    closed_at: datetime | None
    closed_by: str | None
    escalated_by: str | None
    note: str | None
    excluded_users: list[str]
    scan_name: str
    source: str
    department: str | None
    received_at: datetime
    page_count: int | None
    sha256: str
    notes: list[ReasonJson]

    @property
    def held_by(self) -> str | None:
        """Who has claimed the item now."""
        return self.claimed_by if self.held else None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRow:
    """A document with its scan; `notes` are about the scan's file."""

    id: int
    scan_id: int
    pages: list[int]
    status: str
    type: str
    type_probability: float
    patient_id: int | None
    match_probability: float | None
    date_of_service: date | None
    pdf: str
    machine_result: MachineResult
    revision: int
    created_at: datetime
    filed_at: datetime | None
    filed_by: str | None
    scan_name: str
    source: str
    department: str | None
    received_at: datetime
    notes: list[ReasonJson]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRow:
    """A page: size in pixels, `rotation` in degrees clockwise, `notes` for the reviewer, and the text that
    OCR did not read.
    """

    number: int
    kind: str
    width: int | None
    height: int | None
    preview: str | None
    problem: str | None
    notes: list[ReasonJson]
    unread: list[UnreadTextJson]
    confidence: float
    rotation: int

    @property
    def unread_letters(self) -> int:
        """About how many letters OCR did not read."""
        return sum(text["letters"] for text in self.unread)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldValue:
    """An index field in the form: the current value, the automatic value, and where it is on the page."""

    name: str
    value: str
    machine: str
    page: int | None
    box: tuple[int, int, int, int] | None
    confidence: float | None
    required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterfallBar:
    """A bar of a candidate's waterfall chart; `start` and `width` are percentages of the chart's width."""

    detail: str
    code: str
    weight: float
    start: float
    width: float


def load_item(connection: Connection, item: int) -> ReviewItem:
    """Return the review item with its scan. Raises NotFound."""
    with connection.cursor(row_factory=class_row(ReviewItem)) as cursor:
        row = cursor.execute(SQL["item"], {"id": item}).fetchone()
    if row is None:
        raise NotFound(f"There is no review item {item}.", "Go back to the queue.")
    return row


def load_document(connection: Connection, document: int) -> DocumentRow:
    """Return the document with its scan. Raises NotFound."""
    with connection.cursor(row_factory=class_row(DocumentRow)) as cursor:
        row = cursor.execute(SQL["document"], {"id": document}).fetchone()
    if row is None:
        raise no_such_document(document)
    return row


def is_visible(role: Role, status: str | None) -> bool:
    """Return whether this role may open a document with this status and its pages.

    A withdrawn document, and a page that belongs to no document (None), are in no chart: clinicians see
    neither."""
    return role != Role.CLINICIAN or status in ("filed", "review")


def load_visible_document(context: RequestContext, document: int) -> DocumentRow:
    """Return the document with its scan. Raises NotFound, also if the user's role may not see it."""
    row = load_document(context.connection, document)
    if not is_visible(context.account.role, row.status):
        raise no_such_document(document)
    return row


def no_such_document(document: int) -> NotFound:
    """Return the error for a document that does not exist, or that this user must not know of."""
    return NotFound(f"There is no document {document}.", "Use the search to find it.")


def load_pages(
    connection: Connection, *, document: int | None = None, scan: int | None = None
) -> list[PageRow]:
    """Return the pages of a document in its order, or those of a scan."""
    with connection.cursor(row_factory=class_row(PageRow)) as cursor:
        if document is not None:
            return cursor.execute(SQL["pages_of_document"], {"id": document}).fetchall()
        return cursor.execute(SQL["pages_of_scan"], {"id": scan}).fetchall()


def field_values(connection: Connection, document: DocumentRow) -> list[FieldValue]:
    """Return the fields of the form: the common fields, those that the type requires, and those with a
    value.
    """
    machine: dict[str, Row] = {}
    person: dict[str, Row] = {}
    for row in connection.execute(SQL["fields_of_document"], {"id": document.id}):
        (person if row["source"] == "person" else machine)[row["name"]] = row
    document_type = document_types().get(document.type)
    required = document_type.required_fields if document_type else ()
    names = dict.fromkeys([*COMMON_FIELDS, *required, *machine, *person])
    return [_field_value(name, machine.get(name), person.get(name), name in required) for name in names]


def _field_value(name: str, machine: Row | None, person: Row | None, required: bool) -> FieldValue:
    current = person or machine
    location = machine or person
    box = location["box"] if location else None
    return FieldValue(
        name=name,
        value=current["value"] if current else "",
        machine=machine["value"] if machine else "",
        page=location["page"] if location else None,
        box=(box[0], box[1], box[2], box[3]) if box else None,
        confidence=machine["confidence"] if machine else None,
        required=required,
    )


def with_values(values: list[FieldValue], replacements: dict[str, str]) -> list[FieldValue]:
    """Return the form's values with some of them replaced: by what two people agreed on, or by what a person
    has just typed.
    """
    return [replace(value, value=replacements.get(value.name, value.value)) for value in values]


def open_item_id(connection: Connection, document: int) -> int | None:
    """Return the id of the document's open review item."""
    row = connection.execute(SQL["open_item_of"], {"document": document}).fetchone()
    return None if row is None else int(row["id"])


def hidden_fields(context: RequestContext, document: int) -> frozenset[str]:
    """Return the fields that this user must not see yet, because reviewers still have to type them blind."""
    if not (context.app.settings.web.double_entry and is_allowed("item", context.account.role)):
        return frozenset()
    item = open_item_id(context.connection, document)
    if item is None or not double_entry.entries_of(context.connection, item).incomplete:
        return frozenset()
    return frozenset(double_entry.FIELD_NAMES)


def type_choices(document: DocumentRow) -> list[Row]:
    """Return the automatic type and its alternatives, best first: {key, probability}."""
    guesses: list[TypeGuessJson] = [
        {"type": document.type, "probability": document.type_probability},
        *document.machine_result["alternatives"],
    ]
    best: dict[str, float] = {}
    for guess in guesses:
        best.setdefault(guess["type"], guess["probability"])
    ranked = sorted(best.items(), key=lambda entry: -entry[1])[:MAX_TYPE_CHOICES]
    return [
        {"key": key, "probability": probability}
        for rank, (key, probability) in enumerate(ranked)
        if rank == 0 or probability >= MIN_TYPE_PROBABILITY
    ]


def waterfall(candidate: CandidateJson) -> list[WaterfallBar]:
    """Return a candidate's evidence as bars, strongest first. Each bar begins where the previous one ended;
    the scale is the candidate's own.
    """
    weighed = [
        (reason, weight) for reason in candidate["reasons"] if (weight := reason["weight"]) is not None
    ]
    weighed.sort(key=lambda entry: -abs(entry[1]))
    ends = [0.0]
    for _, weight in weighed:
        ends.append(ends[-1] + weight)
    low, high = min(ends), max(ends)
    scale = 100.0 / ((high - low) or 1.0)
    return [
        WaterfallBar(
            detail=reason["detail"],
            code=reason["code"],
            weight=weight,
            start=(min(begin, end) - low) * scale,
            width=max(abs(end - begin) * scale, MIN_BAR_WIDTH_PERCENT),
        )
        for (reason, weight), begin, end in zip(weighed, ends, ends[1:], strict=False)
    ]


def patients_of_scan(connection: Connection, item: ReviewItem, candidates: Sequence[Row]) -> list[Row]:
    """Return patients other than the candidates whose charts contain other documents of the scan."""
    excluded = {candidate["patient"]["id"] for candidate in candidates}
    params = {"scan": item.scan_id, "limit": MAX_PATIENTS_OF_SCAN + len(excluded)}
    rows = connection.execute(SQL["patients_of_scan"], params)
    return [row for row in rows if row["id"] not in excluded][:MAX_PATIENTS_OF_SCAN]


def load_patient(connection: Connection, patient: int | None) -> Row | None:
    """Return the patient's record in the index; None if it does not exist."""
    return None if patient is None else connection.execute(SQL["patient"], {"id": patient}).fetchone()


def find_patients(connection: Connection, query: str, limit: int = MAX_PATIENTS_FOUND) -> list[Row]:
    """Return patients by MRN, by name (as written or as it sounds), by date of birth (1956-08-03,
    08/03/1956), or by name and date of birth. Raises InvalidInput if the query is too long.
    """
    check_query(query)
    query = with_iso_days(" ".join(query.split()))
    if not query:
        return []
    statement = "patients_born" if is_day(query) else "find_patients"
    return connection.execute(SQL[statement], {"query": query, "limit": limit}).fetchall()
