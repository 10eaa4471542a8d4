"""What reviewers said: documents that a person has filed, with the type and the index fields that the person
left or gave; and scans as they were cut when the last of their documents was settled."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

from pipeline.classify.fields.field_selection import MANY
from pipeline.classify.training.boundary_training import divided
from pipeline.classify.training.corpus import SHORTEST, Example
from pipeline.classify.training.field_training import SEXES, FieldCase
from pipeline.classify.training.synthetic_stacks import Stack, page_of
from pipeline.records import OcrPage
from pipeline.store.page_json import words_from
from pipeline.store.sql import statements

if TYPE_CHECKING:
    from pipeline.store.database import Connection

SOURCE = "reviewers"


def reviewed_examples(connection: Connection) -> list[Example]:
    """Every filed document that a person decided on. The machine's own answers teach nothing and are left
    out.
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
        if len(row["text"]) >= SHORTEST
    ]


def confirmed_fields(connection: Connection) -> Iterator[FieldCase]:
    """Every document that a person has filed, as it was read, with the values that the person left or gave.

    The form shows every value that the machine found, so one that was left is right; an empty one is not on
    the page. Codes, of which a document may have several, teach nothing: of them the form shows one."""
    sql = statements(__package__)
    for row in connection.execute(sql["confirmed_fields"]).fetchall():
        read = connection.execute(
            sql["pages_of_document"], {"scan": row["scan_id"], "numbers": row["pages"]}
        ).fetchall()
        truth = {name: _printed(name, value) for name, value in row["fields"].items() if name not in MANY}
        yield FieldCase(f"document {row['id']}", tuple(map(_page, read)), truth)


def _printed(name: str, value: str) -> str | None:
    return (SEXES.get(value.upper(), value.lower()) if name == "sex" else value) or None


def settled_stacks(connection: Connection) -> Iterator[Stack]:
    """The scans that people have looked at and left nothing open of, as they are cut now. A scan whose pages
    were put into another order teaches nothing of where documents start and is left out."""
    sql = statements(__package__)
    rows = connection.execute(sql["settled_documents"]).fetchall()
    documents = {scan: list(group) for scan, group in groupby(rows, key=lambda row: int(row["scan_id"]))}
    kept = {
        scan: group
        for scan, group in documents.items()
        if _in_order([n for row in group for n in row["pages"]])
    }
    pages = connection.execute(sql["settled_pages"], {"scans": list(kept)}).fetchall()
    for scan, group in groupby(pages, key=lambda row: int(row["scan_id"])):
        yield from _stacks(scan, kept[scan], list(group))


def _in_order(numbers: list[int]) -> bool:
    return all(a < b for a, b in pairwise(numbers))


def _stacks(scan: int, documents: list[dict[str, Any]], pages: list[dict[str, Any]]) -> Iterator[Stack]:
    used = {number for document in documents for number in document["pages"]}
    kinds = {
        row["number"]: row["kind"]
        for row in pages
        if row["number"] in used or row["kind"] in ("blank", "separator")
    }
    told = [{"pages": document["pages"], "patient": _owner(document["patient_id"])} for document in documents]
    read = {row["number"]: _page(row) for row in pages}
    yield from divided(f"scan {scan}", kinds, told, read)


def _owner(patient: int | None) -> dict[str, str] | None:
    return None if patient is None else {"id": str(patient)}


def _page(row: dict[str, Any]) -> OcrPage:
    return page_of(
        row["number"], words_from(row["words"]), (row["width"], row["height"]), blank=row["kind"] == "blank"
    )
