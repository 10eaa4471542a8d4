"""The text of pages is stored in partitions: no page is lost on the way there, and new partitions are
created in time.
"""

from __future__ import annotations

import secrets

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from pipeline.index.filing import commit
from pipeline.index.search import search
from pipeline.runtime.installation import Installation
from pipeline.store import schema_migrations
from pipeline.store.database import Connection, connect
from pipeline.store.schema_migrations import extend_page_text
from tests.support.scan_records import BLOB, a_document, a_patient, a_scan, an_outcome, filed


def file(connection: Connection, *words: str) -> None:
    """File a scan with a page for each of these words."""
    patient = a_patient(connection, f"M{secrets.token_hex(3)}", "Chidi", "Okafor")
    scan = a_scan(connection, secrets.token_bytes(8))
    commit(connection, an_outcome(scan, words, filed(a_document(range(1, len(words) + 1)), patient)), [BLOB])
    connection.execute("analyze document_page")


def pages_by_partition(connection: Connection) -> list[tuple[str, int]]:
    """Return the partitions that contain pages, and how many."""
    rows = connection.execute(
        "select tableoid::regclass::text as name, count(*) as n from document_page group by 1 order by 1"
    )
    return [(row["name"], row["n"]) for row in rows]


def test_pages_filed_before_there_were_partitions_are_still_found(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"old_{secrets.token_hex(6)}"
    every = schema_migrations.migrations()
    with psycopg.connect(make_conninfo(installation.dsn, dbname="postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        with connect(make_conninfo(installation.dsn, dbname=name)) as connection:
            with monkeypatch.context() as past:
                past.setattr(schema_migrations, "migrations", lambda: [m for m in every if m[0] < "0027"])
                past.setattr(schema_migrations, "extend_page_text", lambda _: None)
                schema_migrations.migrate(connection)
            file(connection, "osteotomy", "laparoscopy")
            schema_migrations.migrate(connection)
            assert pages_by_partition(connection) == [("document_page_1", 2)]
            with connection.transaction():
                connection.execute("set local role chartloom_clinician")
                assert [hit.page for hit in search(connection, "laparoscopy")] == [2]
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def test_a_full_partition_is_followed_by_another_and_every_page_is_stored(
    connection: Connection,
) -> None:
    file(connection, "one", "two")
    assert extend_page_text(connection, max_pages=30) is None, "it is empty enough"
    assert extend_page_text(connection, max_pages=6) == "document_page_2"
    for words in (("three", "four"), ("five", "six"), ("seven", "eight")):
        file(connection, *words)
    assert pages_by_partition(connection) == [("document_page_1", 6), ("document_page_2", 2)]
    assert extend_page_text(connection, max_pages=2) == "document_page_3"
    file(connection, "nine")
    assert [len(search(connection, word)) for word in ("one", "six", "eight", "nine")] == [1, 1, 1, 1]


def test_a_page_can_be_removed_and_filed_again_in_any_partition(connection: Connection) -> None:
    file(connection, "one", "two")
    extend_page_text(connection, max_pages=2)
    file(connection, "three")
    moved = connection.execute(
        "update document_page set position = position + 1 returning tableoid::regclass::text as place"
    )
    assert {row["place"] for row in moved} == {"document_page_1", "document_page_2"}


def test_a_new_partition_does_not_wait_for_a_running_search(
    connection: Connection, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file(connection, "one", "two")
    monkeypatch.setattr(schema_migrations, "PARTITION_LOCK_SECONDS", 0.1)
    with connect(dsn) as reader, reader.transaction():
        reader.execute("select from document_page")
        assert extend_page_text(connection, max_pages=2) is None
    assert extend_page_text(connection, max_pages=2) == "document_page_2"
