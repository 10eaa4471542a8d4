"""The reading cache: a page is read once for each way of reading it, whoever needs it again."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from psycopg.types.json import Jsonb

from pipeline.records import OcrPage, Page
from pipeline.store.database import Connection
from pipeline.store.page_json import page_from, page_json
from pipeline.store.sql import statements

SQL = statements("pipeline.store")


def reading_key(page: Page) -> str:
    """SHA-256, in hex, of all that a reading depends on: the picture, its resolution and the page's own
    text.
    """
    words = [(w.text, w.box, w.confidence) for w in page.words]
    return hashlib.sha256(repr((page.image, page.dpi, words)).encode(errors="replace")).hexdigest()


def cached(connection: Connection, key: str, engine: str, number: int) -> OcrPage | None:
    """What was read under that key by that engine, as page `number` of the scan at hand; None where nobody
    has read it.
    """
    row = connection.execute(SQL["cached_reading"], [key, engine]).fetchone()
    return None if row is None else replace(page_from(row["page"]), number=number)


def keep(connection: Connection, key: str, engine: str, page: OcrPage) -> None:
    """Remember a reading; the blobs that it names are in the store already."""
    connection.execute(SQL["keep_reading"], [key, engine, Jsonb(page_json(page))])
