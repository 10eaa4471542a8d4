"""A chart as one PDF: a table of contents, then the documents in the order of their days, with bookmarks.

Documents are joined in parts that lie in files, so that no more than PART of them are open at a time, however
long the chart."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from pikepdf import Array, Dictionary, Name, OutlineItem, Page, Pdf, make_page_destination

from pipeline.delivery.delivery_item import House, Parcel

PART = 100  # documents of a part
WIDTH, HEIGHT, MARGIN = 612, 792, 54  # Letter, in points
LINE, TOP = 16, 660  # of the table: between its lines, and where it begins
LINES = (TOP - MARGIN) // LINE
SIZE, TITLE_SIZE = 10, 16
COLUMNS = (MARGIN, MARGIN + 80, WIDTH - MARGIN - 110, WIDTH - MARGIN - 40)  # day, what, pages, where
HEADS = ("Day", "Document", "Pages", "On page")
STROKES = str.maketrans("ŁłĐđĦħŦŧıĸŊŋ", "LlDdHhTtikNn")  # letters that no decomposition leads to a plain one


class Books:
    """Writes a PDF for each patient. `fetch` writes the object of a SHA-256 to a file."""

    def __init__(self, place: Path, fetch: Callable[[str, Path], None], house: House) -> None:
        self._place = place
        self._fetch = fetch
        self._house = house

    def chart(self, parcels: list[Parcel]) -> None:
        """Write one patient's chart."""
        with TemporaryDirectory(dir=self._place) as scratch:
            parts = [
                self._part(parcels[i : i + PART], Path(scratch) / f"{i}.pdf")
                for i in range(0, len(parcels), PART)
            ]
            with Pdf.new() as book, ExitStack() as opened:
                lengths = []
                for part, counts in parts:
                    book.pages.extend(opened.enter_context(Pdf.open(part)).pages)
                    lengths += counts
                bind(book, parcels, lengths, self._house)
                book.save(self._place / f"{safe(parcels[0].patient.mrn)}.pdf")

    def close(self) -> None:
        """Nothing stands at the end."""

    def _part(self, parcels: Sequence[Parcel], to: Path) -> tuple[Path, list[int]]:
        """Some documents joined in a file; the pages of each as they are."""
        counts = []
        with Pdf.new() as part, ExitStack() as opened:
            for i, parcel in enumerate(parcels):
                file = to.with_name(f"{to.stem}-{i}.pdf")
                self._fetch(parcel.pdf, file)
                pages = opened.enter_context(Pdf.open(file)).pages
                part.pages.extend(pages)
                counts.append(len(pages))
            part.save(to)
        for i in range(len(parcels)):
            to.with_name(f"{to.stem}-{i}.pdf").unlink()
        return to, counts


def bind(book: Pdf, parcels: Sequence[Parcel], lengths: Sequence[int], house: House) -> None:
    """Put the table of contents in front, with links, and the bookmarks beside."""
    contents = -(-len(parcels) // LINES)
    starts = [contents + sum(lengths[:i]) for i in range(len(parcels))]
    for number in range(contents):
        chosen = range(number * LINES, min((number + 1) * LINES, len(parcels)))
        rows = [(TOP - LINE * (i - chosen[0]), parcels[i], lengths[i], starts[i]) for i in chosen]
        book.pages.insert(
            number, contents_page(book, rows, heading(parcels, sum(lengths), house), number + 1, contents)
        )
    for number in range(contents):
        chosen = range(number * LINES, min((number + 1) * LINES, len(parcels)))
        links = [link(book, TOP - LINE * (i - chosen[0]), starts[i]) for i in chosen]
        book.pages[number].Annots = book.make_indirect(Array(links))
    with book.open_outline() as outline:
        for parcel, start in zip(parcels, starts, strict=True):
            outline.root.append(OutlineItem(parcel.title, start))
    book.docinfo["/Title"] = f"Chart {parcels[0].patient.mrn}"


def heading(parcels: Sequence[Parcel], pages: int, house: House) -> tuple[str, str]:
    """Whose chart it is, and what was taken out when."""
    patient = parcels[0].patient
    whose = ", ".join(filter(None, (patient.family, " ".join(filter(None, (patient.given, patient.middle))))))
    counts = f"{len(parcels)} documents, {pages} pages"
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return (
        whose or "Chart",
        f"MRN {patient.mrn}   born {patient.dob or 'unknown'}   {counts}   {house.name}, {made}",
    )


def contents_page(
    book: Pdf, rows: Sequence[tuple[int, Parcel, int, int]], head: tuple[str, str], number: int, count: int
) -> Page:
    """A page of the table: a line for each document with the page on which it begins."""
    drawn = [text(MARGIN, HEIGHT - 72, head[0], TITLE_SIZE), text(MARGIN, HEIGHT - 92, head[1], SIZE - 1)]
    drawn += [
        text(x, TOP + 1.5 * LINE, word, SIZE - 1)
        for x, word in zip(COLUMNS, ("Day", "Document", "Pages", "On page"), strict=True)
    ]
    for y, parcel, pages, start in rows:
        what = f"{parcel.type.name}{', ' + parcel.author if parcel.author else ''}"
        values = (str(parcel.date_of_service or "no date"), what[:60], str(pages), str(start + 1))
        drawn += [text(x, y, value, SIZE) for x, value in zip(COLUMNS, values, strict=True)]
    drawn.append(text(MARGIN, MARGIN - 18, f"Contents {number} of {count}", SIZE - 2))
    fonts = Dictionary(
        F=Dictionary(
            Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica, Encoding=Name.WinAnsiEncoding
        )
    )
    made = Dictionary(
        Type=Name.Page,
        MediaBox=[0, 0, WIDTH, HEIGHT],
        Resources=Dictionary(Font=fonts),
        Contents=book.make_stream("\n".join(drawn).encode("ascii")),
    )
    return Page(book.make_indirect(made))


def link(book: Pdf, y: int, page: int) -> Dictionary:
    """A line of the table leads to its document."""
    return Dictionary(
        Type=Name.Annot,
        Subtype=Name.Link,
        Rect=[MARGIN, y - 4, WIDTH - MARGIN, y + LINE - 5],
        Border=[0, 0, 0],
        Dest=make_page_destination(book, page),
    )


def text(x: float, y: float, words: str, size: int) -> str:
    """The operators that show some words."""
    return f"BT /F {size} Tf {x} {y} Td <{winansi(words).hex()}> Tj ET"


def winansi(words: str) -> bytes:
    """The words in the letters of the standard fonts; others lose their accents, or become a question
    mark.
    """
    return "".join(letter(c) for c in words.translate(STROKES)).encode("cp1252")


def letter(c: str) -> str:
    """A letter of the standard fonts."""
    return (
        c
        if c.encode("cp1252", "ignore")
        else unicodedata.normalize("NFKD", c).encode("ascii", "ignore").decode() or "?"
    )


def safe(name: str) -> str:
    """A name that a file may have."""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in name).lstrip(".") or "chart"
