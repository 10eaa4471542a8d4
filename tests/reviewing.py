"""A small house for the tests of the review workspace: people with roles, patients, and scans filed by the
project's own road.
"""

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
from pipeline.web.auth.accounts import add_account, add_token, csrf_token, open_session
from pipeline.web.auth.permissions import Role
from pipeline.web.auth.request_context import SESSION_COOKIE, AppContext
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
    """What the tests write into."""

    connection: Connection
    blobs: Blobs
    settings: Settings
    count: int = 0
    accounts: dict[Role, int] = field(default_factory=dict)
    known: list[int] = field(default_factory=list)

    def people(self) -> dict[Role, int]:
        """An account for each role, named like the role, without a password: a session is opened for it."""
        return {
            role: add_account(self.connection, role.value.replace("_", "."), role, None, role.label)
            for role in Role
        }

    def patients(self) -> list[int]:
        """The patients of the index."""
        sql = """insert into patient (mrn, given, family, dob, sex, address, city)
                 values (%s, %s, %s, %s, %s, %s, %s) returning id"""
        rows = [self.connection.execute(sql, person).fetchone() for person in PATIENTS]
        return [row["id"] for row in rows if row is not None]

    def scan(self, name: str, *documents: list[list[str]], doubt: Reason | None = None, **fields: str) -> int:
        """File a scan with these documents (each a list of pages, each a list of lines); the scan's id.

        `fields` are read on the first page of the first document, where their value stands in a line.
        """
        self.count += 1
        sha = hashlib.sha256(f"{name} {self.count}".encode()).hexdigest()
        sql = "insert into scan (sha256, name, media_type, size) values (%s, %s, 'application/pdf', 1) returning id"
        row = self.connection.execute(sql, [sha, name]).fetchone()
        assert row is not None
        seen = "insert into ingest_event (scan_id, name, duplicate, seen_at) values (%s, %s, false, now())"
        self.connection.execute(seen, [row["id"], name])
        scan = Scan(id=row["id"], sha256=sha, name=name, media_type="application/pdf", size=1)
        pages: list[OcrPage] = []
        filings: list[Filing] = []
        pdfs: list[str] = []
        for lines_of_pages in documents:
            read = [self.page(len(pages) + i, lines) for i, lines in enumerate(lines_of_pages, 1)]
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
                issues=() if doubt is None else (doubt,),
            )
            enclosing_box = find_candidates(self.connection, person_from_document(document), self.settings.matching)
            filings.append(decide(document, enclosing_box, self.settings))
            parts = [self.blobs.get(page.pdf) for page in read if page.pdf]
            pdfs.append(self.blobs.put(document_pdf(parts, title=f"Scan {scan.id}")))
        sorting = Segmentation(documents=tuple(filing.document for filing in filings))
        commit(
            self.connection,
            Outcome(scan=scan, pages=tuple(pages), segmentation=sorting, filings=tuple(filings)),
            pdfs,
        )
        return scan.id

    def page(self, number: int, lines: list[str]) -> OcrPage:
        """A printed page with its words, picture and PDF."""
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

    def doubtful(self, name: str = "ward 7.pdf", pages: int = 2) -> int:
        """A scan whose document names nobody's MRN: a review item; its id."""
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
        return self.item_of(
            self.scan(
                name,
                [first, *rest],
                doubt=Reason(code="patient_unclear", detail="The MRN is not legible."),
                **given,
            )
        )

    def sure(self, name: str = "clean.pdf") -> int:
        """A scan whose document is filed by the machine; the document's id."""
        lines = ["DISCHARGE SUMMARY", "Patient: Wielgosz, Tomasz", "Born: 1971-12-30", "MRN: 10055501", "Seen on: 2026-02-01",
                 "Appendectomy without complications"]  # fmt: skip
        given: dict[str, Any] = {
            "patient_name": "Wielgosz, Tomasz",
            "dob": "1971-12-30",
            "mrn": "10055501",
            "date_of_service": "2026-02-01",
        }
        scan = self.scan(name, [lines], **given)
        row = self.connection.execute("select id from document where scan_id = %s", [scan]).fetchone()
        assert row is not None
        return int(row["id"])

    def item_of(self, scan: int) -> int:
        """The scan's first review item."""
        row = self.connection.execute(
            "select id from review_item where scan_id = %s order by id limit 1", [scan]
        ).fetchone()
        assert row is not None
        return int(row["id"])


@contextmanager
def application(house: Hospital, dsn: str, connections: int = 6) -> Iterator[FastAPI]:
    """The web application on the house's store and that database."""
    with open_pool(dsn, connections) as pool:
        yield create_app(AppContext(settings=house.settings, pool=pool, blobs=lambda: house.blobs, enqueue=enqueue_scan))


def field_on_page(name: str, value: str, page: OcrPage) -> Field:
    """A field where its value stands on the page."""
    parts = value.replace(",", " ").split()
    boxes = [word.box for word in page.words if word.text.strip(",") in parts] or [(70, 70, 200, 90)]
    return Field(name=name, value=value, page=page.number, box=enclosing_box(boxes), confidence=0.93)


def enclosing_box(boxes: list[Box]) -> Box:
    """The smallest box that holds them."""
    return (
        min(b[0] for b in boxes),
        min(b[1] for b in boxes),
        max(b[2] for b in boxes),
        max(b[3] for b in boxes),
    )


@dataclass(frozen=True, kw_only=True)
class SignedInUser:
    """Somebody signed in: every request carries the session, every change its anti-forgery value."""

    client: TestClient
    token: str
    bearer: str
    name: str

    @classmethod
    def enter(cls, house: Hospital, client: TestClient, role: Role) -> SignedInUser:
        """Open a session for the account of that role."""
        account = house.accounts[role]
        token, bearer = open_session(house.connection, account), add_token(house.connection, account, "tests")
        return cls(client=client, token=token, bearer=bearer, name=role.value.replace("_", "."))

    @property
    def headers(self) -> dict[str, str]:
        """What a browser sends along, and a program."""
        return {"cookie": f"{SESSION_COOKIE}={self.token}", "authorization": f"Bearer {self.bearer}"}

    def get(self, url: str, **options: Any) -> Response:
        """Ask for a page."""
        return self.client.get(url, headers=self.headers | options.pop("headers", {}), **options)

    def post(self, url: str, **form: Any) -> Response:
        """Send a form of ours."""
        return self.client.post(url, data={"csrf": csrf_token(self.token)} | form, headers=self.headers)
