"""Scans in the database: loading one, closing one that cannot be taken."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pipeline.errors import NotFound
from pipeline.records import LegacyMetadata, Priority, Reason, Scan
from pipeline.store.database import Connection
from pipeline.store.page_json import reasons_json
from pipeline.store.sql import statements

SQL = statements("pipeline.store")


def load_scan(connection: Connection, scan_id: int) -> Scan:
    """The scan as it was handed in. Raises NotFound."""
    row = connection.execute(SQL["load_scan"], [scan_id]).fetchone()
    if row is None:
        raise NotFound(f"There is no scan {scan_id}.")
    return scan_of(row)


def waiting_scan(connection: Connection, scan_id: int) -> Scan | None:
    """The scan if it still waits to be processed; None where it is done or quarantined."""
    row = connection.execute(SQL["waiting_scan"], [scan_id]).fetchone()
    return None if row is None else scan_of(row)


def scan_of(row: dict[str, Any]) -> Scan:
    """The scan of a row."""
    return Scan(**{**row, "priority": Priority(row["priority"]), "given": given_from(row["given"])})


def given_json(given: LegacyMetadata) -> dict[str, Any]:
    """What an old index says of a scan, for its column."""
    return {**asdict(given), "issues": reasons_json(given.issues)}


def given_from(entry: dict[str, Any] | None) -> LegacyMetadata | None:
    """What `given_json` wrote."""
    if entry is None:
        return None
    issues = tuple(Reason(**issue) for issue in entry["issues"])
    return LegacyMetadata(**{**entry, "trusted": tuple(entry["trusted"]), "issues": issues})


def page_count(connection: Connection, scan_id: int) -> int | None:
    """How many pages the file has, where that is known before it is processed."""
    row = connection.execute(SQL["page_count"], [scan_id]).fetchone()
    return None if row is None else row["page_count"]


def quarantine(connection: Connection, scan_id: int, code: str, reason: str) -> bool:
    """Close a scan that cannot be taken, with a reason that a clerk understands. False where it was already
    closed.
    """
    return (
        connection.execute(SQL["quarantine_scan"], {"id": scan_id, "code": code, "reason": reason}).rowcount
        == 1
    )
