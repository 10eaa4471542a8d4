"""A small hospital for the tests of the web application.

It has accounts, patients, and scans that are filed by the pipeline's own functions."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response
from PIL import Image, ImageDraw, ImageFont

from pipeline.config import Settings
from pipeline.index.filing import commit
from pipeline.matching import decide, person_from_document
from pipeline.ocr.output.searchable_pdf import document_pdf
from pipeline.patients.adt import process_message
from pipeline.patients.candidates import find_candidates
from pipeline.records import (
    Box,
    Document,
    Field,
    Filing,
    OcrPage,
    Outcome,
    Reason,
    Scan,
    Segmentation,
    TypeGuess,
    Word,
)
from pipeline.store.blobs import Blobs
from pipeline.store.database import Connection, open_pool
from pipeline.web.application import create_app
from pipeline.web.auth.accounts import add_account
from pipeline.web.auth.permissions import Role
from pipeline.web.auth.request_context import SESSION_COOKIE, AppContext
from pipeline.web.auth.sessions import csrf_token, open_session
from pipeline.web.auth.tokens import add_token
from pipeline.worker.job_queue import enqueue_scan

PASSWORD = "a password of the tests"
WIDTH, HEIGHT = 850, 1100
PATIENTS = (
    # mrn, given, family, dob, sex, address, city
    ("10012345", "Martha", "Okafor", "1956-08-03", "F", "12 Harbour Lane", "Peabody"),
    ("10012399", "Marta", "Okafor", "1956-03-08", "F", "7 Mill Road", "Salem"),
    ("10055501", "Tomasz", "Wielgosz", "1971-12-30", "M", "88 Quarry Street", "Quincy"),
    ("10077004", "Ines", "Caballero-Reyes", "2001-02-14", "F", "3 Chestnut Court", "Lowell"),
)


@dataclass(kw_only=True)
class Hospital:
    """The database and store that the tests write to."""

    connection: Connection
    blobs: Blobs
    settings: Settings
    count: int = 0
    accounts: dict[Role, int] = field(default_factory=dict)
    patient_ids: list[int] = field(default_factory=list)

    def add_accounts(self) -> dict[Role, int]:
        """Add an account for each role, named after the role and without a password."""
        return {
            role: add_account(self.connection, role.value.replace("_", "."), role, None, role.label)
            for role in Role
        }

    def add_patients(self) -> list[int]:
        """Add the patients and return their ids."""
        sql = """insert into patient (mrn, given, family, dob, sex, address, city)
                 values (%s, %s, %s, %s, %s, %s, %s) returning id"""
        rows = [self.connection.execute(sql, person).fetchone() for person in PATIENTS]
        return [row["id"] for row in rows if row is not None]

    def file_scan(
        self, name: str, *documents: list[list[str]], issue: Reason | None = None, **fields: str
    ) -> int:
        """File a scan with these documents, each a list of pages, each a list of lines; return the scan's id.

        `fields` are found on the first page of each document, in the boxes of their words.
        """
        self.count += 1
        sha = hashlib.sha256(f"{name} {self.count}".encode()).hexdigest()
        sql = """insert into scan (sha256, name, media_type, size)
                 values (%s, %s, 'application/pdf', 1) returning id"""
        row = self.connection.execute(sql, [sha, name]).fetchone()
        assert row is not None
        seen = "insert into ingest_event (scan_id, name, duplicate, seen_at) values (%s, %s, false, now())"
        self.connection.execute(seen, [row["id"], name])
        scan = Scan(id=row["id"], sha256=sha, name=name, media_type="application/pdf", size=1)
        pages: list[OcrPage] = []
        filings: list[Filing] = []
        pdfs: list[str] = []
        for lines_of_pages in documents:
            read = [self.make_page(len(pages) + i, lines) for i, lines in enumerate(lines_of_pages, 1)]
            pages.extend(read)
            document = Document(
                pages=tuple(page.number for page in read),
                type="discharge_summary",
                type_probability=0.97,
                alternatives=(
                    TypeGuess(type="discharge_summary", probability=0.97),
                    TypeGuess(type="transfer_summary", probability=0.02),
                ),
                fields=tuple(field_on_page(name, value, read[0]) for name, value in fields.items()),
                issues=() if issue is None else (issue,),
            )
            person = person_from_document(document)
            possible = find_candidates(self.connection, person, self.settings.matching)
            filings.append(decide(document, possible, self.settings))
            parts = [self.blobs.get(page.pdf) for page in read if page.pdf]
            pdfs.append(self.blobs.put(document_pdf(parts, title=f"Scan {scan.id}")))
        sorting = Segmentation(documents=tuple(filing.document for filing in filings))
        commit(
            self.connection,
            Outcome(scan=scan, pages=tuple(pages), segmentation=sorting, filings=tuple(filings)),
            pdfs,
        )
        return scan.id

    def make_page(self, number: int, lines: list[str]) -> OcrPage:
        """Return a printed page with its words, image and PDF."""
        image = Image.new("L", (WIDTH, HEIGHT), 255)
        draw = ImageDraw.Draw(image)
        font = ImageFont.load_default(22)
        words: list[Word] = []
        for i, line in enumerate(lines):
            x, y = 70, 70 + 40 * i
            for text in line.split():
                x0, y0, x1, y1 = (int(v) for v in draw.textbbox((x, y), text, font=font))
                draw.text((x, y), text, font=font, fill=0)
                words.append(Word(text=text, box=(x0, y0, x1 + 1, y1 + 1), confidence=0.96))
                x = x1 + 9
        jpeg, pdf = io.BytesIO(), io.BytesIO()
        image.save(jpeg, "JPEG", quality=70)
        image.save(pdf, "PDF", resolution=100)
        return OcrPage(
            number=number,
            image=hashlib.sha256(jpeg.getvalue()).hexdigest(),
            width=WIDTH,
            height=HEIGHT,
            dpi=100,
            confidence=0.96,
            text="\n".join(lines),
            words=tuple(words),
            pdf=self.blobs.put(pdf.getvalue()),
            preview=self.blobs.put(jpeg.getvalue()),
        )

    def uncertain_item(self, name: str = "ward 7.pdf", pages: int = 2) -> int:
        """File a scan without a legible MRN and return the id of its review item."""
        first = [
            "DISCHARGE SUMMARY",
            "Patient: Okafor, Martha",
            "Born: 1956-08-03",
            "Seen on: 2026-03-14",
            "Fracture of the radius",
        ]
        rest = [["Continued", f"Page {n}", "The wound heals well"] for n in range(2, pages + 1)]
        given: dict[str, Any] = {
            "patient_name": "Okafor, Martha",
            "dob": "1956-08-03",
            "date_of_service": "2026-03-14",
        }
        return self.first_item(
            self.file_scan(
                name,
                [first, *rest],
                issue=Reason(code="insufficient_identifiers", detail="The MRN is not legible."),
                **given,
            )
        )

    def filed_document(self, name: str = "clean.pdf") -> int:
        """File a scan whose document is filed automatically and return the document's id."""
        lines = [
            "DISCHARGE SUMMARY",
            "Patient: Wielgosz, Tomasz",
            "Born: 1971-12-30",
            "MRN: 10055501",
            "Seen on: 2026-02-01",
            "Appendectomy without complications",
        ]
        given: dict[str, Any] = {
            "patient_name": "Wielgosz, Tomasz",
            "dob": "1971-12-30",
            "mrn": "10055501",
            "date_of_service": "2026-02-01",
        }
        scan = self.file_scan(name, [lines], **given)
        row = self.connection.execute("select id from document where scan_id = %s", [scan]).fetchone()
        assert row is not None
        return int(row["id"])

    def rejected_message(self, event: str = "A40", mrn: str = "10012345", prior: str = "10055501") -> int:
        """Receive an HL7 message about two different patients, which is rejected, and return its id."""
        self.count += 1
        segments = (
            f"MSH|^~\\&|REGISTRATION|NORTH|||20260101120000||ADT^{event}|C{self.count}|P|2.5",
            f"PID|1||{mrn}^^^NORTH^MR||Okafor^Martha||19560803|F",
            f"MRG|{prior}^^^NORTH^MR",
        )
        result = process_message(self.connection, "\r".join(segments).encode())
        assert result.status == "rejected", result
        row = self.connection.execute("select max(id) as id from adt_message").fetchone()
        assert row is not None
        return int(row["id"])

    def first_item(self, scan: int) -> int:
        """Return the id of the scan's first review item."""
        row = self.connection.execute(
            "select id from review_item where scan_id = %s order by id limit 1", [scan]
        ).fetchone()
        assert row is not None
        return int(row["id"])


@contextmanager
def application(hospital: Hospital, dsn: str, connections: int = 6) -> Iterator[FastAPI]:
    """Yield the web application on the hospital's store and that database."""
    with open_pool(dsn, connections) as pool:
        yield create_app(
            AppContext(
                settings=hospital.settings, pool=pool, blobs=lambda: hospital.blobs, enqueue=enqueue_scan
            )
        )


def field_on_page(name: str, value: str, page: OcrPage) -> Field:
    """Return a field in the box of its words on the page."""
    parts = value.replace(",", " ").split()
    boxes = [word.box for word in page.words if word.text.strip(",") in parts] or [(70, 70, 200, 90)]
    return Field(name=name, value=value, page=page.number, box=enclosing_box(boxes), confidence=0.93)


def enclosing_box(boxes: list[Box]) -> Box:
    """Return the smallest box that contains all boxes."""
    return (
        min(b[0] for b in boxes),
        min(b[1] for b in boxes),
        max(b[2] for b in boxes),
        max(b[3] for b in boxes),
    )


@dataclass(frozen=True, kw_only=True)
class SignedInUser:
    """A signed-in user: every request sends the session cookie, every change the anti-forgery token."""

    client: TestClient
    token: str
    bearer: str
    name: str

    @classmethod
    def sign_in(cls, hospital: Hospital, client: TestClient, role: Role) -> SignedInUser:
        """Open a session for the account of this role."""
        account = hospital.accounts[role]
        token, bearer = (
            open_session(hospital.connection, account),
            add_token(hospital.connection, account, "tests"),
        )
        return cls(client=client, token=token, bearer=bearer, name=role.value.replace("_", "."))

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a browser, and of a program."""
        return {"cookie": f"{SESSION_COOKIE}={self.token}", "authorization": f"Bearer {self.bearer}"}

    def get(self, url: str, **options: Any) -> Response:
        """Request a page."""
        return self.client.get(url, headers=self.headers | options.pop("headers", {}), **options)

    def post(self, url: str, **form: Any) -> Response:
        """Submit a form of the application."""
        return self.client.post(url, data={"csrf": csrf_token(self.token)} | form, headers=self.headers)
