"""The export folder: for each delivery a document, then a CSV file with one row that describes it.

A program that watches the folder can take the CSV file as the sign that its document is complete: both files
appear by a rename, never partly written. The names begin with the delivery's number, so that they sort in the
order in which they must be read. A retry writes the same names with the same bytes."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from pipeline.config import DestinationSettings
from pipeline.delivery.delivery_item import DeliveryItem
from pipeline.delivery.delivery_result import Accepted, DeliveryProblem, DeliveryResult, Failure
from pipeline.delivery.payload import Payload, build_payload

COLUMNS = (
    "delivery", "change", "document", "edition", "replaces", "file", "media_type", "sha256", "bytes", "pages",
    "type", "type_name", "loinc", "date_of_service", "author", "facility", "mrn", "family", "given", "middle",
    "suffix", "dob", "sex", "visit", "account", "visit_class", "scanned_at", "filed_at", "oid",
)  # fmt: skip


class FolderTransport:
    """Writes into a folder, which must exist: it may be a share, and the mount point of an unmounted share
    must not be filled."""

    def __init__(self, settings: DestinationSettings, fetch: Callable[[str], bytes]) -> None:
        self._folder = Path(settings.address).expanduser()
        self._content = settings.content
        self._fetch = fetch

    def send(self, item: DeliveryItem) -> DeliveryResult:
        """Write the two files; for a canceled document only the CSV file."""
        payload = None if item.change == "cancel" else build_payload(item, self._fetch, self._content)
        name = file_name(item)
        try:
            if not self._folder.is_dir():
                return Failure(DeliveryProblem.UNREACHABLE, f"The folder {self._folder} does not exist.")
            if payload:
                write_atomically(self._folder / (name + payload.suffix), payload.data)
            write_atomically(self._folder / f"{name}.csv", index_row(item, name, payload))
        except OSError as error:
            return Failure(DeliveryProblem.UNREACHABLE, f"The folder cannot be written to: {error.strerror}.")
        return Accepted(name)

    def close(self) -> None:
        """Do nothing: no connection is kept."""


def file_name(item: DeliveryItem) -> str:
    """Return the name without suffix, e.g. `000000123_45.2_new`: delivery, document and edition, change."""
    return f"{item.id:09d}_{item.document}.{item.edition}_{item.change}"


def index_row(item: DeliveryItem, name: str, payload: Payload | None) -> bytes:
    """Return the CSV file: a header and one row. Unknown values are empty."""
    patient, encounter = item.patient, item.encounter
    row = {
        "delivery": item.id,
        "change": item.change,
        "document": item.document,
        "edition": item.edition,
        "replaces": item.replaces,
        "file": name + payload.suffix if payload else None,
        "media_type": payload.media_type if payload else None,
        "sha256": sha256(payload.data).hexdigest() if payload else None,
        "bytes": len(payload.data) if payload else None,
        "pages": item.pages,
        "type": item.type.key,
        "type_name": item.type.name,
        "loinc": item.type.loinc,
        "date_of_service": item.date_of_service,
        "author": item.author,
        "facility": item.facility,
        **{
            column: getattr(patient, column)
            for column in ("mrn", "family", "given", "middle", "suffix", "dob", "sex")
        },
        "visit": encounter.number if encounter else None,
        "account": encounter.account if encounter else None,
        "visit_class": encounter.patient_class if encounter else None,
        "scanned_at": item.scanned_at.isoformat(timespec="seconds"),
        "filed_at": item.filed_at.isoformat(timespec="seconds"),
        "oid": item.oid,
    }
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    writer.writerow(row)
    return out.getvalue().encode()


def write_atomically(file: Path, data: bytes) -> None:
    """Write a file completely or not at all."""
    part = file.with_name(f".{file.name}.part")
    with part.open("wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    part.replace(file)
