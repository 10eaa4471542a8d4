"""What the tests of deliveries share: documents filed by Chartloom's own functions, with PDFs in the store,
and deliveries.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from pikepdf import Pdf

from pipeline.config import DestinationSettings, Settings, document_types
from pipeline.delivery.delivery_item import DeliveryItem, Encounter, Organization, Patient
from pipeline.delivery.delivery_service import DeliveryService
from pipeline.delivery.outbox import register
from pipeline.index.document_actions import ReviewContext, file_document, snapshot, withdraw
from pipeline.index.filing import commit
from pipeline.records import PatientRef
from pipeline.store.blobs import Blobs
from pipeline.store.database import Connection, connect
from tests.support.scan_records import a_document, a_scan, an_outcome, filed

FAST_SETTINGS = {
    "poll_seconds": 0.02,
    "initial_backoff_seconds": 0.02,
    "max_backoff_seconds": 0.1,
    "response_timeout_seconds": 1.5,
    "connect_timeout_seconds": 0.5,
}
MARTHA = (
    "20012345",
    "Martha",
    "Okafor",
    "1956-08-03",
    "F",
    "12 Harbour Lane",
    "Peabody",
    "MA",
    "01960",
    "978-555-0142",
)
TOMASZ = (
    "20055501",
    "Tomasz",
    "Wielgosz",
    "1971-12-30",
    "M",
    "88 Quarry Street",
    "Quincy",
    "MA",
    "02169",
    None,
)


def a_pdf(pages: int = 1, title: str = "") -> bytes:
    """Return a PDF of empty pages; different titles make different bytes."""
    out = io.BytesIO()
    with Pdf.new() as pdf:
        for _ in range(pages):
            pdf.add_blank_page(page_size=(612, 792))
        pdf.docinfo["/Title"] = title
        pdf.save(out, deterministic_id=True)
    return out.getvalue()


@dataclass(kw_only=True)
class Archive:
    """Documents in charts, and actions on them."""

    connection: Connection
    blobs: Blobs
    settings: Settings
    dsn: str
    martha: PatientRef = field(init=False)
    tomasz: PatientRef = field(init=False)
    count: int = 0
    pdf: Callable[[int, str], bytes] = a_pdf

    def __post_init__(self) -> None:
        self.martha, self.tomasz = self.patient(*MARTHA), self.patient(*TOMASZ)

    def patient(self, *values: str | None) -> PatientRef:
        """Add a patient to the patient index."""
        sql = """insert into patient (mrn, given, family, dob, sex, address, city, state, zip, phone)
                 values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) returning id, mrn"""
        row = self.connection.execute(sql, values).fetchone()
        assert row is not None
        return PatientRef(id=row["id"], mrn=row["mrn"])

    def destination(self, name: str, kind: str, address: str, **settings: object) -> None:
        """Add a destination to the settings and register it."""
        destination = DestinationSettings(kind=kind, address=address, **settings)  # type: ignore[arg-type]
        limits = self.settings.delivery
        changed = limits.model_copy(
            update={**FAST_SETTINGS, "destinations": {**limits.destinations, name: destination}}
        )
        self.settings = self.settings.model_copy(update={"delivery": changed})
        register(self.connection, name, destination)

    def file(
        self,
        patient: PatientRef | None = None,
        type: str = "discharge_summary",
        pages: int = 1,
        **fields: str,
    ) -> int:
        """File a document with that many pages and return its ID."""
        self.count += 1
        scan = a_scan(self.connection, f"scan {self.count}".encode())
        values = {
            "date_of_service": "2024-02-11",
            "author": "Ruth Delacroix",
            "facility": "Harbour General Hospital",
        } | fields
        document = a_document(
            range(1, pages + 1), type, **{name: value for name, value in values.items() if value}
        )
        pdf = self.blobs.put(self.pdf(pages, f"document {self.count}"))
        commit(
            self.connection,
            an_outcome(scan, ["words"] * pages, filed(document, patient or self.martha)),
            [pdf],
        )
        row = self.connection.execute("select id from document where scan_id = %s", [scan.id]).fetchone()
        assert row is not None
        return int(row["id"])

    def change(self, document: int, **changes: object) -> None:
        """Save a decision of a reviewer: `patient`, `type`, `pdf`, or a field."""
        current = snapshot(self.connection, document)
        patient = changes.pop("patient", None)
        assert patient is None or isinstance(patient, PatientRef)
        patient_id = patient.id if patient else current["patient_id"]
        assert patient_id is not None
        with self.connection.transaction():
            file_document(
                self.connection,
                self.review_context(document),
                patient=patient_id,
                type=str(changes.pop("type", current["type"])),
                pdf=changes.pop("pdf", None),  # type: ignore[arg-type]
                fields={name: str(value) for name, value in changes.items()},
            )

    def withdraw(self, document: int) -> None:
        """Withdraw the document from its chart."""
        with self.connection.transaction():
            withdraw(self.connection, self.review_context(document))

    def review_context(self, document: int) -> ReviewContext:
        """Return the document in its present revision."""
        return ReviewContext(
            document=document,
            revision=snapshot(self.connection, document)["revision"],
            actor="mwhite",
            note="Wrong chart.",
        )

    def service(self, *names: str) -> DeliveryService:
        """Return the delivery service with the present settings."""
        return DeliveryService(self.settings.delivery, lambda: connect(self.dsn), self.blobs.get, names)

    def deliver(self, *names: str) -> int:
        """Deliver until nothing more can be delivered. Return how many were delivered."""
        return self.service(*names).run(once=True)

    def outbox_of(self, destination: str, document: int) -> list[str]:
        """Return the deliveries of a document to a destination as `change edition state`, in order."""
        sql = """select change, edition, state from delivery
                 where destination = %s and document_id = %s order by id"""
        rows = self.connection.execute(sql, [destination, document])
        return [f"{row['change']} {row['edition']} {row['state']}" for row in rows]


def a_delivery_item(**changes: Any) -> DeliveryItem:
    """Return a delivery of a discharge summary of a fictitious patient."""
    organization = Organization(
        name="Harbour General Hospital", oid="2.25.1234567890", mrn_system="urn:oid:2.25.1234567890.2"
    )
    martha = dict(
        zip(
            ("mrn", "given", "family", "dob", "sex", "address", "city", "state", "zip", "phone"),
            MARTHA,
            strict=True,
        )
    )
    values: dict[str, Any] = {
        "id": 17,
        "change": "new",
        "document": 45,
        "edition": 1,
        "replaces": None,
        "queued_at": datetime(2024, 2, 12, 10, 0, tzinfo=UTC),
        "attempts": 0,
        "rejections": 0,
        "last_attempt_at": None,
        "organization": organization,
        "patient": Patient(id=3, middle=None, suffix=None, **martha),
        "encounter": Encounter(
            number="V2024-0117",
            account="A-100",
            facility="NORTH",
            location="3W-12-A",
            patient_class="I",
            admitted_at=datetime(2024, 2, 9, 8, 0),
            discharged_at=None,
        ),
        "type": document_types()["discharge_summary"],
        "pdf": "0" * 64,
        "pages": 2,
        "date_of_service": date(2024, 2, 11),
        "author": "Ruth Delacroix",
        "facility": "Harbour General Hospital",
        "scanned_at": datetime(2024, 2, 12, 9, 0, tzinfo=UTC),
        "filed_at": datetime(2024, 2, 12, 9, 30, tzinfo=UTC),
    }
    return DeliveryItem(**{**values, **changes})
