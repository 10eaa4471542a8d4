"""Patients loaded in bulk: rows go by COPY into a temporary table, then into the index, updating by MRN.

A batch is a transaction, so a load that was interrupted is simply started again.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from pipeline.errors import BadInput
from pipeline.matching.birth_dates import iso_date
from pipeline.matching.person import SEXES
from pipeline.patients.patient_record import COLUMNS, Incoming
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.patients")
BATCH = 20_000
OTHER_NAMES = {
    "first_name": "given", "given_name": "given", "middle_name": "middle", "last_name": "family", "family_name": "family",
    "surname": "family", "birthdate": "dob", "birth_date": "dob", "date_of_birth": "dob", "birth": "dob", "gender": "sex",
    "street": "address", "postal_code": "zip", "maiden": "previous_family", "maiden_name": "previous_family",
    "telephone": "phone", "death_date": "deceased", "medical_record_number": "mrn",
}  # fmt: skip
"""Columns by other names that are common."""
ISO = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")
SHOWN = 5  # refused lines that are named one by one


@dataclass(slots=True)
class Load:
    """What a load did. `refused`: line (or place) and reason; `doubtful`: values left out because they cannot
    be read.
    """

    read: int = 0
    added: int = 0
    changed: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)
    doubtful: list[tuple[str, str]] = field(default_factory=list)
    unknown_columns: tuple[str, ...] = ()


def csv_rows(file: Path, load: Load, needed: tuple[str, ...] = ("mrn", "family")) -> Iterator[Incoming]:
    """The patients of a CSV file with a header; BadInput where it has none of our columns or is not text."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream)
            header = [name.strip().lower() for name in next(reader, [])]
            keys = [OTHER_NAMES.get(name, name) for name in header]
            load.unknown_columns = tuple(
                name for name, key in zip(header, keys, strict=True) if key not in COLUMNS
            )
            if not set(needed) <= set(keys):
                raise BadInput(
                    f"{file}: the first line must name at least the columns {' and '.join(needed)}.",
                    f"The columns are {', '.join(COLUMNS)}; see docs/how-to/load-patients.md.",
                )
            wanted = [(n, key) for n, key in enumerate(keys) if key in COLUMNS]
            for values in reader:
                if values:
                    row = {key: values[n].strip() or None for n, key in wanted if n < len(values)}
                    yield Incoming(f"line {reader.line_num}", row)
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(
            f"{file}: not a CSV file in UTF-8: {error}.", "Save it as CSV in UTF-8 and load it again."
        ) from None


def load_rows(
    connection: Connection,
    patients: Iterable[Incoming],
    load: Load,
    *,
    source: str = "csv",
    advance: Callable[[int], None] = lambda _: None,
) -> Load:
    """Put patients into the index; one who is known by that MRN is brought up to date. Raises nothing for a
    bad row: see Load.
    """
    remaining = iter(patients)
    while batch := list(islice(remaining, BATCH)):
        with connection.transaction():
            connection.execute(SQL["make_incoming"])
            with connection.cursor().copy(SQL["copy_incoming"]) as copy:
                for patient in batch:
                    if line := acceptable(patient.place, patient.row, load):
                        copy.write_row(line)
            told = connection.execute(SQL["take_incoming"], {"source": source}).fetchone()
            keep_others(connection, batch)
        load.read += len(batch)
        if told:
            load.added += told["added"]
            load.changed += told["changed"]
        advance(len(batch))
    if load.added + load.changed >= BATCH // 10:
        connection.execute("analyze patient, patient_search, patient_key, name_count")
    return load


def keep_others(connection: Connection, batch: Sequence[Incoming]) -> None:
    """What else is known of a batch's patients, now that they are in the index."""
    others = [(patient.row.get("mrn"), other) for patient in batch for other in patient.others]
    for table in dict.fromkeys(other.table for _, other in others):
        values = [(mrn, *other.values) for mrn, other in others if other.table == table]
        columns = [list(column) for column in zip(*values, strict=True)]
        connection.execute(SQL[f"keep_{table}"], dict(zip("abcdef", columns, strict=False)))


def acceptable(place: str, row: Mapping[str, str | None], load: Load) -> Sequence[str | None] | None:
    """The row's values in the order of COLUMNS, dates in ISO and sex in one letter; None if it cannot be
    taken.
    """
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
