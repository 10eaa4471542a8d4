"""Scans in the database: load one, quarantine one."""

from __future__ import annotations

from typing import Any, TypedDict

from pipeline.errors import NotFound
from pipeline.records import LegacyMetadata, Priority, Reason, Scan
from pipeline.store.database import Connection
from pipeline.store.page_json import ReasonJson, reasons_json
from pipeline.store.sql import statements

SQL = statements("pipeline.store")
LEGACY_METADATA_VERSION = 1


class LegacyMetadataJson(TypedDict):
    """The column scan.legacy_metadata."""

    version: int
    mrn: str | None
    type: str | None
    date: str | None
    pages: int | None
    single_document: bool
    trusted: list[str]
    issues: list[ReasonJson]


def load_scan(connection: Connection, scan_id: int) -> Scan:
    """Return a scan as it was registered.

    Raises:
        NotFound: There is no such scan.
    """
    row = connection.execute(SQL["load_scan"], [scan_id]).fetchone()
    if row is None:
        raise NotFound(f"There is no scan {scan_id}.")
    return scan_from(row)


def waiting_scan(connection: Connection, scan_id: int) -> Scan | None:
    """Return a scan if it still waits to be processed, else None."""
    row = connection.execute(SQL["waiting_scan"], [scan_id]).fetchone()
    return None if row is None else scan_from(row)


def scan_from(row: dict[str, Any]) -> Scan:
    """Return the scan of a row."""
    metadata = legacy_metadata_from(row["legacy_metadata"])
    notes = tuple(Reason(**note) for note in row["notes"])
    converted = {"priority": Priority(row["priority"]), "legacy_metadata": metadata, "notes": notes}
    return Scan(**{**row, **converted})


def legacy_metadata_json(metadata: LegacyMetadata) -> LegacyMetadataJson:
    """Return what a legacy index states about a scan, for its column."""
    return {
        "version": LEGACY_METADATA_VERSION,
        "mrn": metadata.mrn,
        "type": metadata.type,
        "date": metadata.date,
        "pages": metadata.pages,
        "single_document": metadata.single_document,
        "trusted": list(metadata.trusted),
        "issues": reasons_json(metadata.issues),
    }


def legacy_metadata_from(entry: LegacyMetadataJson | None) -> LegacyMetadata | None:
    """Return the metadata that legacy_metadata_json wrote."""
    if entry is None:
        return None
    return LegacyMetadata(
        mrn=entry["mrn"],
        type=entry["type"],
        date=entry["date"],
        pages=entry["pages"],
        single_document=entry["single_document"],
        trusted=tuple(entry["trusted"]),
        issues=tuple(Reason(**issue) for issue in entry["issues"]),
    )


def page_count(connection: Connection, scan_id: int) -> int | None:
    """Return how many pages a scan's file has, if that is known before it is processed."""
    row = connection.execute(SQL["page_count"], [scan_id]).fetchone()
    return None if row is None else row["page_count"]


def quarantine(connection: Connection, scan_id: int, code: str, reason: str) -> bool:
    """Quarantine a scan, with a reason that a clerk understands. Return False if it was closed already."""
    cursor = connection.execute(SQL["quarantine_scan"], {"id": scan_id, "code": code, "reason": reason})
    return cursor.rowcount == 1
