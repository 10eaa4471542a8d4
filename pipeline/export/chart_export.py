"""Export charts: FHIR bulk NDJSON with the PDFs, or one PDF for each patient with a table of contents.

The folder appears by a rename when it is complete and the audit entries are written, or not at all. Only one
chart is listed and only one document is in memory at a time, so memory does not grow with the export."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, Protocol

from pikepdf import PdfError
from pydantic import ValidationError

from pipeline.config import DeliverySettings
from pipeline.delivery.delivery_item import DeliveryItem, item_from_row
from pipeline.delivery.outbox import load_organization
from pipeline.errors import ChartloomError, InvalidInput, NotFound
from pipeline.export.chart_pdf import ChartPdfWriter
from pipeline.export.fhir_bulk import FhirBulkWriter
from pipeline.store.audit import write_audit
from pipeline.store.blobs import BlobDamaged, Blobs
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.export")
Format = Literal["fhir", "pdf"]


@dataclass(frozen=True, slots=True)
class FailedChart:
    """A patient whose chart could not be exported, and the reason."""

    mrn: str
    reason: str


class ChartWriter(Protocol):
    """Writes charts into a folder."""

    def write_chart(self, items: list[DeliveryItem]) -> None:
        """Write one patient's documents, or nothing of them if an error occurs."""

    def close(self, failed: Sequence[FailedChart]) -> None:
        """Write what comes after the last chart.

        Args:
            failed: the charts that could not be written.
        """


@dataclass(slots=True)
class ExportSummary:
    """The numbers of patients, documents and pages that were exported, and the charts that could not be."""

    patients: int = 0
    documents: int = 0
    pages: int = 0
    failed: list[FailedChart] = field(default_factory=list)


def export(
    connection: Connection,
    blobs: Blobs,
    settings: DeliverySettings,
    to: Path,
    *,
    actor: str,
    output_format: Format = "fhir",
    mrn: str | None = None,
    since: datetime | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> ExportSummary:
    """Export the chart of `mrn`, or every document filed since `since`.

    Args:
        to: the folder to write, which must not exist or be empty.
        actor: the user, for the audit.
        advance: called with the number of documents after each chart.

    A chart that cannot be written does not stop the others: the summary names it.

    Raises:
        NotFound: if there is no such patient, or nothing to export.
        InvalidInput: if the folder is not empty, or if no chart can be written.
        BlobDamaged: if no chart can be written, because the first document is damaged.
    """
    summary = ExportSummary()
    first_error: Exception | None = None
    with atomic_folder(to) as folder, connection.transaction():
        patient = None if mrn is None else patient_by_mrn(connection, mrn)
        organization = load_organization(connection, settings)
        writer: ChartWriter = (
            FhirBulkWriter(folder, blobs.fetch, mrn or str(since))
            if output_format == "fhir"
            else ChartPdfWriter(folder, blobs.fetch, organization)
        )
        rows = filed_documents(connection, patient, since)
        for patient_id, chart in groupby(rows, key=lambda row: row["patient"]["id"]):
            chart_rows = list(chart)
            try:
                items = [item_from_row(row, organization) for row in chart_rows]
                writer.write_chart(items)
            except (BlobDamaged, NotFound, PdfError, ValueError, KeyError, TypeError) as error:
                # bad data of one patient must not stop the others
                number = chart_rows[0]["patient"]["mrn"] or str(patient_id)
                summary.failed.append(FailedChart(number, failure_reason(error)))
                first_error = first_error or error
                continue
            detail = {
                "documents": len(items),
                "format": output_format,
                "since": since.isoformat() if since else None,
            }
            write_audit(connection, actor, "export", patient=patient_id, detail=detail)
            summary.patients += 1
            summary.documents += len(items)
            summary.pages += sum(item.pages for item in items)
            advance(len(items))
        if first_error is not None and not summary.documents:
            if isinstance(first_error, ChartloomError):
                raise first_error
            first = summary.failed[0]
            raise InvalidInput(
                f"The chart of {first.mrn} cannot be exported: {first.reason}", "Correct the patient's data."
            ) from first_error
        if not summary.documents:
            raise NotFound("There is nothing to export.", "Check the chart, or choose an earlier date.")
        writer.close(summary.failed)
    return summary


def filed_documents(
    connection: Connection, patient: int | None, since: datetime | None
) -> Iterator[dict[str, Any]]:
    """Yield the rows of filed documents, patient by patient, in the form of deliveries."""
    with connection.cursor("export") as cursor:  # a server-side cursor: the rows are fetched as needed
        cursor.execute(SQL["documents_to_export"], {"patient": patient, "since": since})
        yield from cursor


def failure_reason(error: Exception) -> str:
    """Return why a chart could not be written, without values of the patient."""
    if isinstance(error, ValidationError):
        places = sorted({".".join(map(str, problem["loc"])) for problem in error.errors()})
        return f"Not valid FHIR: {', '.join(places)}."
    return (
        str(error)
        if isinstance(error, ChartloomError)
        else f"Data that cannot be read: {type(error).__name__}."
    )


def patient_by_mrn(connection: Connection, mrn: str) -> int:
    """Return the ID of the patient with a current or former MRN.

    Raises:
        NotFound: if there is none.
    """
    row = connection.execute(SQL["patient_to_export"], {"mrn": mrn}).fetchone()
    if row is None:
        raise NotFound(f"No patient in the index has the MRN {mrn}.")
    return int(row["id"])


@contextmanager
def atomic_folder(to: Path) -> Iterator[Path]:
    """Yield a temporary folder, which is renamed to `to` at the end, or deleted if an error occurs.

    Raises:
        InvalidInput: if `to` exists and is not an empty folder.
    """
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise InvalidInput(f"{to} already exists.", "Choose a new or empty folder.", "folder_in_use")
    part = to.with_name(f".{to.name}.{os.getpid()}.part")
    part.mkdir(mode=0o700, parents=True)  # only the user who exports may read it
    try:
        yield part
        if to.exists():
            to.rmdir()
        part.rename(to)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
