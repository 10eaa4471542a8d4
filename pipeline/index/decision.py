"""Decisions as rows of the database, and the snapshots of documents in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

SNAPSHOT_VERSION = 1
"""Raised when the shape of Snapshot changes, in the statement `snapshot` too. Undo reads every key."""


class Snapshot(TypedDict):
    """A document at one revision, with the values that people entered: the columns decision.before and
    .after.
    """

    version: int
    revision: int
    status: str
    type: str
    type_probability: float
    patient_id: int | None
    match_probability: float | None
    date_of_service: str | None
    pages: Iterable[int]
    pdf: str
    filed_at: str | None
    filed_by: str | None
    fields: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A person's decision. `batch` is the first decision of those made together; `undone` if one undoes
    it.
    """

    id: int
    action: str
    batch: int | None
    document_id: int
    review_item_id: int | None
    decided_by: str
    before: Snapshot | None
    after: Snapshot
    undone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LastDecision:
    """The decision that a person would undo now."""

    id: int
    action: str
    document_id: int
    decided_at: datetime
    review_item_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegroupDecision:
    """One document's part in splitting or merging pages, and where that document is now."""

    id: int
    document_id: int
    before: Snapshot | None
    after: Snapshot
    revision: int
    scan_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfiledDocument:
    """A document whose pages may be moved, and who has claimed its review item."""

    id: int
    revision: int
    status: str
    type: str
    page_rotations: dict[str, int]
    pages: list[int]
    holder: str | None
