"""Measure the disk space and time that the text of pages takes in Postgres, and the cost of its partitions.

    python -m bench.text_partitions [--pages 20000]

Pages of generated documents are written into a temporary installation. Prints the bytes per page of the table
and of each of its indexes, the CPU time of Postgres for writing a page, the time to rebuild the search index,
and how long all other transactions wait while a partition is closed and the next one is created.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from bench.throughput import servers
from pipeline.config import load_settings
from pipeline.runtime.installation import open_installation
from pipeline.store.database import Connection
from pipeline.store.schema_migrations import extend_page_text
from pipeline.synthetic import documents, patients

DOCUMENTS_PER_TRANSACTION = 1_000
PEOPLE = 5_000
SEED = 3
INSERT_DOCUMENTS = """
insert into scan (sha256, name, media_type, size, status, finished_at)
select encode(sha256(n::text::bytea), 'hex'), 'page', 'image/tiff', 1, 'done', now()
from generate_series(1, %(pages)s) n;
insert into page (scan_id, number, kind, width, height, rotation, skew, confidence)
select id, 1, 'content', 1275, 1650, 0, 0, 0.9 from scan;
alter table document disable trigger on_document_committed;
insert into document (scan_id, pages, status, type, type_probability, pdf, machine_result)
select id, '{1}', 'review', 'progress_note', 0.9, repeat('0', 64), '{}' from scan;
"""
SELECT_SIZES = """
select indexrelid::regclass::text as name, pg_relation_size(indexrelid) as bytes from pg_index
where indrelid = 'document_page_1'::regclass
union all select 'document_page_1', pg_table_size('document_page_1')
order by bytes desc
"""


def fill(connection: Connection, pages: int) -> None:
    """Write the rows of the pages; each page is a document."""
    for statement in INSERT_DOCUMENTS.split(";"):
        connection.execute(statement.encode(), {"pages": pages} if "%(pages)s" in statement else None)
    texts = (sample.text for sample in documents(patients(PEOPLE, SEED), pages, SEED))
    number = 0
    while batch := list(islice(texts, DOCUMENTS_PER_TRANSACTION)):
        with connection.transaction(), connection.cursor() as cursor:
            cursor.executemany(
                "insert into document_page (document_id, scan_id, number, position, text)"
                " values (%s, %s, 1, 1, %s)",
                [(number + n, number + n, text) for n, text in enumerate(batch, 1)],
            )
        number += len(batch)


def seconds_of(action: Callable[[], object]) -> float:
    """Return the seconds that an action takes."""
    started = time.monotonic()
    action()
    return time.monotonic() - started


def measure(connection: Connection, home: Path, pages: int) -> Iterator[str]:
    """Fill the table, measure, and yield lines of results."""
    before = servers(home)
    fill(connection, pages)
    yield f"{'written':26} {(servers(home) - before) / pages * 1000:9.2f} ms of Postgres' CPU a page"
    connection.execute("vacuum analyze document_page")
    for row in connection.execute(SELECT_SIZES).fetchall():
        yield f"{row['name']:26} {row['bytes'] / pages:9,.0f} bytes a page"
    rebuilt = seconds_of(lambda: connection.execute("reindex index document_page_1_search"))
    yield f"{'search index rebuilt':26} {rebuilt / pages * 1e6:9,.0f} s a million pages"
    waiting = seconds_of(lambda: extend_page_text(connection, max_pages=pages))
    yield f"{'next partition created':26} {waiting * 1000:9,.0f} ms, for {pages:,} pages checked"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=20_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chartloom-bench-") as folder:
        Path(folder).chmod(0o755)
        settings = load_settings(Path(folder) / "home")
        with open_installation(settings, store=False) as installation, installation.connect() as connection:
            for line in measure(connection, settings.home, args.pages):
                print(line, flush=True)


if __name__ == "__main__":
    main()
