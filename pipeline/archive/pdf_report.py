"""A plain PDF of headings, lines and tables, drawn as `sheets` draws: letter size, the fonts that every
reader has.

Letters beyond Latin-1 are printed as question marks; the CSV files beside the report have them as they are.
"""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable, Sequence

WIDTH, HEIGHT, MARGIN = 612.0, 792.0, 54.0
"""Points."""
BODY, HEADING, TITLE = 8.0, 12.0, 18.0
LEADING = 1.35
LINE = int((WIDTH - 2 * MARGIN) / (0.6 * BODY))
"""Characters of a line: Courier's are 0.6 of its size wide."""


class Paper:
    """Pages that are filled from the top; `pdf` closes them."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._pages: list[list[str]] = []
        self._y = 0.0
        self.write(title, "F2", TITLE)

    def heading(self, text: str) -> None:
        """A heading, never the last line of a page."""
        self._room(HEADING * 4)
        self._y -= HEADING * 0.8
        self.write(text, "F2", HEADING)

    def line(self, text: str) -> None:
        """Text, wrapped."""
        for part in textwrap.wrap(text, LINE) or [""]:
            self.write(part, "F1", BODY)

    def table(self, head: Sequence[str], rows: Iterable[Sequence[object]], widths: Sequence[int]) -> None:
        """Columns of so many characters, numbers to the right; what is longer is cut, except in the last,
        which is wrapped.
        """
        listed = [list(row) for row in rows]
        numbers = [bool(listed) and isinstance(cell, int) for cell in (listed[0] if listed else head)]
        self.write(_row(head, widths, numbers), "F3", BODY)
        for row in listed:
            cells = [f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row]
            first, *more = textwrap.wrap(cells[-1], widths[-1] - 1) or [""]
            self.write(_row([*cells[:-1], first], widths, numbers), "F1", BODY)
            for part in more:
                self.write(" " * sum(widths[:-1]) + part, "F1", BODY)

    def write(self, text: str, font: str, size: float) -> None:
        """One line in one of the fonts F1 (Courier), F2 (Helvetica bold), F3 (Courier bold)."""
        self._room(size * LEADING)
        self._y -= size * LEADING
        plain = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
        self._pages[-1].append(f"BT /{font} {size} Tf {MARGIN} {self._y:.1f} Td ({plain}) Tj ET")

    def _room(self, height: float) -> None:
        if not self._pages or self._y - height < MARGIN:
            self._pages.append([])
            self._y = HEIGHT - MARGIN

    def pdf(self) -> bytes:
        """The file, its pages numbered."""
        import pikepdf

        made = pikepdf.new()
        fonts = {
            name: made.make_indirect(
                pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=base)
            )
            for name, base in (
                ("/F1", pikepdf.Name("/Courier")),
                ("/F2", pikepdf.Name("/Helvetica-Bold")),
                ("/F3", pikepdf.Name("/Courier-Bold")),
            )
        }
        for number, parts in enumerate(self._pages, 1):
            page = made.add_blank_page(page_size=(WIDTH, HEIGHT))
            page.obj.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(fonts))
            foot = f"BT /F1 {BODY} Tf {MARGIN} {MARGIN / 2} Td (Page {number} of {len(self._pages)}) Tj ET"
            page.obj.Contents = made.make_stream("\n".join([*parts, foot]).encode("latin-1", "replace"))
        made.docinfo["/Title"] = self._title
        out = io.BytesIO()
        made.save(out)
        return out.getvalue()


def _row(cells: Sequence[str], widths: Sequence[int], numbers: Sequence[bool]) -> str:
    """The cells in their columns, numbers to the right."""
    parts = []
    for cell, width, number in zip(cells, widths, numbers, strict=True):
        cut = cell if len(cell) < width else cell[: width - 2] + "~"
        parts.append(cut.rjust(width - 2) + "  " if number else cut.ljust(width))
    return "".join(parts).rstrip()
