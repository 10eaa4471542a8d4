"""The result of processing a scan, as the ingest command prints it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.config import document_types
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.index")


def closed_scans(connection: Connection, scans: Iterable[int]) -> list[int]:
    """Return those of the scans that are done or quarantined."""
    return [row["id"] for row in connection.execute(SQL["closed_scans"], [list(scans)])]


def scan_result(connection: Connection, scan_id: int) -> dict[str, Any]:
    """Return {"scan", "status", "reason", "documents"}; a scan that is not processed yet has the status
    received.
    """
    row = connection.execute(SQL["outcome_of_scan"], [scan_id]).fetchone()
    assert row is not None, "the scan was registered"
    documents = documents_json(connection, scan_id)
    status, reason = row["status"], row["quarantine_reason"]
    if status == "done":
        all_filed = documents and all(document["status"] == "filed" for document in documents)
        status = "filed" if all_filed else "review"
        reason = None if documents else review_reason(connection, scan_id)
    return {"scan": scan_id, "status": status, "reason": reason, "documents": documents}


def documents_json(connection: Connection, scan_id: int) -> list[dict[str, Any]]:
    """Return the scan's documents in the order of their pages."""
    return [document_json(row) for row in connection.execute(SQL["documents_of_scan"], [scan_id])]


def document_json(row: dict[str, Any]) -> dict[str, Any]:
    """Return a document as the commands print it."""
    document_type = document_types().get(row["type"])
    return {
        "id": row["id"],
        "status": row["status"],
        "pages": row["pages"],
        "type": row["type"],
        "loinc": document_type.loinc if document_type else None,
        "type_probability": round(row["type_probability"], 4),
        "patient": row["patient"],
        "match_probability": row["match_probability"],
        "fields": row["fields"],
        "reasons": row["reasons"],
    }


def review_reason(connection: Connection, scan_id: int) -> str | None:
    """Return why a scan without documents is in review; None if it no longer is."""
    row = connection.execute(SQL["open_reasons"], [scan_id]).fetchone()
    return row["reasons"][0]["detail"] if row else None
