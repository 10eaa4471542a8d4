"""What goes over the wire of the JSON API, and what every answer of it may be."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import BaseModel, Field

PREFIX = "/api/v1"


class Problem(BaseModel):
    """What went wrong, what to do, and a code that stays the same."""

    error: str
    remedy: str
    code: str


RESPONSES: dict[int | str, dict[str, Any]] = {
    code: {"model": Problem} for code in (400, 401, 403, 404, 409, 422, 429, 503)
}

Id = Annotated[int, Path(ge=1, le=2**62)]
Words = Annotated[str, Query(max_length=200)]


class Reason(BaseModel):
    code: str
    detail: str
    weight: float | None = None


class Patient(BaseModel):
    id: int
    mrn: str | None
    given: str | None
    family: str | None
    dob: str | None
    sex: str | None


class PatientRef(BaseModel):
    id: int
    mrn: str | None


class Candidate(BaseModel):
    patient: PatientRef
    probability: float
    weight: float
    reasons: list[Reason]


class Item(BaseModel):
    """An item of the queue. `document` is None for a scan without documents."""

    id: int
    scan: int
    document: int | None
    priority: int
    opened_at: datetime
    reasons: list[Reason]
    held_by: str | None


class Value(BaseModel):
    """An index field in force; `machine` is the machine's own value, `page` and `box` say where it stands."""

    name: str
    value: str
    machine: str
    page: int | None
    box: tuple[int, int, int, int] | None
    confidence: float | None


class Document(BaseModel):
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
    """The item, its candidates and the document that it is about."""

    candidates: list[Candidate]
    subject: Document | None


class Hit(BaseModel):
    document: int
    status: str
    type: str
    patient: PatientRef | None
    date_of_service: date | None
    page: int | None
    why: str


class Filing(BaseModel):
    """`revision` is the document's that the client saw; `fields` the values as they shall be."""

    revision: int = Field(ge=1, le=2**31 - 1)
    patient: int = Field(ge=1, le=2**62)
    type: str = Field(max_length=100)
    fields: dict[Annotated[str, Field(max_length=60)], Annotated[str, Field(max_length=500)]] = Field(
        default_factory=dict
    )


class Rejection(BaseModel):
    revision: int = Field(ge=1, le=2**31 - 1)
    note: str = Field(min_length=1, max_length=2000)


class Decided(BaseModel):
    decision: int
    document: int


class Note(BaseModel):
    """Why, in words for whoever comes after."""

    note: str = Field(min_length=1, max_length=2000)


class Withdrawal(Rejection):
    """`again`: the document goes back into the queue instead of out of circulation."""

    again: bool = False


class Entry(BaseModel):
    """MRN and birth date as they stand on the page, typed blind; empty where it has none."""

    mrn: str = Field(default="", max_length=100)
    dob: str = Field(default="", max_length=10)


class Entered(BaseModel):
    """`wanting`: somebody else must type yet; `agreed`: both typed the same, and the item stays with the
    second.
    """

    wanting: bool
    agreed: bool


class Cut(BaseModel):
    """The documents that were replaced, and those that stand in their place."""

    replaced: list[int]
    made: list[int]
