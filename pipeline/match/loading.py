"""Patients loaded in bulk: rows go by COPY into a temporary table, then into the index, updating by MRN.

A batch is a transaction, so a load that was interrupted is simply started again.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import islice
from pathlib import Path

from pipeline.errors import BadInput
from pipeline.match.dates import iso_date
from pipeline.match.person import SEXES
from pipeline.records import PersonRecord
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.match")
BATCH = 20_000
COLUMNS = (*(f.name for f in fields(PersonRecord)), "deceased", "birth_order")
OTHER_NAMES = {
    "first_name": "given", "given_name": "given", "middle_name": "middle", "last_name": "family", "family_name": "family",
    "surname": "family", "birthdate": "dob", "birth_date": "dob", "date_of_birth": "dob", "birth": "dob", "gender": "sex",
    "street": "address", "postal_code": "zip", "maiden": "previous_family", "maiden_name": "previous_family",
    "telephone": "phone", "death_date": "deceased", "medical_record_number": "mrn",
}  # fmt: skip
"""Columns by other names that are common."""
ISO = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")
SHOWN = 5  # refused lines that are named one by one

Row = Mapping[str, str | None]


@dataclass(slots=True)
class Load:
    """What a load did. `refused`: line (or place) and reason; `doubtful`: values left out because they cannot be read."""

    read: int = 0
    added: int = 0
    changed: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)
    doubtful: list[tuple[str, str]] = field(default_factory=list)
    unknown_columns: tuple[str, ...] = ()


def csv_rows(file: Path, load: Load) -> Iterator[tuple[str, dict[str, str | None]]]:
    """(line, row) of a CSV file with a header; BadInput where it has none of our columns or is not text."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream)
            header = [name.strip().lower() for name in next(reader, [])]
            keys = [OTHER_NAMES.get(name, name) for name in header]
            load.unknown_columns = tuple(name for name, key in zip(header, keys, strict=True) if key not in COLUMNS)
            if "mrn" not in keys or "family" not in keys:
                raise BadInput(
                    f"{file}: the first line must name at least the columns mrn and family.",
                    f"The columns are {', '.join(COLUMNS)}; see docs/how-to/load-patients.md.",
                )
            wanted = [(n, key) for n, key in enumerate(keys) if key in COLUMNS]
            for values in reader:
                if values:
                    yield str(reader.line_num), {key: values[n].strip() or None for n, key in wanted if n < len(values)}
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{file}: not a CSV file in UTF-8: {error}.", "Save it as CSV in UTF-8 and load it again.") from None


def load_rows(
    connection: Connection,
    rows: Iterable[tuple[str, Row]],
    load: Load,
    *,
    source: str = "csv",
    advance: Callable[[int], None] = lambda _: None,
) -> Load:
    """Put (place, row) pairs into the index, rows keyed as COLUMNS; an existing patient of that MRN is brought up to date."""
    remaining = iter(rows)
    while batch := list(islice(remaining, BATCH)):
        with connection.transaction():
            connection.execute(SQL["make_incoming"])
            with connection.cursor().copy(SQL["copy_incoming"]) as copy:
                for place, row in batch:
                    if line := acceptable(place, row, load):
                        copy.write_row(line)
            told = connection.execute(SQL["take_incoming"], {"source": source}).fetchone()
        load.read += len(batch)
        if told:
            load.added += told["added"]
            load.changed += told["changed"]
        advance(len(batch))
    connection.execute("analyze patient")
    connection.execute("analyze patient_search")
    connection.execute("analyze patient_key")
    return load


def acceptable(place: str, row: Row, load: Load) -> Sequence[str | None] | None:
    """The row's values in the order of COLUMNS, dates in ISO and sex in one letter; None if it cannot be taken."""
    if not row.get("mrn"):
        load.refused.append((place, "no MRN"))
        return None
    values = [row.get(column) for column in COLUMNS]
    for column in ("dob", "deceased"):
        at = COLUMNS.index(column)
        if said := values[at]:
            iso = iso_date(said)
            values[at] = iso if iso and ISO.fullmatch(iso) else None
            if values[at] is None:
                load.doubtful.append((place, f"{column} {len(said)} characters that are no date"))
    sex = COLUMNS.index("sex")
    said = (values[sex] or "").lower()
    values[sex] = SEXES.get(said) or ("X" if said in ("x", "other", "o", "nonbinary") else None)
    order = COLUMNS.index("birth_order")
    values[order] = values[order] if re.fullmatch(r"[1-9]", values[order] or "") else None
    return values
