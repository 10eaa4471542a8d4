"""The data types of the JSON API's requests and responses."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import BaseModel, Field

from pipeline.index.query_text import MAX_QUERY_CHARS

PREFIX = "/api/v1"


class Problem(BaseModel):
    """What is wrong, what to do, and a stable code."""

    error: str
    remedy: str
    code: str


RESPONSES: dict[int | str, dict[str, Any]] = {
    code: {"model": Problem} for code in (400, 401, 403, 404, 409, 422, 429, 503)
}

Id = Annotated[int, Path(ge=1, le=2**62)]
Words = Annotated[str, Query(max_length=MAX_QUERY_CHARS)]


class Reason(BaseModel):
    """Why an item needs review, or what supports or contradicts a candidate (with its weight in bits)."""

    code: str
    detail: str
    weight: float | None = None


class Patient(BaseModel):
    """A patient of the index."""

    id: int
    mrn: str | None
    given: str | None
    family: str | None
    dob: str | None
    sex: str | None


class PatientRef(BaseModel):
    """A patient's id and MRN."""

    id: int
    mrn: str | None


class Candidate(BaseModel):
    """A patient whom a document may be about."""

    patient: PatientRef
    probability: float
    weight: float
    reasons: list[Reason]


class Item(BaseModel):
    """An item of the review queue. `document` is null for a scan without documents."""

    id: int
    scan: int
    document: int | None
    priority: int
    opened_at: datetime
    reasons: list[Reason]
    held_by: str | None


class Value(BaseModel):
    """An index field: the current value, the automatic value (`machine`), and where it is on the page."""

    name: str
    value: str
    machine: str
    page: int | None
    box: tuple[int, int, int, int] | None
    confidence: float | None


class Document(BaseModel):
    """A document and its index fields. Dates are ISO 8601."""

    id: int
    scan: int
    pages: list[int]
    status: str
    type: str
    loinc: str | None
    type_probability: float
    patient: int | None
    date_of_service: date | None
    revision: int
    filed_by: str | None
    fields: list[Value]


class ItemWithDocument(Item):
    """An item with its candidates and the document that it is about."""

    candidates: list[Candidate]
    subject: Document | None


class Hit(BaseModel):
    """A document that matches a search. `why` is what matched: text, mrn, name, date or id."""

    document: int
    status: str
    type: str
    patient: PatientRef | None
    date_of_service: date | None
    page: int | None
    why: str


class Filing(BaseModel):
    """A filing decision. `revision` is the document's that the client saw; `fields` are its final values.

    `note` is the reason, which is required if the patient contradicts the page or a required value is
    removed."""

    revision: int = Field(ge=1, le=2**31 - 1)
    patient: int = Field(ge=1, le=2**62)
    type: str = Field(max_length=100)
    fields: dict[Annotated[str, Field(max_length=60)], Annotated[str, Field(max_length=500)]] = Field(
        default_factory=dict
    )
    note: str = Field(default="", max_length=2000)


class Rejection(BaseModel):
    """A decision to have a document scanned again."""

    revision: int = Field(ge=1, le=2**31 - 1)
    note: str = Field(min_length=1, max_length=2000)


class Decided(BaseModel):
    """The decision that was made, and its document."""

    decision: int
    document: int


class Note(BaseModel):
    """A note for the person who handles the item next."""

    note: str = Field(min_length=1, max_length=2000)


class Withdrawal(Rejection):
    """A decision to take a filed document out of its chart. `reopen`: return it to the review queue."""

    reopen: bool = False


class Entry(BaseModel):
    """MRN and date of birth as they appear on the page, typed blind; empty if the page has none."""

    mrn: str = Field(default="", max_length=100)
    dob: str = Field(default="", max_length=10)


class Entered(BaseModel):
    """`incomplete`: another person must still type the values. `agreed`: both typed the same, and the item
    stays with the second person.
    """

    incomplete: bool
    agreed: bool


class SplitResult(BaseModel):
    """The documents that were replaced, and the documents that replace them."""

    replaced: list[int]
    created: list[int]
