"""The export folder: for each delivery a document and a CSV file of one row that says what it is, the CSV
last.

Whoever watches the folder takes a CSV as the sign that its document is whole: both appear by a rename, never
half written. The names begin with the delivery's number, so that they sort in the order in which they are to
be read, and a second try writes the same names with the same bytes."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable
from pathlib import Path

from pipeline.config import DestinationSettings
from pipeline.delivery.delivery_item import Parcel
from pipeline.delivery.delivery_result import Answer, Failed, Problem, Taken
from pipeline.delivery.payload import Payload, payload

COLUMNS = (
    "delivery", "change", "document", "edition", "replaces", "file", "media_type", "sha256", "bytes", "pages", "type",
    "type_name", "loinc", "date_of_service", "author", "facility", "mrn", "family", "given", "middle", "suffix", "dob", "sex",
    "visit", "account", "visit_class", "scanned_at", "filed_at", "oid",
)  # fmt: skip


class FolderSender:
    """Writes into a folder that must be there: it may be a share, and a share that is not mounted is not to
    be made up.
    """

    def __init__(self, settings: DestinationSettings, fetch: Callable[[str], bytes]) -> None:
        self._folder = Path(settings.address).expanduser()
        self._content = settings.content
        self._fetch = fetch

    def send(self, parcel: Parcel) -> Answer:
        """Write the two files; of a cancelled document the CSV alone."""
        made = None if parcel.change == "cancel" else payload(parcel, self._fetch, self._content)
        name = name_of(parcel)
        try:
            if not self._folder.is_dir():
                return Failed(Problem.UNREACHABLE, f"There is no folder {self._folder}.")
            if made:
                put(self._folder / (name + made.suffix), made.data)
            put(self._folder / f"{name}.csv", index_row(parcel, name, made))
        except OSError as error:
            return Failed(Problem.UNREACHABLE, f"The folder cannot be written to: {error.strerror}.")
        return Taken(name)

    def close(self) -> None:
        """Nothing is held."""


def name_of(parcel: Parcel) -> str:
    """`000000123_45.2_new`: delivery, document and edition, change."""
    return f"{parcel.id:09d}_{parcel.document}.{parcel.edition}_{parcel.change}"


def index_row(parcel: Parcel, name: str, made: Payload | None) -> bytes:
    """The CSV file: a header and one row. Values that are not known are empty."""
    from hashlib import sha256

    patient, visit = parcel.patient, parcel.visit
    row = {
        "delivery": parcel.id,
        "change": parcel.change,
        "document": parcel.document,
        "edition": parcel.edition,
        "replaces": parcel.replaces,
        "file": name + made.suffix if made else None,
        "media_type": made.media_type if made else None,
        "sha256": sha256(made.data).hexdigest() if made else None,
        "bytes": len(made.data) if made else None,
        "pages": parcel.pages,
        "type": parcel.type.key,
        "type_name": parcel.type.name,
        "loinc": parcel.type.loinc,
        "date_of_service": parcel.date_of_service,
        "author": parcel.author,
        "facility": parcel.facility,
        **{
            column: getattr(patient, column)
            for column in ("mrn", "family", "given", "middle", "suffix", "dob", "sex")
        },
        "visit": visit.number if visit else None,
        "account": visit.account if visit else None,
        "visit_class": visit.kind if visit else None,
        "scanned_at": parcel.scanned_at.isoformat(timespec="seconds"),
        "filed_at": parcel.filed_at.isoformat(timespec="seconds"),
        "oid": parcel.oid,
    }
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    writer.writerow(row)
    return out.getvalue().encode()


def put(file: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    part = file.with_name(f".{file.name}.part")
    with part.open("wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    part.replace(file)
