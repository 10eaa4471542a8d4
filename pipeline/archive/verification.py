"""`archive verify`: compare every source with what is stored, independently of the import log.

It starts from the manifest and the bytes of the sources, finds the scan with their hash, reads that original
back, counts the source's pages in another way than intake does, and opens the PDF of every document. It does
not use what `archive run` recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

from pipeline.archive.manifest import ManifestDocument
from pipeline.archive.source_files import SourceLocator, assembled
from pipeline.config import Settings
from pipeline.errors import InvalidInput, NotFound
from pipeline.ingest.parsing.file_types import PDF, SIGNATURE_BYTES, media_type_of
from pipeline.ingest.parsing.open_scan import inspect
from pipeline.ingest.tiff import NotTiff, page_count
from pipeline.store.blobs import BlobDamaged, Blobs, sha256_of
from pipeline.store.database import Connection
from pipeline.store.scratch import Scratch
from pipeline.store.sql import statements

SQL = statements("pipeline.archive")


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationResult:
    """The result for a document of the manifest.

    verified: its bytes are stored unchanged, and every page was read and is in a document, or is blank or a
    separator sheet. exempt: a stated reason keeps it from being verified. failed: something is lost or wrong.
    """

    result: Literal["verified", "exempt", "failed"]
    detail: str = ""


class VerificationFailure(Exception):
    """What is stored differs from the source. The message says how."""


@dataclass
class Verifier:
    """Compares sources with what is stored. Every call reads the sources again. Raises ServiceUnavailable."""

    locator: SourceLocator
    connection: Connection
    blobs: Blobs
    settings: Settings

    def __post_init__(self) -> None:
        self._scratch = Scratch(self.settings.intake_scratch)

    def verify(self, document: ManifestDocument) -> VerificationResult:
        """Verify one document of the manifest."""
        sources = self.locator.sources(document)
        files = [source.file for source in sources if source.file is not None]
        missing = ", ".join(source.path for source in sources if source.file is None)
        if not files:
            return _exempt(f"no file: {missing or 'the row names none'}")
        try:
            with assembled(files, self._scratch) as file:
                result = self._compare(files, file)
        except InvalidInput as error:
            return _exempt(f"{error.code}: {error}")
        except OSError as error:
            return _exempt(f"unreadable: {error.strerror or type(error).__name__}")
        except VerificationFailure as error:
            return VerificationResult(result="failed", detail=str(error))
        if missing and result.result == "verified":
            return _exempt(f"the files that exist are verified; missing: {missing}")
        return result

    def _compare(self, files: list[Path], assembled_file: Path) -> VerificationResult:
        """Compare the sources with the scan of the same bytes. Raises VerificationFailure."""
        sha256 = sha256_of(assembled_file)
        for original in {sha256, *(sha256_of(file) for file in files if len(files) > 1)}:
            self._read_back(original, "the original")
        scan = self.connection.execute(SQL["scan_of_bytes"], [sha256]).fetchone()
        if scan is None:
            raise VerificationFailure("no scan has these bytes")
        if scan["status"] == "quarantined":
            return _exempt(f"quarantined: {scan['quarantine_code']}; its bytes are stored")
        if scan["status"] != "done":
            raise VerificationFailure("it is stored but not read yet")
        self._compare_pages(assembled_file, scan["id"])
        for document in self.connection.execute(SQL["pdfs_of_scan"], [scan["id"]]).fetchall():
            self._open_pdf(document)
        return VerificationResult(result="verified")

    def _compare_pages(self, file: Path, scan: int) -> None:
        pages = source_page_count(file, self._scratch, self.settings)
        stored: dict[str, Any] = self.connection.execute(SQL["pages_of_scan"], [scan]).fetchone() or {}
        if stored["pages"] != pages:
            raise VerificationFailure(f"the source has {pages} pages, {stored['pages']} are stored")
        if stored["loose"]:
            raise VerificationFailure(f"{stored['loose']} of its pages are in no document")

    def _open_pdf(self, document: dict[str, Any]) -> None:
        """Raise VerificationFailure if a document's PDF is missing, damaged or has too few or many pages."""
        import pikepdf

        name = f"the PDF of document {document['id']}"
        data = self._read_back(document["pdf"], name)
        try:
            with pikepdf.open(BytesIO(data)) as pdf:
                pages = len(pdf.pages)
        except pikepdf.PdfError:
            raise VerificationFailure(f"{name} does not open") from None
        if pages != document["pages"]:
            raise VerificationFailure(f"{name} has {pages} pages instead of {document['pages']}")

    def _read_back(self, sha256: str, name: str) -> bytes:
        try:
            return self.blobs.get(sha256)
        except NotFound:
            raise VerificationFailure(f"{name} is missing in the object store") from None
        except BlobDamaged:
            raise VerificationFailure(f"{name} has different bytes in the object store") from None


def _exempt(detail: str) -> VerificationResult:
    return VerificationResult(result="exempt", detail=detail)


def source_page_count(file: Path, scratch: Scratch, settings: Settings) -> int:
    """Return the number of pages of a source.

    Pages are counted by a TIFF's directories, by a PDF's page tree, or, for other images, as intake does.

    Raises:
        InvalidInput: Intake rejects the file.
        VerificationFailure: The pages cannot be counted.
    """
    import pikepdf

    with file.open("rb") as stream:
        media_type = media_type_of(stream.read(SIGNATURE_BYTES))
    try:
        if media_type == "image/tiff":
            return page_count(file)
        if media_type == PDF:
            with pikepdf.open(file) as pdf:
                return len(pdf.pages)
    except (NotTiff, pikepdf.PdfError) as error:
        raise VerificationFailure(f"its pages cannot be counted ({type(error).__name__})") from None
    return inspect(file, scratch, settings.intake).pages


def verified_keys(connection: Connection, job: int, keys: list[str]) -> set[str]:
    """Return those of the keys whose documents have been verified."""
    rows = connection.execute(SQL["verified_keys"], {"archive": job, "keys": keys})
    return {row["key"] for row in rows}


def record_result(
    connection: Connection, job: int, document: ManifestDocument, result: VerificationResult
) -> VerificationResult:
    """Store a result and return it. A document without a row has failed, whatever is stored."""
    params = {"archive": job, "key": document.key, "result": result.result, "detail": result.detail}
    if connection.execute(SQL["record_verification"], params).rowcount == 0:
        return VerificationResult(result="failed", detail=result.detail or "no run has recorded it")
    return result


def verify_documents(
    verifier: Verifier, job: int, documents: Iterator[ManifestDocument]
) -> Iterator[tuple[ManifestDocument, VerificationResult]]:
    """Verify documents, store each result, and yield it with its document."""
    for document in documents:
        yield document, record_result(verifier.connection, job, document, verifier.verify(document))
