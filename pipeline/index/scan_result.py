"""What became of a scan, as the ingest command prints it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.config import document_types
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.index")


def closed(connection: Connection, scans: Iterable[int]) -> list[int]:
    """Those of the scans that are done or quarantined."""
    return [row["id"] for row in connection.execute(SQL["closed_scans"], [list(scans)])]


def outcome_json(connection: Connection, scan_id: int) -> dict[str, Any]:
    """`{"scan", "status", "reason", "documents"}`. A scan that is not processed yet has the status
    `received`.
    """
    row = connection.execute(SQL["outcome_of_scan"], [scan_id]).fetchone()
    assert row is not None, "the scan was registered"
    documents = documents_json(connection, scan_id)
    status, reason = row["status"], row["quarantine_reason"]
    if status == "done":
        on_its_own = documents and all(document["status"] == "filed" for document in documents)
        status = "filed" if on_its_own else "review"
        reason = None if documents else waits_because(connection, scan_id)
    return {"scan": scan_id, "status": status, "reason": reason, "documents": documents}


def documents_json(connection: Connection, scan_id: int) -> list[dict[str, Any]]:
    """The scan's documents in the order of their pages."""
    return [document_json(row) for row in connection.execute(SQL["documents_of_scan"], [scan_id])]


def document_json(row: dict[str, Any]) -> dict[str, Any]:
    """A document as the commands print it."""
    known = document_types().get(row["type"])
    return {
        "id": row["id"],
        "status": row["status"],
        "pages": row["pages"],
        "type": row["type"],
        "loinc": known.loinc if known else None,
        "type_probability": round(row["type_probability"], 4),
        "patient": row["patient"],
        "match_probability": row["match_probability"],
        "fields": row["fields"],
        "reasons": row["reasons"],
    }


def waits_because(connection: Connection, scan_id: int) -> str | None:
    """Why a scan without documents waits for a person; None where it no longer does."""
    row = connection.execute(SQL["unsettled_reasons"], [scan_id]).fetchone()
    return row["reasons"][0]["detail"] if row else None
