"""Open a PDF file with everything that is in it: further PDFs after its end, and attached PDFs and images.

Some devices append one PDF to another in one file, and readers show only the last one. Portfolios and forms
have their papers as attachments. The pages of all of them are pages of the scan, in the order of the file. A
note lists what was found, so that a person looks at it. Runs in the parser process.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pikepdf

from pipeline.errors import InvalidInput
from pipeline.ingest.parsing.file_types import PDF, PILLOW_FORMATS, SIGNATURE_BYTES, media_type_of
from pipeline.ingest.parsing.image_files import RasterFile
from pipeline.ingest.parsing.parser_protocol import Limits, OpenedFile, ParsedPage
from pipeline.ingest.parsing.pdf_pages import PARSING_ERRORS, PdfFile
from pipeline.store.scratch import Scratch

MAX_EMBEDDED_FILES = 200  # that are opened as pages
MAX_DEPTH = 3  # of attachments in attachments
MAX_NAME_CHARS = 80
MAX_LISTED_FILES = 20
CHUNK_BYTES = 1 << 20
MAX_GAP_BYTES = 1024
"""Between the end of a PDF and the beginning of the next one. Printer commands, for example, may be there."""
NEXT_PDF = re.compile(rb"%%EOF((?:(?!obj|stream|%%EOF).){0,1024}?)%PDF-\d\.\d", re.DOTALL)
"""Objects and streams are excluded because an attached PDF that is not compressed has this text, too."""
UNREAD_MARKS = (
    (b"/EmbeddedFile", "attachments", "Files are attached to the PDF. They could not be taken out."),
    (b"/XFA", "xfa_form", "The PDF is an XFA form. What a viewer shows may differ from what is read."),
)
"""What shows in the bytes of a PDF that cannot be analyzed that a person has to look at it."""

Notes = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class EmbeddedFile:
    """A file in a PDF. `file`: its bytes; None if they cannot be read."""

    name: str
    file: Path | None


class PdfContainer:
    """An opened PDF file and the files in it, as one file.

    Args:
        file: The PDF file.
        scratch: The folder for the images of pages.
        work: A folder for the parts; it lasts as long as this object is used.
        limits: The limits of the parser process.
        careful: Use only poppler, and take nothing out.
        depth: In how many PDFs this one is embedded.
    """

    def __init__(
        self,
        file: Path,
        scratch: Scratch,
        work: Path,
        limits: Limits,
        *,
        careful: bool = False,
        depth: int = 0,
    ) -> None:
        self._scratch, self._work, self._limits = scratch, work, limits
        self._careful, self._depth = careful, depth
        self._parts: list[OpenedFile] = []
        self._notes: dict[str, list[str]] = {}
        try:
            self._open(file)
        except BaseException:
            self.close()
            raise

    @property
    def pages(self) -> int:
        """The number of pages of all parts."""
        return sum(part.pages for part in self._parts)

    @property
    def notes(self) -> Notes:
        """What a person should know about the file, one detail for each code."""
        return tuple((code, " ".join(details)) for code, details in self._notes.items())

    def page(self, number: int, careful: bool) -> ParsedPage:
        """Return the page, counted over all parts."""
        for part in self._parts:
            if number <= part.pages:
                return part.page(number, careful)
            number -= part.pages
        raise IndexError("the file has fewer pages")

    def close(self) -> None:
        """Close all parts."""
        for part in self._parts:
            part.close()

    def _open(self, file: Path) -> None:
        starts = pdf_starts(file)
        if len(starts) == 1:
            self._open_pdf(file)
            return
        failed = []
        for index, part in enumerate(split_file(file, starts, self._work / f"part-{self._depth}"), start=1):
            try:
                self._open_pdf(part)
            except InvalidInput:
                failed.append(f"PDF {index}")
        if not self._parts:
            self._open_pdf(file)
        detail = f"The file has {len(starts)} PDFs, one after the other. Their pages are shown in this order."
        self._note("concatenated_pdfs", f"{detail}{_unopened(failed)}")

    def _open_pdf(self, file: Path) -> None:
        """Open one PDF as pages, and then the files that are attached to it."""
        rendered = self._work / "rendered"  # everything in it is removed after each page
        rendered.mkdir(exist_ok=True)
        main = PdfFile(file, self._scratch, rendered, self._limits, careful=self._careful)
        self._parts.append(main)
        for code, detail in main.notes:
            self._note(code, detail)
        opened = None if self._careful else _opened(file)
        if opened is None:
            self._note_unread(file)
            return
        with opened as pdf:
            folder = self._work / f"attached-{self._depth}-{len(self._parts)}"
            attached = list(embedded_files(pdf, folder))
        if attached:
            self._open_attached(attached)

    def _open_attached(self, attached: Sequence[EmbeddedFile]) -> None:
        listed, failed = [], []
        for each in attached:
            first = self.pages + 1
            if self._open_embedded(each.file):
                pages = f"page {first}" if self.pages == first else f"pages {first} to {self.pages}"
                listed.append(f"{each.name} ({pages})")
            else:
                listed.append(each.name)
                failed.append(each.name)
        more = [f"{len(listed) - MAX_LISTED_FILES} more"] if len(listed) > MAX_LISTED_FILES else []
        names = ", ".join([*listed[:MAX_LISTED_FILES], *more])
        self._note("attachments", f"The file has attachments: {names}.{_unopened(failed)}")

    def _open_embedded(self, file: Path | None) -> bool:
        """Add the pages of an attached file, if it is a document. Return whether it is."""
        if file is None or self._depth >= MAX_DEPTH or len(self._parts) >= MAX_EMBEDDED_FILES:
            return False
        with file.open("rb") as stream:
            media_type = media_type_of(stream.read(SIGNATURE_BYTES))
        try:
            if media_type == PDF:
                work = file.with_suffix(".parts")
                work.mkdir(exist_ok=True)
                part: OpenedFile = PdfContainer(
                    file, self._scratch, work, self._limits, depth=self._depth + 1
                )
            elif media_type in PILLOW_FORMATS:
                part = RasterFile(file, media_type, self._scratch, self._limits)
            else:
                return False
        except InvalidInput:
            return False
        self._parts.append(part)
        for code, detail in part.notes:
            self._note(code, detail)
        return part.pages > 0

    def _note_unread(self, file: Path) -> None:
        """Note what must not be overlooked in a PDF that cannot be analyzed."""
        for mark, code, detail in UNREAD_MARKS:
            if next(_positions(file, re.compile(re.escape(mark)), len(mark)), None) is not None:
                self._note(code, detail)

    def _note(self, code: str, detail: str) -> None:
        details = self._notes.setdefault(code, [])
        if detail not in details:
            details.append(detail)


def pdf_starts(file: Path) -> list[int]:
    """Return the offsets at which the PDFs of a file begin: [0] for an ordinary file."""
    overlap = MAX_GAP_BYTES + len(b"%%EOF%PDF-1.7")
    return [0, *(end - len(b"%PDF-1.7") for end in _positions(file, NEXT_PDF, overlap))]


def split_file(file: Path, starts: Sequence[int], folder: Path) -> Iterator[Path]:
    """Yield the parts of a file that begin at these offsets, each as a file in the folder."""
    folder.mkdir(exist_ok=True)
    ends = [*starts[1:], file.stat().st_size]
    with file.open("rb") as stream:
        for index, (start, end) in enumerate(zip(starts, ends, strict=True)):
            part = folder / f"{index}.pdf"
            stream.seek(start)
            with part.open("wb") as out:
                while size := min(CHUNK_BYTES, end - stream.tell()):
                    out.write(stream.read(size))
            yield part


def _positions(file: Path, pattern: re.Pattern[bytes], overlap: int) -> Iterator[int]:
    """Yield where each match of a pattern ends. A match is at most `overlap` bytes long."""
    at, last, window = 0, 0, b""
    with file.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            window += chunk
            for match in pattern.finditer(window):
                if at + match.end() > last:
                    last = at + match.end()
                    yield last
            kept = window[-overlap:]
            at, window = at + len(window) - len(kept), kept


def _opened(file: Path) -> pikepdf.Pdf | None:
    try:
        return pikepdf.Pdf.open(file, suppress_warnings=True)
    except PARSING_ERRORS:
        return None


def embedded_files(pdf: pikepdf.Pdf, folder: Path) -> Iterator[EmbeddedFile]:
    """Yield the files that are attached to a document or to its pages, each once, written to the folder."""
    seen: set[tuple[int, int]] = set()
    for specification in _file_specifications(pdf):
        try:
            streams = specification.get("/EF", pikepdf.Dictionary())
            stream = next(
                (streams[key] for key in ("/UF", "/F", "/Unix", "/DOS", "/Mac") if key in streams), None
            )
            if not isinstance(stream, pikepdf.Stream) or stream.objgen in seen:
                continue
            seen.add(stream.objgen)
            name = _name(specification) or f"file {len(seen)}"
        except PARSING_ERRORS:
            continue
        folder.mkdir(exist_ok=True)
        file = folder / str(len(seen))
        try:
            file.write_bytes(stream.read_bytes())
        except PARSING_ERRORS:
            yield EmbeddedFile(name, None)
        else:
            yield EmbeddedFile(name, file)


def _file_specifications(pdf: pikepdf.Pdf) -> Iterator[pikepdf.Object]:
    """Yield the file specifications of a document, in the order in which a viewer lists them (ISO 32000-2,
    7.11.4): embedded files, associated files, and files that are attached to a place on a page.
    """
    with contextlib.suppress(*PARSING_ERRORS):
        if "/EmbeddedFiles" in pdf.Root.get("/Names", pikepdf.Dictionary()):
            yield from (value for _, value in pikepdf.NameTree(pdf.Root.Names.EmbeddedFiles).items())
    with contextlib.suppress(*PARSING_ERRORS):
        yield from pdf.Root.get("/AF", ())
    with contextlib.suppress(*PARSING_ERRORS):
        for page in pdf.pages:
            yield from page.obj.get("/AF", ())
            for annotation in page.obj.get("/Annots", ()):
                if isinstance(annotation, pikepdf.Dictionary) and "/FS" in annotation:
                    yield annotation["/FS"]


def _name(specification: pikepdf.Object) -> str:
    """Return the name of a file without control characters; empty if it has none."""
    given = next((str(specification[key]) for key in ("/UF", "/F") if key in specification), "")
    return " ".join("".join(c if c.isprintable() else " " for c in given).split())[:MAX_NAME_CHARS]


def _unopened(names: Sequence[str]) -> str:
    if not names:
        return ""
    return f" Not shown as pages, but kept in the original: {', '.join(names[:MAX_LISTED_FILES])}."
