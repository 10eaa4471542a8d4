"""Write the examples of docs/reference/deliveries.md: every output for a fictitious document, made by `make
docs`.

An example is below a line `<!-- example: NAME -->`; what is around it is written by hand.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from pipeline.config import DestinationSettings, document_types
from pipeline.delivery.delivery_item import DeliveryItem, Encounter, Organization, Patient
from pipeline.delivery.formats.cda import xds_sd
from pipeline.delivery.formats.fhir import transaction
from pipeline.delivery.formats.mdm import mdm
from pipeline.delivery.formats.mhd import provide_bundle, simplified_publish
from pipeline.delivery.payload import PDF_FORMAT, Payload
from pipeline.delivery.transports.folder_drop import file_name, index_row

PAGE = Path(__file__).resolve().parent / "reference" / "deliveries.md"
BLOCK = re.compile(r"<!-- example: (?P<name>[\w-]+) -->\n```\w*\n(?:(?!```).*\n)*```\n")
PDF = Payload(b"%PDF-1.7 (the document)", "application/pdf", ".pdf", PDF_FORMAT)
MHD = DestinationSettings(kind="mhd", address="https://hie.example/fhir")
NEW = DeliveryItem(
    id=17,
    change="new",
    document=45,
    edition=1,
    replaces=None,
    queued_at=datetime(2024, 2, 12, 10, 0, tzinfo=UTC),
    attempts=0,
    rejections=0,
    last_attempt_at=None,
    organization=Organization(
        name="Harbour General", oid="2.16.840.1.113883.19.5",
        mrn_system="urn:oid:2.16.840.1.113883.19.5.2",
    ),
    patient=Patient(
        id=3, mrn="10012345", given="Martha", middle="E", family="Okafor", suffix=None, dob="1956-08-03",
        sex="F",
        address="12 Harbour Lane", city="Peabody", state="MA", zip="01960", phone="978-555-0142",
    ),
    encounter=Encounter(
        number="V2024-0117", account="A-100", facility="NORTH", location="3W-12-A", patient_class="I",
        admitted_at=datetime(2024, 2, 9, 8, 0), discharged_at=None,
    ),
    type=document_types()["discharge_summary"],
    pdf="0" * 64,
    pages=2,
    date_of_service=date(2024, 2, 11),
    author="Ruth Delacroix",
    facility="Harbour General",
    scanned_at=datetime(2024, 2, 12, 9, 0, tzinfo=UTC),
    filed_at=datetime(2024, 2, 12, 9, 30, tzinfo=UTC),
)  # fmt: skip
REPLACED = replace(NEW, id=18, change="replace", edition=2, replaces=1, replaced=NEW)
CANCELLED = replace(NEW, id=19, change="cancel", edition=2)


def message(item: DeliveryItem) -> tuple[str, str]:
    """An MDM message, a segment on a line."""
    made = None if item.change == "cancel" else PDF
    return "hl7", str(mdm(item, made, authority="HARBOUR", application="EHR", facility="HARBOUR")).rstrip(
        "\r"
    ).replace("\r", "\n")


def folder(item: DeliveryItem) -> tuple[str, str]:
    """The index file, a column on a line."""
    made = None if item.change == "cancel" else PDF
    head, row = csv.reader(io.StringIO(index_row(item, file_name(item), made).decode()))
    return "text", "\n".join(f"{name:<16}{value}".rstrip() for name, value in zip(head, row, strict=True))


EXAMPLES: dict[str, Callable[[], tuple[str, str]]] = {
    "folder": lambda: folder(NEW),
    "fhir": lambda: ("json", transaction(NEW, PDF, find="search", inline=False).model_dump_json(indent=1)),
    "fhir-cancel": lambda: (
        "json",
        transaction(CANCELLED, None, find="search", inline=False).model_dump_json(indent=1),
    ),
    "iti-65": lambda: ("json", provide_bundle(NEW, PDF, MHD).model_dump_json(indent=1)),
    "iti-105": lambda: ("json", simplified_publish(NEW, PDF, "Patient/3").model_dump_json(indent=1)),
    "t02": lambda: message(NEW),
    "t10": lambda: message(REPLACED),
    "t08": lambda: message(replace(NEW, id=20, change="edit", type=document_types()["transfer_summary"])),
    "t11": lambda: message(CANCELLED),
    "xds-sd": lambda: ("xml", xds_sd(REPLACED, PDF.data).decode()),
}


def example(match: re.Match[str]) -> str:
    """The block of an example, as the program makes it now."""
    language, text = EXAMPLES[match["name"]]()
    return f"<!-- example: {match['name']} -->\n```{language}\n{text.rstrip()}\n```\n"


def page(text: str) -> str:
    """The page with its examples as they are now."""
    return BLOCK.sub(example, text)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
