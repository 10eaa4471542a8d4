"""Records stored as JSON and read back, named SQL statements, and the OCR cache key of a page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pipeline.records import Barcode, Page, UnreadText, Word
from pipeline.store import sql
from pipeline.store.ocr_cache import page_key
from pipeline.store.page_json import page_from, page_json, storable
from tests.support.scan_records import a_page

PAGE = Page(scan="a" * 64, number=1, image="b" * 64, dpi=200.0)


def test_a_page_stored_as_json_is_read_back_unchanged() -> None:
    code = Barcode(format="QRCode", text="x", box=(1, 2, 3, 4))
    unread = UnreadText(kind="print", box=(5, 6, 70, 20), letters=9)
    page = replace(
        a_page(3, "left hip fracture", barcodes=(code,), thumbnail=bytes(range(256)), skew=-1.5, rotation=90),
        unread=(unread,),
    )
    assert page_from(page_json(page)) == page


@given(some.text())
def test_only_the_characters_that_postgres_cannot_store_are_removed_from_a_text(text: str) -> None:
    kept = storable(text)
    kept.encode()
    assert kept == "".join(c for c in text if c != "\x00" and not "\ud800" <= c <= "\udfff")


@pytest.mark.parametrize(
    "other",
    [
        replace(PAGE, image="c" * 64),
        replace(PAGE, dpi=300.0),
        replace(PAGE, words=(Word(text="hidden", box=(0, 0, 1, 1), confidence=1.0),)),
    ],
    ids=["another image", "another resolution", "another embedded text"],
)
def test_a_page_with_another_image_resolution_or_text_has_another_cache_key(other: Page) -> None:
    assert page_key(other) != page_key(PAGE)


def test_the_same_page_in_another_scan_has_the_same_cache_key() -> None:
    assert page_key(replace(PAGE, scan="d" * 64, number=7)) == page_key(PAGE)


def test_two_sql_statements_with_the_same_name_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.sql", "b.sql"):
        (tmp_path / name).write_text("-- name: same\nselect 1\n", encoding="utf-8")
    monkeypatch.setattr("importlib.resources.files", lambda _: tmp_path)
    with pytest.raises(ValueError, match="two statements are named same"):
        sql.statements.__wrapped__("anything")


def test_a_cached_page_of_another_schema_version_is_not_used() -> None:
    stored = page_json(a_page(1, "left hip fracture"))
    stored["version"] -= 1
    assert page_from(stored) is None
