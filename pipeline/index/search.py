"""Find documents by words anywhere on their pages, by their patient's MRN or name (also misspelled), by ID or
by date of service.

A query is what a person types: `"left hip" fracture -shoulder`, `Gonzales`, `MRN 0012345`, `2024-03-01`,
`fracture 2024-03`. Days and months in it narrow the dates of service; the rest is searched in the text of
pages and in the patient index.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from pipeline.config import document_types
from pipeline.errors import NotFound
from pipeline.index.date_queries import without_days
from pipeline.index.query_text import check_query
from pipeline.records import PatientRef
from pipeline.store.audit import write_audit
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.index")
HIT_START, HIT_STOP = "\x02", "\x03"
HEADLINE = f"StartSel={HIT_START}, StopSel={HIT_STOP}, MaxWords=24, MinWords=8, MaxFragments=1"
MAX_RANKED_PAGES = 500
"""Pages that are ranked, newest first: a common word is on a tenth of all pages, and reading those takes
seconds.
"""
MAX_PAGES_PER_WORD = 200
"""Pages of each word, newest first, whose documents are searched for the other words."""
MIN_NAME_SIMILARITY = 0.45
"""Trigram similarity from which a misspelled name is shown: Smyth and Smith have 0.5."""
OPERATORS = re.compile(r'["]|(?:^|\s)(?:-\S|or\s)', re.IGNORECASE)
LABEL = re.compile(r"^\s*(?:mrn|patient|document|doc|id)\b[\s:#]*(?=\S)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A document that was found. `page` and `snippet` are set if words matched: the words are between
    HIT_START and HIT_STOP."""

    document: int
    scan: int
    status: str
    type: str
    pages: tuple[int, ...]
    date_of_service: date | None
    patient: PatientRef | None
    patient_name: str | None
    page: int | None
    snippet: str
    rank: float
    why: Literal["text", "mrn", "name", "id", "date"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingHit:
    """A page that was found while its scan is still being read: it is in no document yet."""

    scan: int
    page: int
    snippet: str
    rank: float


def search_pending(connection: Connection, query: str, *, limit: int = 50) -> list[PendingHit]:
    """Return pages of large scans that are still being read, by words on them, best first.

    Raises:
        InvalidInput: The query is too long.
    """
    check_query(query)
    words, _ = without_days(query)
    rows = connection.execute(
        SQL["search_pending_pages"], {"words": LABEL.sub("", words), "headline": HEADLINE, "limit": limit}
    )
    return [PendingHit(**row) for row in rows]


def search(
    connection: Connection,
    query: str,
    *,
    patient: str | None = None,
    type: str | None = None,
    limit: int = 50,
) -> list[Hit]:
    """Search for documents.

    Args:
        connection: The database, or its replica.
        query: As typed by a person.
        patient: Only documents of the patient with this MRN.
        type: Only documents of this type.
        limit: Highest number of hits.

    Returns:
        The documents found, best first.

    Raises:
        InvalidInput: The query or the MRN is too long.
        NotFound: There is no such MRN or type.
    """
    check_query(query)
    check_query(patient or "")
    if type is not None and type not in document_types():
        raise NotFound(f"There is no document type {type}.", "config/document_types.toml lists them.")
    patients = None if patient is None else patients_with_mrn(connection, patient)
    words, span = without_days(query)
    words = LABEL.sub("", words)
    params = {
        "words": words,
        "id": int(words) if words.isdecimal() and len(words) < 19 else None,
        "from": span[0] if span else None,
        "to": span[1] if span else None,
        "patients": patients,
        "type": type,
        "limit": limit,
        "scope": MAX_RANKED_PAGES,
        "likeness": MIN_NAME_SIMILARITY,
        "headline": HEADLINE,
    }
    pages = _pages_matching(connection, params)
    if OPERATORS.search(words) is None and len({page["document"] for page in pages}) < limit:
        pages += _documents_with_all(connection, params)
    columns = {name: [page[name] for page in pages] for name in ("document", "number", "rank")}
    rows = connection.execute(SQL["search"], params | columns)
    return [
        Hit(
            document=row["document"],
            scan=row["scan"],
            status=row["status"],
            type=row["type"],
            pages=tuple(row["pages"]),
            date_of_service=row["date_of_service"],
            patient=PatientRef(id=row["patient_id"], mrn=row["mrn"]) if row["patient_id"] else None,
            patient_name=row["name"],
            page=row["page"],
            snippet=row["snippet"],
            rank=row["rank"],
            why=row["why"],
        )
        for row in rows
    ]


def _pages_matching(connection: Connection, params: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the newest pages with the words, at most `scope`: {document, number, rank}.

    The statement is not prepared: whether the text index or a scan back from the newest page is faster
    depends on the words."""
    return connection.execute(SQL["pages_matching"], params, prepare=False).fetchall()


def _documents_with_all(connection: Connection, params: dict[str, Any]) -> list[dict[str, Any]]:
    """Return documents that have each of the words on some page, among the newest pages of each word."""
    terms = [row["term"] for row in connection.execute(SQL["search_terms"], params)]
    if len(terms) < 2:
        return []
    pages = [
        page
        for term in terms
        for page in _pages_matching(connection, params | {"words": term, "scope": MAX_PAGES_PER_WORD})
    ]
    candidates = {
        "document": [page["document"] for page in pages],
        "number": [page["number"] for page in pages],
        "terms": terms,
    }
    return connection.execute(SQL["documents_with_all"], candidates).fetchall()


def audit_search(connection: Connection, account: str, query: str, hits: int, **filters: str | None) -> None:
    """Record a search from the command line in the audit log, with the number of hits."""
    detail = {
        "query": query,
        "hits": hits,
        **{name: value for name, value in filters.items() if value is not None},
    }
    write_audit(connection, account, "search", detail=detail)


def patients_with_mrn(connection: Connection, mrn: str) -> list[int]:
    """Return the IDs of the patients who have, or once had, an MRN.

    Raises:
        NotFound: No patient has it.
    """
    patients = [row["id"] for row in connection.execute(SQL["patients_of_number"], {"mrn": mrn})]
    if not patients:
        raise NotFound(f"No patient has the MRN {mrn}.", "Check the number, or search by name.")
    return patients
