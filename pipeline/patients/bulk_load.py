"""Load patients in bulk: rows go by COPY into a temporary table, then into the index, where the MRN
identifies existing patients.

Each batch is one transaction, so an interrupted load can simply be started again.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from pipeline.errors import InvalidInput
from pipeline.matching.birth_dates import to_iso_date
from pipeline.matching.person import SEXES
from pipeline.patients.patient_record import COLUMNS, PatientUpdate
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.patients")
BATCH_PATIENTS = 20_000
COLUMN_ALIASES = {
    "first_name": "given", "given_name": "given", "middle_name": "middle", "last_name": "family",
    "family_name": "family", "surname": "family", "birthdate": "dob", "birth_date": "dob",
    "date_of_birth": "dob", "birth": "dob", "gender": "sex", "street": "address", "postal_code": "zip",
    "maiden": "previous_family", "maiden_name": "previous_family", "telephone": "phone",
    "death_date": "deceased", "medical_record_number": "mrn",
}  # fmt: skip
"""Common other names of columns."""
ISO_DATE = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")
MAX_LISTED_ROWS = 5  # rejected rows that are listed one by one


@dataclass(slots=True)
class LoadResult:
    """The result of a result.

    `rejected`: position and reason of each row that was not loaded; `unparsed`: position and description of
    each value that was left out because it cannot be parsed."""

    read: int = 0
    added: int = 0
    changed: int = 0
    rejected: list[tuple[str, str]] = field(default_factory=list)
    unparsed: list[tuple[str, str]] = field(default_factory=list)
    unknown_columns: tuple[str, ...] = ()


def read_csv(
    file: Path, result: LoadResult, needed: tuple[str, ...] = ("mrn", "family")
) -> Iterator[PatientUpdate]:
    """Yield the patients in a CSV file with a header.

    Args:
        result: receives the names of unknown columns.
        needed: the columns that the file must have.

    Raises:
        InvalidInput: if the file lacks a required column or is not CSV in UTF-8.
    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream)
            header = [name.strip().lower() for name in next(reader, [])]
            keys = [COLUMN_ALIASES.get(name, name) for name in header]
            result.unknown_columns = tuple(
                name for name, key in zip(header, keys, strict=True) if key not in COLUMNS
            )
            if not set(needed) <= set(keys):
                raise InvalidInput(
                    f"{file}: the first line must name at least the columns {' and '.join(needed)}.",
                    f"The columns are {', '.join(COLUMNS)}; see docs/how-to/load-patients.md.",
                )
            wanted = [(n, key) for n, key in enumerate(keys) if key in COLUMNS]
            for values in reader:
                if values:
                    row = {key: values[n].strip() or None for n, key in wanted if n < len(values)}
                    yield PatientUpdate(f"line {reader.line_num}", row)
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(
            f"{file}: not a CSV file in UTF-8: {error}.", "Save it as CSV in UTF-8 and load it again."
        ) from None


def store_patients(
    connection: Connection,
    patients: Iterable[PatientUpdate],
    result: LoadResult,
    *,
    source: str = "csv",
    advance: Callable[[int], None] = lambda _: None,
) -> LoadResult:
    """Add patients to the index, or update those with the same MRN.

    A row that cannot be stored raises nothing: see LoadResult.

    Args:
        source: csv, fhir or hl7.
        advance: called with the number of rows after each batch.
    """
    remaining = iter(patients)
    while batch := list(islice(remaining, BATCH_PATIENTS)):
        with connection.transaction():
            connection.execute(SQL["create_staging"])
            with connection.cursor().copy(SQL["copy_staging"]) as copy:
                for patient in batch:
                    if line := normalize_row(patient.place, patient.row, result):
                        copy.write_row(line)
            counts = connection.execute(SQL["upsert_staged"], {"source": source}).fetchone()
            store_aliases(connection, batch)
        result.read += len(batch)
        if counts:
            result.added += counts["added"]
            result.changed += counts["changed"]
        advance(len(batch))
    if result.added + result.changed >= BATCH_PATIENTS // 10:
        connection.execute("analyze patient, patient_search, patient_key, name_count")
    return result


def store_aliases(connection: Connection, batch: Sequence[PatientUpdate]) -> None:
    """Store the other numbers, names, addresses and phones of patients who are in the index."""
    aliases = [(patient.row.get("mrn"), alias) for patient in batch for alias in patient.aliases]
    for table in dict.fromkeys(alias.table for _, alias in aliases):
        values = [(mrn, *alias.values) for mrn, alias in aliases if alias.table == table]
        columns = [list(column) for column in zip(*values, strict=True)]
        connection.execute(SQL[f"add_{table}"], dict(zip("abcdef", columns, strict=False)))


def normalize_row(
    place: str, row: Mapping[str, str | None], result: LoadResult
) -> Sequence[str | None] | None:
    """Return the row's values in the order of COLUMNS, with dates in ISO form and the sex as one letter; None
    if the row has no MRN."""
    if not row.get("mrn"):
        result.rejected.append((place, "no MRN"))
        return None
    values = [row.get(column) for column in COLUMNS]
    for column in ("dob", "deceased"):
        index = COLUMNS.index(column)
        if text := values[index]:
            iso = to_iso_date(text)
            values[index] = iso if iso and ISO_DATE.fullmatch(iso) else None
            if values[index] is None:
                result.unparsed.append((place, f"{column} {len(text)} characters that are not a date"))
    sex = COLUMNS.index("sex")
    text = (values[sex] or "").lower()
    values[sex] = SEXES.get(text) or ("X" if text in ("x", "other", "o", "nonbinary") else None)
    order = COLUMNS.index("birth_order")
    values[order] = values[order] if re.fullmatch(r"[1-9]", values[order] or "") else None
    return values
