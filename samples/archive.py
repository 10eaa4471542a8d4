"""A small old archive with its index, and one of every fault that such archives have: `python -m samples.archive OUT --kind csv`.

Kinds: csv (PDFs and multi-page TIFFs under a CSV of ours), old-index (single-page TIFFs under an old system's index, with a
crosswalk), tree (a folder tree). Pages are small and quick to read. Beside the files: patients.csv, and planted.json, which
says what is wrong with what: {"code", "row", "path"}.
"""

from __future__ import annotations

import argparse
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

from samples.people import Patient, patients

Kind: TypeAlias = Literal["csv", "old-index", "tree"]
WIDTH, HEIGHT, DPI = 850, 380, 100
FIRST_DAY = date(2011, 3, 1)
PATIENTS = 12
NOBODY = "9990001"  # a record number that the index does not know
CODES = {"csv": "progress_note", "old-index": "PN", "tree": "progress"}
FIELDS = ("path", "document", "pages", "batch", "mrn", "type", "date")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A fault. `row`: the line or path by which the program names the document; `path`: the file it is about."""

    code: str
    row: str
    path: str = ""


@dataclass(kw_only=True)
class Archive:
    """What was made. `pages`: those of all files that can be opened, each time a row names one."""

    folder: Path
    kind: Kind
    manifest: Path
    documents: int = 0
    pages: int = 0
    planted: list[Planted] = field(default_factory=list)


def make_archive(folder: Path, kind: Kind, documents: int, seed: int = 1, *, faults: bool = True) -> Archive:
    """An archive of so many sound documents of one to three pages, and the faults beside them."""
    return Maker(folder, kind, seed).make(documents, faults=faults)


@dataclass
class Maker:
    """Writes an archive. Rows are written as they come; `line` is the number of the next one."""

    folder: Path
    kind: Kind
    seed: int

    def __post_init__(self) -> None:
        self.rng = random.Random(f"{self.seed}/{self.kind}")
        self.people = patients(PATIENTS, self.seed)
        self.files = self.folder / "files"
        self.files.mkdir(parents=True)
        self.rows: list[list[str]] = []
        self.count = 0
        manifest = self.files if self.kind == "tree" else self.files / f"index.{'csv' if self.kind == 'csv' else 'txt'}"
        self.made = Archive(folder=self.folder, kind=self.kind, manifest=manifest)

    def make(self, documents: int, *, faults: bool) -> Archive:
        """Everything, to the last file."""
        for _ in range(documents):
            self.document(self.person())
        if faults:
            self.faults()
        self.write_patients()
        if self.kind != "tree":
            self.write_index()
        told = [asdict(planted) for planted in self.made.planted]
        (self.folder / "planted.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        return self.made

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
        """A document and its rows: (its key, its paths). `data`: the bytes of its only file. The last three: what is listed."""
        self.count += 1
        number, day = self.count, FIRST_DAY + timedelta(days=self.count)
        made = pages or [self.page(person, day, n) for n in range(1, 2 + (number % 3))]
        mrn = mrn or (self.old(listed or person) if self.kind == "old-index" else (listed or person).mrn)
        code, when = code or CODES[self.kind], when or self.written(day)
        box = f"box{number // 20:03d}"
        if self.kind == "tree":
            path = f"{box}/{mrn}/{code}_{when}_{number}{ending or '.pdf'}"
            self.put(path, data or pdf(made))
            key, paths = path, [path]
        elif self.kind == "csv":
            path = f"{box}/{number:05d}{ending or ('.pdf' if number % 2 else '.tif')}"
            self.put(path, data or (pdf(made) if path.endswith("pdf") else tiff(made)))
            key, paths = self.row(path, number, str(1 if data else len(made)), box, mrn, code, when), [path]
        else:
            parts = [data] if data else [tiff([page]) for page in made]
            paths = [f"{box}/{number:05d}_{n:02d}{ending or '.tif'}" for n in range(1, len(parts) + 1)]
            keys = []
            for n, (path, part) in enumerate(zip(paths, parts, strict=True), 1):
                self.put(path, part)
                keys.append(self.row(path, number, str(n), box, mrn, code, when))
            key = keys[0]
        self.made.documents += 1
        self.made.pages += 0 if data else len(made)
        return key, paths

    def faults(self) -> None:
        """One of each kind."""
        one, two = self.people[0], self.people[1]
        plant = self.made.planted.append
        key, _ = self.document(one, when="99999999")
        plant(Planted(code="bad_date", row=key))
        key, _ = self.document(one, code="ZZ")
        plant(Planted(code="unmapped_type", row=key))
        key, _ = self.document(one, mrn=NOBODY)
        plant(Planted(code="unknown_patient", row=key))
        key, paths = self.document(one, data=b"II*\0\x08\0\0\0 cut short", ending=".tif")
        plant(Planted(code="quarantined", row=key, path=paths[0]))
        key, paths = self.document(one, data=encrypted_pdf(), ending=".pdf")
        plant(Planted(code="quarantined", row=key, path=paths[0]))
        same = tiff([self.page(two, FIRST_DAY, 7)])
        self.document(two, data=same, ending=".tif")
        key, paths = self.document(two, data=same, ending=".tif")
        plant(Planted(code="duplicate", row=key, path=paths[0]))
        key, _ = self.document(one, data=same, ending=".tif")
        plant(Planted(code="other_patient", row=key))
        self.made.pages += 3
        key, _ = self.document(two, pages=[self.page(two, FIRST_DAY, 8), Image.new("1", (WIDTH, HEIGHT), 1)])
        plant(Planted(code="blank_page", row=key))
        key, _ = self.document(one, listed=two)
        plant(Planted(code="manifest_disagrees", row=key))
        if self.kind == "tree":
            self.put("box000/loose.pdf", pdf([self.page(one, FIRST_DAY, 9)]))
            self.made.documents += 1
            self.made.pages += 1
            plant(Planted(code="bad_row", row="box000/loose.pdf"))
        else:
            self.faults_of_rows(one)

    def faults_of_rows(self, one: Patient) -> None:
        """Those that only an index can have."""
        plant = self.made.planted.append
        code, when = CODES[self.kind], self.written(FIRST_DAY)
        mrn = self.old(one) if self.kind == "old-index" else one.mrn
        self.put("box000/stray.tif", tiff([self.page(one, FIRST_DAY, 10)]))
        plant(Planted(code="unlisted", row="file box000/stray.tif", path="box000/stray.tif"))
        key = self.row("box000/lost.tif", 90_001, "1", "box000", mrn, code, when)
        plant(Planted(code="missing_file", row=key, path="box000/lost.tif"))
        key = self.row("../outside.tif", 90_002, "1", "box000", mrn, code, when)
        plant(Planted(code="bad_row", row=key))
        self.made.documents += 2
        if self.kind == "csv":
            again = self.rows[0]
            self.rows.append(list(again))
            self.made.documents += 1
            self.made.pages += int(again[2])
            plant(Planted(code="listed_twice", row=str(len(self.rows) + 1)))
            key, _ = self.document(one)
            self.rows[-1][2] = "9"
            plant(Planted(code="page_count", row=key))
        else:
            self.faults_of_pages(one)

    def faults_of_pages(self, one: Patient) -> None:
        """Those of documents whose pages are files."""
        plant = self.made.planted.append
        key, _ = self.document(one, pages=[self.page(one, FIRST_DAY, n) for n in (11, 12)])
        self.rows.append(list(self.rows[-1]))
        plant(Planted(code="listed_twice", row=key))
        key, _ = self.document(one, pages=[self.page(one, FIRST_DAY, n) for n in (13, 14)])
        self.rows[-1][5] = "5"
        plant(Planted(code="page_numbers", row=key))
        key, paths = self.document(one, pages=[self.page(one, FIRST_DAY, n) for n in (15, 16)])
        (self.files / paths[1]).unlink()
        self.made.pages -= 1
        plant(Planted(code="missing_file", row=key, path=paths[1]))
        key, paths = self.document(one, pages=[self.page(one, FIRST_DAY, n) for n in (17, 18)])
        (self.files / paths[1]).write_bytes(b"MM\0*" + bytes(40))
        self.made.pages -= 2
        plant(Planted(code="not_joinable", row=key, path=paths[1]))

    def row(self, path: str, number: int, pages: str, box: str, mrn: str, code: str, when: str) -> str:
        """Add a row to the index; its line. For an old index `pages` is the number of the page."""
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
        """The patient index, and for an old index what `patients link` would write."""
        people = [(p.mrn, p.given, p.family, p.dob, p.sex) for p in self.people]
        _write(self.folder / "patients.csv", [("mrn", "given", "family", "dob", "sex"), *people])
        _write(self.folder / "links.csv", [("left", "right"), *((self.old(p), p.mrn) for p in self.people)])

    def page(self, person: Patient, day: date, number: int) -> Image.Image:
        """A page of a progress note, unlike any other."""
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


def tiff(pages: list[Image.Image]) -> bytes:
    """A Group 4 TIFF."""
    out = io.BytesIO()
    pages[0].save(out, "TIFF", save_all=True, append_images=pages[1:], compression="group4", dpi=(DPI, DPI))
    return out.getvalue()


def pdf(pages: list[Image.Image]) -> bytes:
    """A PDF of pictures, the same bytes at any time."""
    out = io.BytesIO()
    first, *more = [page.convert("L") for page in pages]
    when = time.gmtime(0)
    first.save(out, "PDF", save_all=True, append_images=more, resolution=DPI, creationDate=when, modDate=when)
    return out.getvalue()


def encrypted_pdf() -> bytes:
    """A PDF that asks for a password."""
    import pikepdf

    made, out = pikepdf.new(), io.BytesIO()
    made.add_blank_page()
    made.save(out, encryption=pikepdf.Encryption(owner="locked", user="locked"))
    return out.getvalue()


def _write(file: Path, rows: Sequence[Sequence[str]]) -> None:
    with file.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows(rows)


def main() -> None:
    """Make an archive."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--kind", choices=("csv", "old-index", "tree"), default="csv")
    parser.add_argument("--documents", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    made = make_archive(given.out, given.kind, given.documents, given.seed)
    print(f"{made.documents} documents, {len(made.planted)} faults; manifest {made.manifest}")


if __name__ == "__main__":
    main()
