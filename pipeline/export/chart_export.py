"""Charts taken out whole: FHIR bulk NDJSON with the PDFs beside it, or one PDF for each patient with a table
of contents.

The folder appears by a rename when everything is in it and the audit has its lines, or not at all. One chart
at a time is looked at, one document at a time is held: memory does not grow with what is taken out."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Literal, Protocol
from uuid import UUID

from pipeline.config import DeliverySettings
from pipeline.delivery.delivery_item import House, Parcel, house_of, parcel_of
from pipeline.delivery.outbox import SQL
from pipeline.errors import BadInput, NotFound
from pipeline.export.chart_pdf import Books
from pipeline.export.fhir_bulk import Bulk
from pipeline.store.audit import write_audit
from pipeline.store.blobs import Blobs
from pipeline.store.database import Connection

Format = Literal["fhir", "pdf"]


class Writer(Protocol):
    """Writes charts into a folder."""

    def chart(self, parcels: list[Parcel]) -> None:
        """Write one patient's documents."""

    def close(self) -> None:
        """Write what stands at the end."""


@dataclass(slots=True)
class Export:
    """What was taken out."""

    patients: int = 0
    documents: int = 0
    pages: int = 0


def export(
    connection: Connection,
    blobs: Blobs,
    settings: DeliverySettings,
    to: Path,
    *,
    by: str,
    form: Format = "fhir",
    mrn: str | None = None,
    since: datetime | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> Export:
    """Write the chart of `mrn`, or every document filed since `since`, into the folder `to`, which must hold
    nothing yet.

    Raises NotFound where there is no such patient or nothing to take out, BadInput where the folder is in
    use."""
    done = Export()
    with whole_folder(to) as place, connection.transaction():
        patient = None if mrn is None else patient_of(connection, mrn)
        house = house_here(connection, settings)
        writer: Writer = (
            Bulk(place, blobs.fetch, mrn or str(since))
            if form == "fhir"
            else Books(place, blobs.fetch, house)
        )
        for whose, found in groupby(
            documents(connection, house, patient, since), key=lambda parcel: parcel.patient.id
        ):
            parcels = list(found)
            writer.chart(parcels)
            since_when = since.isoformat() if since else None
            detail = {"documents": len(parcels), "format": form, "since": since_when}
            write_audit(connection, by, "export", patient=whose, detail=detail)
            done.patients += 1
            done.documents += len(parcels)
            done.pages += sum(parcel.pages for parcel in parcels)
            advance(len(parcels))
        if not done.documents:
            raise NotFound("There is nothing to take out.", "Look at the chart, or choose an earlier date.")
        writer.close()
    return done


def documents(
    connection: Connection, house: House, patient: int | None, since: datetime | None
) -> Iterator[Parcel]:
    """The documents, patient by patient, as a receiver would be told of them."""
    with connection.cursor(
        "export"
    ) as cursor:  # the server keeps the rows, and hands them over as they are needed
        cursor.execute(SQL["documents_to_export"], {"patient": patient, "since": since})
        for row in cursor:
            yield parcel_of(row, house)


def patient_of(connection: Connection, mrn: str) -> int:
    """The patient of an MRN, current or former. Raises NotFound."""
    row = connection.execute(SQL["patient_to_export"], {"mrn": mrn}).fetchone()
    if row is None:
        raise NotFound(f"No patient of the index has the MRN {mrn}.")
    return int(row["id"])


def house_here(connection: Connection, settings: DeliverySettings) -> House:
    """Who we are, by the settings or by the installation's own UUID."""
    row = connection.execute(SQL["installation"]).fetchone()
    assert row is not None, "the migration has made it"
    return house_of(settings, UUID(str(row["id"])))


@contextmanager
def whole_folder(to: Path) -> Iterator[Path]:
    """A folder to write into, which becomes `to` at the end, or is gone where something fails."""
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise BadInput(f"{to} is there already.", "Name a folder that is not, or is empty.", "folder_in_use")
    place = to.with_name(f".{to.name}.{os.getpid()}.part")
    place.mkdir(mode=0o700, parents=True)  # what is taken out is for whoever takes it out alone
    try:
        yield place
        if to.exists():
            to.rmdir()
        place.rename(to)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
