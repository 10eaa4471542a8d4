"""`migrate verify`: every source beside what is stored, without the notes that the run made.

It goes from the manifest and the bytes of the sources to the scan that has their hash, reads that original
back, counts the source's pages by another way than intake does, and opens the PDF of every document. What
`run` wrote down is not looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

from pipeline.archive.manifest import Listed
from pipeline.archive.source_files import Finder, assembled
from pipeline.archive.tiff import NotTiff, page_count
from pipeline.config import Settings
from pipeline.errors import BadInput, NotFound
from pipeline.ingest.parsing.file_types import HEAD, PDF, kind_of
from pipeline.ingest.parsing.open_scan import inspect
from pipeline.store.blobs import BlobDamaged, Blobs, sha256_of
from pipeline.store.database import Connection
from pipeline.store.scratch import Scratch
from pipeline.store.sql import statements

SQL = statements("pipeline.archive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What was found of a document of the manifest.

    proved: its bytes are stored as they are, and every page was read and is in a document, or is blank or a
    sheet. excepted: something that has a name keeps it from that. fault: something is lost or is not as it
    should be."""

    result: Literal["proved", "excepted", "fault"]
    detail: str = ""


class Lost(Exception):
    """What is stored is not what the source is; the message says how."""


@dataclass
class Verifier:
    """Compares. Every call reads the sources anew. Raises ServiceAway where the store or the database does
    not answer.
    """

    finder: Finder
    connection: Connection
    blobs: Blobs
    settings: Settings

    def __post_init__(self) -> None:
        self._scratch = Scratch(self.settings.intake_scratch)

    def check(self, listed: Listed) -> Check:
        """A document of the manifest."""
        sources = self.finder.sources(listed)
        files = [source.file for source in sources if source.file is not None]
        missing = [source.path for source in sources if source.file is None]
        if not files:
            return Check(result="excepted", detail=f"no file: {', '.join(missing) or 'the row names none'}")
        try:
            with assembled(files, self._scratch) as whole:
                found = self._compare(files, whole)
        except BadInput as error:
            return Check(result="excepted", detail=f"{error.code}: {error}")
        except OSError as error:
            return Check(result="excepted", detail=f"unreadable: {error.strerror or type(error).__name__}")
        except Lost as error:
            return Check(result="fault", detail=str(error))
        if missing and found.result == "proved":
            return Check(result="excepted", detail=f"what is there is proved; missing: {', '.join(missing)}")
        return found

    def _compare(self, files: list[Path], whole: Path) -> Check:
        """The sources with the scan of their bytes. Raises Lost."""
        sha256 = sha256_of(whole)
        for original in {sha256, *(sha256_of(file) for file in files if len(files) > 1)}:
            self._read_back(original, "the original")
        row = self.connection.execute(SQL["scan_of_bytes"], [sha256]).fetchone()
        if row is None:
            raise Lost("no scan has these bytes")
        if row["status"] == "quarantined":
            return Check(
                result="excepted", detail=f"quarantined: {row['quarantine_code']}; its bytes are stored"
            )
        if row["status"] != "done":
            raise Lost("it is stored and not read yet")
        self._compare_pages(whole, row["id"])
        for document in self.connection.execute(SQL["pdfs_of_scan"], [row["id"]]).fetchall():
            self._open_pdf(document)
        return Check(result="proved")

    def _compare_pages(self, whole: Path, scan: int) -> None:
        there = pages_of(whole, self._scratch, self.settings)
        row: dict[str, Any] = self.connection.execute(SQL["pages_of_scan"], [scan]).fetchone() or {}
        if row["pages"] != there:
            raise Lost(f"the source has {there} pages, {row['pages']} are stored")
        if row["loose"]:
            raise Lost(f"{row['loose']} of its pages are in no document")

    def _open_pdf(self, document: dict[str, Any]) -> None:
        """Raises Lost where a document's PDF is not there, not whole, or has not the pages it should have."""
        import pikepdf

        data = self._read_back(document["pdf"], f"the PDF of document {document['id']}")
        try:
            with pikepdf.open(BytesIO(data)) as pdf:
                pages = len(pdf.pages)
        except pikepdf.PdfError:
            raise Lost(f"the PDF of document {document['id']} does not open") from None
        if pages != document["pages"]:
            raise Lost(
                f"the PDF of document {document['id']} has {pages} pages instead of {document['pages']}"
            )

    def _read_back(self, sha256: str, what: str) -> bytes:
        try:
            return self.blobs.get(sha256)
        except NotFound:
            raise Lost(f"{what} is not in the store") from None
        except BlobDamaged:
            raise Lost(f"{what} has other bytes in the store") from None


def pages_of(file: Path, scratch: Scratch, settings: Settings) -> int:
    """A source's pages: by its directories, its page tree, or, for any other picture, as intake counts.
    Raises BadInput, Lost.
    """
    import pikepdf

    with file.open("rb") as stream:
        kind = kind_of(stream.read(HEAD))
    try:
        if kind == "image/tiff":
            return page_count(file)
        if kind == PDF:
            with pikepdf.open(file) as pdf:
                return len(pdf.pages)
    except (NotTiff, pikepdf.PdfError) as error:
        raise Lost(f"its pages cannot be counted ({type(error).__name__})") from None
    return inspect(file, scratch, settings.intake).pages


def proved_keys(connection: Connection, archive: int, keys: list[str]) -> set[str]:
    """Those of the documents that were proved before."""
    return {row["key"] for row in connection.execute(SQL["proved_keys"], {"archive": archive, "keys": keys})}


def note_check(connection: Connection, archive: int, listed: Listed, check: Check) -> Check:
    """Keep what was found. A document that the run has no row of is a fault, whatever is stored."""
    values = {"archive": archive, "key": listed.key, "result": check.result, "detail": check.detail}
    if connection.execute(SQL["note_check"], values).rowcount == 0:
        return Check(result="fault", detail=check.detail or "no run has taken note of it")
    return check


def checked(verifier: Verifier, archive: int, documents: Iterator[Listed]) -> Iterator[tuple[Listed, Check]]:
    """Every document with what was found of it, kept."""
    for listed in documents:
        yield listed, note_check(verifier.connection, archive, listed, verifier.check(listed))
