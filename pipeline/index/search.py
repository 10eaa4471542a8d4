"""Finding a document: by words anywhere on its pages, by its patient's number or (also misspelt) name, by its
id, by its day.

A query is what a person types: `"left hip" fracture -shoulder`, `Gonzales`, `MRN 0012345`, `2024-03-01`,
`fracture 2024-03`. Days and months in it narrow the dates of service; the rest is looked for in the pages'
text and in the patient index."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from pipeline.config import document_types
from pipeline.errors import NotFound
from pipeline.index.date_queries import without_days
from pipeline.records import PatientRef
from pipeline.store.audit import write_audit
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.index")
HIT_START, HIT_STOP = "\x02", "\x03"
HEADLINE = f"StartSel={HIT_START}, StopSel={HIT_STOP}, MaxWords=24, MinWords=8, MaxFragments=1"
# pages, newest first, that are ranked: common words stand on a tenth of all pages, and reading those takes
# seconds
SCOPE = 500
ACROSS = 200  # pages of each word, newest first, whose documents are looked through for the other words
LIKENESS = 0.45  # trigram likeness from which a misspelt name is shown: Smyth and Smith have 0.5
OPERATORS = re.compile(r'["]|(?:^|\s)(?:-\S|or\s)', re.IGNORECASE)
LABEL = re.compile(r"^\s*(?:mrn|patient|document|doc|id)\b[\s:#]*(?=\S)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A document that was found. `page` and `snippet` where words of it were: the hits stand between
    HIT_START and HIT_STOP.
    """

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
class Arriving:
    """A page that was found though its scan is still being read: it stands in no document yet."""

    scan: int
    page: int
    snippet: str
    rank: float


def arriving(connection: Connection, query: str, *, limit: int = 50) -> list[Arriving]:
    """Pages of large scans that are still being read, by words on them, best first."""
    words, _ = without_days(query)
    rows = connection.execute(
        SQL["arriving"], {"words": LABEL.sub("", words), "headline": HEADLINE, "limit": limit}
    )
    return [Arriving(**row) for row in rows]


def search(
    connection: Connection,
    query: str,
    *,
    patient: str | None = None,
    type: str | None = None,
    limit: int = 50,
) -> list[Hit]:
    """The documents found, best first. `patient`: an MRN. Raises NotFound for an MRN or a type that does not
    exist.
    """
    if type is not None and type not in document_types():
        raise NotFound(f"There is no document type {type}.", "config/document_types.toml lists them.")
    patients = None if patient is None else patients_of(connection, patient)
    words, span = without_days(query)
    words = LABEL.sub("", words)
    given = {
        "words": words,
        "id": int(words) if words.isdecimal() and len(words) < 19 else None,
        "from": span[0] if span else None,
        "to": span[1] if span else None,
        "patients": patients,
        "type": type,
        "limit": limit,
        "scope": SCOPE,
        "likeness": LIKENESS,
        "headline": HEADLINE,
    }
    pages = _pages_with(connection, given)
    if OPERATORS.search(words) is None and len({page["document"] for page in pages}) < limit:
        pages += _across_pages(connection, given)
    columns = {name: [page[name] for page in pages] for name in ("document", "number", "rank")}
    rows = connection.execute(SQL["search"], given | columns)
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


def _pages_with(connection: Connection, given: dict[str, Any]) -> list[dict[str, Any]]:
    """The newest pages with the words on them, as many as `scope` says: {document, number, rank}.

    Planned for these very words: whether the index of words or going back from the newest page is quicker
    depends on them."""
    return connection.execute(SQL["pages_with"], given, prepare=False).fetchall()


def _across_pages(connection: Connection, given: dict[str, Any]) -> list[dict[str, Any]]:
    """Documents that have each of the words on some page: the newest ACROSS pages of each word are looked
    at.
    """
    terms = [row["term"] for row in connection.execute(SQL["terms_of"], given)]
    if len(terms) < 2:
        return []
    pages = [
        page for term in terms for page in _pages_with(connection, given | {"words": term, "scope": ACROSS})
    ]
    near = {
        "document": [page["document"] for page in pages],
        "number": [page["number"] for page in pages],
        "terms": terms,
    }
    return connection.execute(SQL["documents_with_all"], near).fetchall()


def note_search(connection: Connection, account: str, query: str, found: int, **narrowed: str | None) -> None:
    """Write into the audit who searched for what from the command line, and how much was found."""
    detail = {
        "query": query,
        "found": found,
        **{name: value for name, value in narrowed.items() if value is not None},
    }
    write_audit(connection, account, "search", detail=detail)


def patients_of(connection: Connection, mrn: str) -> list[int]:
    """The patient who has, or once had, this number. Raises NotFound."""
    found = [row["id"] for row in connection.execute(SQL["patients_of_number"], {"mrn": mrn})]
    if not found:
        raise NotFound(f"No patient has the MRN {mrn}.", "Check the number, or search by name.")
    return found
