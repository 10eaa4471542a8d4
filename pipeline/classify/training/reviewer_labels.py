"""Use reviewers' decisions as labels: filed documents with the type and the index fields that the reviewer
kept or entered; and scans as they were split when the last of their documents was filed.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

from pipeline.classify.fields.field_selection import MULTIVALUED_FIELDS
from pipeline.classify.training.boundary_training import split_at_sheets
from pipeline.classify.training.corpus import MIN_TEXT_CHARS, Example
from pipeline.classify.training.field_training import SEX_BY_CODE, FieldCase
from pipeline.classify.training.synthetic_stacks import Stack, page_from_words
from pipeline.records import OcrPage
from pipeline.store.page_json import words_from
from pipeline.store.sql import statements

if TYPE_CHECKING:
    from pipeline.store.database import Connection

SOURCE = "reviewers"


def reviewed_examples(connection: Connection) -> list[Example]:
    """Return every filed document that a reviewer decided on. Documents that were filed automatically are
    left out.
    """
    rows = connection.execute(statements(__package__)["corrected_types"]).fetchall()
    return [
        Example(
            id=f"document {row['id']}",
            text=row["text"],
            type=row["type"],
            source=SOURCE,
            group=f"document {row['id']}",
        )
        for row in rows
        if len(row["text"]) >= MIN_TEXT_CHARS
    ]


def confirmed_fields(connection: Connection) -> Iterator[FieldCase]:
    """Yield every document that a reviewer has filed, as it was read, with the values that the reviewer kept
    or entered.

    The form shows every value that was found, so a value that was kept is correct, and an empty one is not on
    the page. Codes, of which a document may have several, are left out: the form shows only one of them.
    """
    sql = statements(__package__)
    for row in connection.execute(sql["confirmed_fields"]).fetchall():
        pages = connection.execute(
            sql["pages_of_document"], {"scan": row["scan_id"], "numbers": row["pages"]}
        ).fetchall()
        truth = {
            name: _true_value(name, value)
            for name, value in row["fields"].items()
            if name not in MULTIVALUED_FIELDS
        }
        yield FieldCase(f"document {row['id']}", tuple(map(_page_from_row, pages)), truth)


def _true_value(name: str, value: str) -> str | None:
    """Return the value as it is found on pages; None if it is empty."""
    return (SEX_BY_CODE.get(value.upper(), value.lower()) if name == "sex" else value) or None


def settled_stacks(connection: Connection) -> Iterator[Stack]:
    """Yield the scans that reviewers have worked on and of which no document is open, as they are now split.

    A scan whose pages were put into another order has no information about document starts and is left out.
    """
    sql = statements(__package__)
    rows = connection.execute(sql["settled_documents"]).fetchall()
    documents_by_scan = {
        scan: list(group) for scan, group in groupby(rows, key=lambda row: int(row["scan_id"]))
    }
    in_order = {
        scan: documents
        for scan, documents in documents_by_scan.items()
        if _is_ascending([number for row in documents for number in row["pages"]])
    }
    pages = connection.execute(sql["settled_pages"], {"scans": list(in_order)}).fetchall()
    for scan, group in groupby(pages, key=lambda row: int(row["scan_id"])):
        yield from _stacks_of_scan(scan, in_order[scan], list(group))


def _is_ascending(numbers: list[int]) -> bool:
    return all(a < b for a, b in pairwise(numbers))


def _stacks_of_scan(
    scan: int, rows: list[dict[str, Any]], page_rows: list[dict[str, Any]]
) -> Iterator[Stack]:
    """Yield the stacks between the separator sheets of a scan."""
    used = {number for row in rows for number in row["pages"]}
    kinds = {
        row["number"]: row["kind"]
        for row in page_rows
        if row["number"] in used or row["kind"] in ("blank", "separator")
    }
    documents = [{"pages": row["pages"], "patient": _patient(row["patient_id"])} for row in rows]
    pages = {row["number"]: _page_from_row(row) for row in page_rows}
    yield from split_at_sheets(f"scan {scan}", kinds, documents, pages)


def _patient(patient_id: int | None) -> dict[str, str] | None:
    return None if patient_id is None else {"id": str(patient_id)}


def _page_from_row(row: dict[str, Any]) -> OcrPage:
    return page_from_words(
        row["number"], words_from(row["words"]), (row["width"], row["height"]), blank=row["kind"] == "blank"
    )
