"""Rows of the outbox, as commands and pages show them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict


class DeliveryContent(TypedDict):
    """The column delivery.content: a document's state after the change, as SQL's delivery_content builds
    it.
    """

    patient_id: int
    type: str
    date_of_service: str | None
    pages: int
    pdf: str
    encounter_id: int | None
    department: str | None
    filed_at: str
    scanned_at: str
    author: str | None
    facility: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationRow:
    """A destination with its filters and counts. `oldest` is when its oldest pending delivery was queued."""

    name: str
    kind: str
    types: list[str]
    departments: list[str]
    classes: list[str]
    removed_at: datetime | None
    failing_since: datetime | None
    failure: str | None
    pending: int
    oldest: datetime | None
    failed: int
    delivered: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    """A delivery in a list."""

    id: int
    destination: str
    document_id: int
    change: str
    edition: int
    replaces: int | None
    state: str
    problem: str | None
    detail: str | None
    attempts: int
    rejections: int
    queued_at: datetime
    due_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    receipt: str | None
    note: str | None
    type: str | None
    patient_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryDetail(DeliveryRow):
    """One delivery with its content. `held_up` lists the later deliveries that wait for it."""

    content: DeliveryContent
    last_attempt_at: datetime | None
    held_up: list[int] | None
