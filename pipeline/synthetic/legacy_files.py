"""Write the documents of a fictitious legacy archive: its files, its index and its patients.
`pipeline.synthetic.legacy_archive` adds the faults.
"""

from __future__ import annotations

import csv
import io
import json
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Literal, TypeAlias

from PIL import Image, ImageDraw, ImageFont

from pipeline.synthetic.people import Patient, patients

Kind: TypeAlias = Literal["csv", "old-index", "tree"]
WIDTH, HEIGHT, DPI = 850, 380, 100
DOCUMENT_NAME = 269  # TIFF's tag
FIRST_DAY = date(2011, 3, 1)
PATIENTS = 12
UNKNOWN_MRN = "9990001"  # a record number that the index does not know
CODES = {"csv": "progress_note", "old-index": "PN", "tree": "progress"}
FIELDS = ("path", "document", "pages", "batch", "mrn", "type", "date")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A fault that was added.

    `row`: the line or path that the program names the document by; `path`: the file with the fault.
    """

    code: str
    row: str
    path: str = ""


@dataclass(kw_only=True)
class Archive:
    """A written archive. `pages`: the pages of all files that can be opened, counted for each row that names
    the file.
    """

    folder: Path
    kind: Kind
    manifest: Path
    documents: int = 0
    pages: int = 0
    planted: list[Planted] = field(default_factory=list)


@dataclass
class Maker:
    """A writer of an archive, which keeps the rows of its index in their order.

    `recur`: pages are those of the document that many before; None: all pages differ.
    """

    folder: Path
    kind: Kind
    seed: int
    recur: int | None = None

    def __post_init__(self) -> None:
        self.rng = random.Random(f"{self.seed}/{self.kind}")
        self.people = patients(PATIENTS, self.seed)
        self.files = self.folder / "files"
        self.files.mkdir(parents=True)
        self.rows: list[list[str]] = []
        self.count = 0
        self.known: dict[tuple[str, date, int], Image.Image] = {}
        manifest = (
            self.files
            if self.kind == "tree"
            else self.files / f"index.{'csv' if self.kind == 'csv' else 'txt'}"
        )
        self.made = Archive(folder=self.folder, kind=self.kind, manifest=manifest)

    def finish(self) -> Archive:
        """Write the index, the patients and the list of faults."""
        self.write_patients()
        if self.kind != "tree":
            self.write_index()
        entries = [asdict(planted) for planted in self.made.planted]
        (self.folder / "planted.json").write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
        return self.made

    def plant(self, code: str, row: str, path: str = "") -> None:
        """Record a fault."""
        self.made.planted.append(Planted(code=code, row=row, path=path))

    def person(self) -> Patient:
        return self.people[self.count % PATIENTS]

    def document(
        self,
        person: Patient,
        *,
        pages: list[Image.Image] | None = None,
        listed: Patient | None = None,
        data: bytes | None = None,
        ending: str = "",
        mrn: str = "",
        code: str = "",
        when: str = "",
    ) -> tuple[str, list[str]]:
        """Write a document and its rows.

        Args:
            person: The patient.
            pages: Its pages. None: new ones.
            listed: The patient in the index, if that is another one.
            data: The bytes of its only file, in place of pages.
            ending: The ending of the file's name, if it is not the usual one.
            mrn: The record number in the index, if it is not the patient's.
            code: The type code in the index, if it is not the usual one.
            when: The date in the index, if it is not the document's.

        Returns:
            The document's key and its paths.
        """
        self.count += 1
        number, name = self.count, f"D{self.count}"
        day = FIRST_DAY + timedelta(days=number % self.recur if self.recur else number)
        made = pages or [self.page(person, day, n) for n in range(1, 2 + (number % 3))]
        mrn = mrn or (self.old(listed or person) if self.kind == "old-index" else (listed or person).mrn)
        code, when = code or CODES[self.kind], when or self.written(day)
        box = f"box{number // 20:03d}"
        if self.kind == "tree":
            path = f"{box}/{mrn}/{code}_{when}_{number}{ending or '.pdf'}"
            self.put(path, data or pdf(made, name))
            key, paths = path, [path]
        elif self.kind == "csv":
            path = f"{box}/{number:05d}{ending or ('.pdf' if number % 2 else '.tif')}"
            self.put(path, data or (pdf(made, name) if path.endswith("pdf") else tiff(made, name)))
            key, paths = self.row(path, number, str(1 if data else len(made)), box, mrn, code, when), [path]
        else:
            parts = [data] if data else [tiff([page], name) for page in made]
            paths = [f"{box}/{number:05d}_{n:02d}{ending or '.tif'}" for n in range(1, len(parts) + 1)]
            keys = []
            for n, (path, part) in enumerate(zip(paths, parts, strict=True), 1):
                self.put(path, part)
                keys.append(self.row(path, number, str(n), box, mrn, code, when))
            key = keys[0]
        self.made.documents += 1
        self.made.pages += 0 if data else len(made)
        return key, paths

    def row(self, path: str, number: int, pages: str, box: str, mrn: str, code: str, when: str) -> str:
        """Add a row to the index and return its line number. `pages` of an old index is a page number."""
        if self.kind == "csv":
            self.rows.append([path, f"D{number}", pages, box, mrn, code, when])
            return str(len(self.rows) + 1)
        written = "D:\\IMAGES\\" + path.replace("/", "\\").upper()
        self.rows.append([f"D{number}", box, mrn, code, when, pages, written])
        return str(len(self.rows))

    def written(self, day: date) -> str:
        return {"csv": day.isoformat(), "old-index": f"{day:%m/%d/%Y}", "tree": f"{day:%Y%m%d}"}[self.kind]

    def old(self, person: Patient) -> str:
        return f"N{int(person.mrn) - 1000:07d}"

    def put(self, path: str, data: bytes) -> None:
        file = self.files / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)

    def write_index(self) -> None:
        if self.kind == "csv":
            _write(self.made.manifest, [FIELDS, *self.rows])
        else:
            text = "".join("|".join(row) + "\r\n" for row in self.rows)
            self.made.manifest.write_text(text, encoding="cp1252", newline="")

    def write_patients(self) -> None:
        """Write the patient index, and the crosswalk that `patients link` would write for an old index."""
        people = [(p.mrn, p.given, p.family, p.dob, p.sex) for p in self.people]
        _write(self.folder / "patients.csv", [("mrn", "given", "family", "dob", "sex"), *people])
        _write(self.folder / "links.csv", [("left", "right"), *((self.old(p), p.mrn) for p in self.people)])

    def page(self, person: Patient, day: date, number: int) -> Image.Image:
        """Return a page of a progress note that differs from all others; if pages recur, the page of this
        patient, day and number.
        """
        if self.recur is None:
            return self.draw(person, day, number)
        of = (person.mrn, day, number)
        if of not in self.known:
            self.known[of] = self.draw(person, day, number)
        return self.known[of]

    def draw(self, person: Patient, day: date, number: int) -> Image.Image:
        """Draw a page."""
        picture = Image.new("1", (WIDTH, HEIGHT), 1)
        draw, font = ImageDraw.Draw(picture), ImageFont.load_default(28)
        lines = (
            "PROGRESS NOTE",
            f"Patient: {person.family}, {person.given}",
            f"MRN: {person.mrn}     DOB: {person.born:%m/%d/%Y}",
            f"Date of service: {day:%m/%d/%Y}     Page {number}",
            f"Note {self.rng.getrandbits(32):08x}: the patient is doing well and goes home today.",
        )
        for place, line in enumerate(lines):
            draw.text((30, 20 + 66 * place), line, font=font, fill=0)
        return picture


def tiff(pages: list[Image.Image], name: str) -> bytes:
    """Return a Group 4 TIFF whose document name is `name`."""
    out = io.BytesIO()
    tags = {DOCUMENT_NAME: name}
    pages[0].save(
        out,
        "TIFF",
        save_all=True,
        append_images=pages[1:],
        compression="group4",
        dpi=(DPI, DPI),
        tiffinfo=tags,
    )
    return out.getvalue()


def pdf(pages: list[Image.Image], name: str) -> bytes:
    """Return a PDF of images whose title is `name`. It has the same bytes at any time."""
    out = io.BytesIO()
    first, *more = [page.convert("L") for page in pages]
    when = time.gmtime(0)
    first.save(
        out,
        "PDF",
        save_all=True,
        append_images=more,
        resolution=DPI,
        creationDate=when,
        modDate=when,
        title=name,
    )
    return out.getvalue()


def encrypted_pdf(number: int) -> bytes:
    """Return a PDF that needs a password."""
    import pikepdf

    made, out = pikepdf.new(), io.BytesIO()
    made.add_blank_page()
    made.docinfo["/Title"] = f"D{number}"
    made.save(out, encryption=pikepdf.Encryption(owner="locked", user="locked"))
    return out.getvalue()


def _write(file: Path, rows: Sequence[Sequence[str]]) -> None:
    with file.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows(rows)
