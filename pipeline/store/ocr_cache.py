"""The OCR cache: a page is read once for each set of engines, models and settings."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from psycopg.types.json import Jsonb

from pipeline.records import OcrPage, Page
from pipeline.store.database import Connection
from pipeline.store.page_json import page_from, page_json
from pipeline.store.sql import statements

SQL = statements("pipeline.store")


def page_key(page: Page) -> str:
    """Return the SHA-256, in hex, of everything about a page that its OCR result depends on.

    That is its image, its resolution and its embedded text.
    """
    words = [(w.text, w.box, w.confidence) for w in page.words]
    return hashlib.sha256(repr((page.image, page.dpi, words)).encode(errors="replace")).hexdigest()


def get(connection: Connection, key: str, engine: str, number: int) -> OcrPage | None:
    """Return the cached OCR result of a page.

    Args:
        connection: The database.
        key: What page_key returned for the page.
        engine: Key of the engines with their models and settings.
        number: The page's number in the current scan, from 1.

    Returns:
        The result as page `number`; None if there is none, or if it was stored in an older shape.
    """
    row = connection.execute(SQL["get_cached_page"], [key, engine]).fetchone()
    page = None if row is None else page_from(row["page"])
    return None if page is None else replace(page, number=number)


def put(connection: Connection, key: str, engine: str, page: OcrPage) -> None:
    """Store an OCR result, in place of one in an older shape. The blobs that it names must be stored
    already.
    """
    connection.execute(SQL["put_cached_page"], [key, engine, Jsonb(page_json(page))])
