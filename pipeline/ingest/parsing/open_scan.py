"""Open a scan: its pages one by one, as files of a scratch folder. All parsing happens in a child process
with limits.

A page that cannot be opened is a Page with a problem, so that a person sees it. A file without any page that
can be opened is InvalidInput.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.config import IntakeSettings
from pipeline.errors import ChartloomError, MissingDependency
from pipeline.ingest.parsing.file_types import SIGNATURE_BYTES, ZIP, describe_unsupported, media_type_of
from pipeline.ingest.parsing.parser_client import (
    Parser,
    ParserDied,
    ParserFault,
    ParserTimeout,
    acquire,
    release,
)
from pipeline.ingest.parsing.parser_protocol import TIMEOUT_PREFIX, WALL_SECONDS_PER_CPU_SECOND, Limits
from pipeline.ingest.parsing.rejections import rejection
from pipeline.records import Page, Reason, Word
from pipeline.store.scratch import DiskFull, Scratch

MAX_CONSECUTIVE_PAGE_FAILURES = 5
"""After this many pages in a row that killed the parser or timed out, the other pages are not tried."""
FILLER_BYTES = b"\0\xff \t\r\n"  # of allocated and never written, or erased, storage
CHUNK_BYTES = 1 << 20
GRACE_SECONDS = 10.0  # beyond the child's own limits, before its parent kills it


@dataclass(frozen=True, slots=True, kw_only=True)
class FileInfo:
    """What is known about a file once it has been opened."""

    media_type: str
    pages: int
    notes: tuple[Reason, ...] = ()


class ScanOpener:
    """One file in a child process. A child that dies is replaced and continues with the next page."""

    def __init__(self, file: Path, scratch: Scratch, settings: IntakeSettings) -> None:
        self._file = file.resolve()
        self._scratch = scratch
        self._settings = settings
        self._limits = Limits(
            open_cpu_limit_seconds=settings.open_cpu_limit_seconds,
            page_cpu_limit_seconds=settings.page_cpu_limit_seconds,
            memory_bytes=settings.open_memory_limit_mb << 20,
            max_pages=settings.max_pages,
            max_pixels=settings.max_pixels,
            max_render_pixels=settings.max_render_pixels,
        )
        self._media_type = check_file_type(file, settings)
        self._work = tempfile.TemporaryDirectory(
            dir=scratch.folder, prefix="new-", ignore_cleanup_errors=True
        )
        self._parser: Parser | None = None
        self._careful = False

    def open(self) -> FileInfo:
        """Open the file. Raises InvalidInput with a code of REJECTIONS."""
        answer = self._open()
        pages = int(answer["pages"])
        if pages == 0:
            raise rejection("no_pages")
        if pages > self._settings.max_pages:
            raise rejection("too_many_pages", f"{pages} pages, {self._settings.max_pages} are allowed")
        notes = tuple(Reason(code=code, detail=detail) for code, detail in answer["notes"])
        return FileInfo(media_type=self._media_type, pages=pages, notes=notes)

    def page(self, number: int) -> dict[str, Any]:
        """Return the fields of a page. Raises ParserDied or ParserTimeout; the next page may still be asked
        for.
        """
        seconds = self._limits.page_wall * 2 + GRACE_SECONDS
        if self._parser is None:
            self._open()
        try:
            return self._ask({"page": number, "careful": self._careful}, seconds)
        except ParserDied:  # try again in a new child, in the most careful way, before the page is blamed
            self._open()
            return self._ask({"page": number, "careful": True}, seconds)

    def _open(self) -> dict[str, Any]:
        try:
            return self._ask(
                self._opening_request(), self._settings.open_cpu_limit_seconds * WALL_SECONDS_PER_CPU_SECOND
            )
        except ParserTimeout:
            raise rejection(
                "timeout", f"more than {self._settings.open_cpu_limit_seconds:.0f} seconds"
            ) from None
        except ParserDied:
            if self._careful:
                raise rejection("parser_failed") from None
            self._careful = True
            return self._open()

    def _opening_request(self) -> dict[str, Any]:
        return {
            "open": str(self._file),
            "kind": self._media_type,
            "scratch": str(self._scratch.folder),
            "work": self._work.name,
            "limits": asdict(self._limits),
            "careful": self._careful,
        }

    def _ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        if self._parser is None:
            self._parser = acquire()
            self._parser.files += 1
        try:
            answer = self._parser.ask(request, seconds)
        except (ParserDied, ParserTimeout):
            self._parser = None
            raise
        if "rejected" in answer:
            raise rejection(answer["rejected"], answer["detail"])
        if "fault" in answer:
            raise parser_error(answer)
        return answer

    def close(self) -> None:
        """Release the child and remove the work folder."""
        if self._parser is not None:
            release(self._parser)
            self._parser = None
        self._work.cleanup()


def parser_error(answer: dict[str, str]) -> ChartloomError:
    """Return the error for a fault that is not the file's: a full disk, or a missing program."""
    if answer["fault"] == DiskFull.code:
        return DiskFull()
    if answer["fault"] == MissingDependency.code:
        return MissingDependency(answer["message"], answer["remedy"])
    return ParserFault(answer["message"], answer["remedy"])


def check_file_type(file: Path, settings: IntakeSettings) -> str:
    """Return the media type by the file's first bytes.

    Raises:
        InvalidInput: The file is empty, too large or of an unsupported type.
    """
    size = file.stat().st_size
    if size == 0:
        raise rejection("empty")
    if size > settings.max_bytes:
        raise rejection("too_large", f"{size} bytes, {settings.max_bytes} are allowed")
    with file.open("rb") as stream:
        head = stream.read(SIGNATURE_BYTES)
    kind = media_type_of(head)
    if kind is None and _is_filler(file):
        raise rejection("empty", "only filler bytes: the disk was full, or the copy stopped")
    if kind is None or kind == ZIP:
        raise rejection("unknown_kind", describe_unsupported(head))
    return kind


def _is_filler(file: Path) -> bool:
    """Return whether a file consists of the bytes that fill unused space."""
    with file.open("rb") as stream:
        return not any(chunk.strip(FILLER_BYTES) for chunk in iter(lambda: stream.read(CHUNK_BYTES), b""))


def inspect(file: Path, scratch: Scratch, settings: IntakeSettings) -> FileInfo:
    """Return what the file is and how many pages it has. Raises InvalidInput."""
    opener = ScanOpener(file, scratch, settings)
    try:
        return opener.open()
    finally:
        opener.close()


def open_scan(
    file: Path, scan: str, scratch: Scratch, settings: IntakeSettings, pages: range | None = None
) -> Iterator[Page]:
    """Yield the pages of a scan in order, each opened when it is asked for.

    Args:
        file: The file.
        scan: The id of the scan, for its pages.
        scratch: Images are here, named by their hash, until the caller drops them.
        settings: The limits.
        pages: The page numbers (from 1) to open; None for all.

    Raises:
        InvalidInput: The file cannot be opened, or all pages were asked for and none can be opened.
    """
    opener = ScanOpener(file, scratch, settings)
    try:
        opening = opener.open()
        wanted = pages if pages is not None else range(1, opening.pages + 1)
        failures, readable = 0, False
        for number in wanted:
            page = _page(opener, scan, number, failures)
            failures = 0 if page.image or not _gave_up(page) else failures + 1
            readable = readable or page.image is not None
            if pages is None and not readable and number == opening.pages:
                raise rejection("unreadable_pages", page.problem or "")
            yield page
    finally:
        opener.close()


PARSER_DIED = "The program that opens pages crashed on this page, or needed more memory than it is allowed."
PAGE_TIMED_OUT = "Opening the page took too long."
PAGE_SKIPPED = "Several pages before it could not be opened, so this page was not tried."


def _page(opener: ScanOpener, scan: str, number: int, failures: int) -> Page:
    if failures >= MAX_CONSECUTIVE_PAGE_FAILURES:
        return Page(scan=scan, number=number, image=None, problem=PAGE_SKIPPED)
    try:
        sheet = opener.page(number)
    except ParserDied:
        return Page(scan=scan, number=number, image=None, problem=PARSER_DIED)
    except ParserTimeout:
        return Page(scan=scan, number=number, image=None, problem=PAGE_TIMED_OUT)
    words = tuple(
        Word(text=text, box=(x0, y0, x1, y1), confidence=1.0) for text, x0, y0, x1, y1 in sheet["words"]
    )
    notes = (Reason(code="page_downscaled", detail=sheet["note"]),) if sheet["note"] else ()
    return Page(
        scan=scan,
        number=number,
        image=sheet["image"],
        dpi=sheet["dpi"],
        words=words,
        problem=sheet["problem"],
        notes=notes,
    )


def _gave_up(page: Page) -> bool:
    """Return whether the page used up its time or killed its parser."""
    return page.problem in (PARSER_DIED, PAGE_TIMED_OUT, PAGE_SKIPPED) or (page.problem or "").startswith(
        TIMEOUT_PREFIX
    )
