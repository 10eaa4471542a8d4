"""Old record numbers to ours: the links.csv of `chartloom patients link OLD NEW`, kept in a file, not in
memory.

An old number that is linked to two of ours is of nobody until a person has decided: it counts as unknown.
"""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pipeline.errors import BadInput, NotFound
from pipeline.matching.person import number_or_none

NEEDED = {"left", "right"}
NAMELESS = ""
"""SQLite's name for a database on disk without a name: nobody's numbers are left behind when the process is
killed.
"""


class Crosswalk:
    """A table of numbers. Without one, an old number is ours."""

    def __init__(self, table: sqlite3.Connection | None) -> None:
        self._table = table

    def ours(self, old: str) -> str | None:
        """Our number for an old one; None where it has none, or several."""
        if self._table is None:
            return old
        row = self._table.execute(
            "select min(ours), count(*) from link where old = ?", [number_or_none(old) or ""]
        ).fetchone()
        return str(row[0]) if row[1] == 1 else None


@contextmanager
def crosswalk(file: Path | None) -> Iterator[Crosswalk]:
    """The crosswalk of a CSV with the columns left and right. Raises NotFound, BadInput."""
    if file is None:
        yield Crosswalk(None)
        return
    if not file.is_file():
        raise NotFound(f"There is no crosswalk {file}.", "Make it with `chartloom patients link OLD NEW`.")
    with closing(sqlite3.connect(NAMELESS)) as table:
        table.execute(
            "create table link (old text not null, ours text not null, primary key (old, ours)) without rowid"
        )
        table.executemany("insert or ignore into link values (?, ?)", _links(file))
        table.commit()
        yield Crosswalk(table)


def _links(file: Path) -> Iterator[tuple[str, str]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            if not set(reader.fieldnames or ()) >= NEEDED:
                raise BadInput(
                    f"{file.name} has no columns left and right.",
                    "Make it with `chartloom patients link OLD NEW`.",
                )
            for row in reader:
                if (old := number_or_none(row["left"])) and row["right"]:
                    yield old, row["right"].strip()
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(
            f"{file.name} is not a CSV file in UTF-8: {error}.", "Save it as CSV in UTF-8."
        ) from None
