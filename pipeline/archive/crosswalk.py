"""Map old record numbers to local ones by the links.csv of `chartloom patients link OLD NEW`.

The numbers are kept in a file, not in memory. An old number that is linked to two local ones counts as
unknown until a person has decided.
"""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pipeline.errors import InvalidInput, NotFound
from pipeline.matching.person import normalize_number

REQUIRED_COLUMNS = {"left", "right"}
UNNAMED_DATABASE = ""
"""SQLite's name for a database file without a name: a killed process leaves no patient's numbers behind."""


class Crosswalk:
    """A table of record numbers. Without a table, an old number is the local one."""

    def __init__(self, table: sqlite3.Connection | None) -> None:
        self._table = table

    def local_mrn(self, old_mrn: str) -> str | None:
        """Return the local number for an old one; None if it has none, or several."""
        if self._table is None:
            return old_mrn
        row = self._table.execute(
            "select min(local_mrn), count(*) from link where old_mrn = ?", [normalize_number(old_mrn) or ""]
        ).fetchone()
        return str(row[0]) if row[1] == 1 else None


@contextmanager
def open_crosswalk(file: Path | None) -> Iterator[Crosswalk]:
    """Open the crosswalk of a CSV file with the columns left and right. Raises NotFound, InvalidInput."""
    if file is None:
        yield Crosswalk(None)
        return
    if not file.is_file():
        raise NotFound(
            f"There is no crosswalk file {file}.", "Create it with `chartloom patients link OLD NEW`."
        )
    with closing(sqlite3.connect(UNNAMED_DATABASE)) as table:
        table.execute(
            "create table link (old_mrn text not null, local_mrn text not null,"
            " primary key (old_mrn, local_mrn)) without rowid"
        )
        table.executemany("insert or ignore into link values (?, ?)", _links(file))
        table.commit()
        yield Crosswalk(table)


def _links(file: Path) -> Iterator[tuple[str, str]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            if not set(reader.fieldnames or ()) >= REQUIRED_COLUMNS:
                raise InvalidInput(
                    f"{file.name} has no columns left and right.",
                    "Create it with `chartloom patients link OLD NEW`.",
                )
            for row in reader:
                if (old_mrn := normalize_number(row["left"])) and row["right"]:
                    yield old_mrn, row["right"].strip()
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(
            f"{file.name} is not a CSV file in UTF-8: {error}.", "Save it as CSV in UTF-8."
        ) from None
