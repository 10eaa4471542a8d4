"""Draw the sheets that clerks insert into a stack: separators, patient cover sheets and batch cover sheets.
Letter size, pure black.

Each sheet has its code twice, three inches wide and in opposite corners, so that the code survives a fax, a
fold or a torn edge. A separator also has the bars of Patch T on both short edges, for scanners that divide a
stack themselves. Names are printed in Noto Sans, as in `pipeline/letters.py`.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from pipeline.errors import InvalidInput

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

SEPARATOR_CODE = "CHARTLOOM:SEPARATOR"
PATIENT_CODE_PREFIX = "CHARTLOOM:PATIENT:"
BATCH_CODE_PREFIX = "CHARTLOOM/BATCH/1;"

PAGE_WIDTH_PT, PAGE_HEIGHT_PT = 612.0, 792.0
"""Letter size. On A4 the same drawing starts 25 points from the top and is complete."""

MARGIN_PT = 54.0
CODE_OFFSET_PT = 60.0
"""Distance between the margin and the code, above and below."""

CODE_SIDE_PT = 216.0
"""Three inches: modules of a version 3 code are then 2.6 mm, each more than twenty fax lines of the coarsest
kind.
"""

MODULE_OVERLAP_PT = 0.02
"""Modules overlap by this much, so that no gaps appear between them."""

WIDE_BAR_PT, NARROW_BAR_PT = 14.4, 5.76
"""Bars of a patch code: 0.2 and 0.08 inches; spaces are as wide as the narrow bar (Kodak)."""

PATCH_LENGTH_PT = 432.0
PATCH_OFFSET_PT = 36.0
"""Distance between the patch code and the edge of the paper."""

HEADING_SIZE_PT, LINE_SIZE_PT, LINE_PITCH_PT = 30, 13, 19

MRN = re.compile(r"^[A-Za-z0-9.-]{3,20}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeparatorSheet:
    """The content of a sheet: the text of its code, its heading, lines for the clerk, and whether it has a
    patch code.
    """

    payload: str
    heading: str
    lines: tuple[str, ...] = ()
    patch: bool = False


def separator_sheet() -> SeparatorSheet:
    """Return the sheet between two documents."""
    lines = ("Insert this sheet before each new document.", "It is not filed and can be reused.")
    return SeparatorSheet(payload=SEPARATOR_CODE, heading="Separator sheet", lines=lines, patch=True)


def patient_cover_sheet(mrn: str) -> SeparatorSheet:
    """Return the sheet before the documents of one patient.

    Raises:
        InvalidInput: The record number cannot be put into a code.
    """
    if not MRN.match(mrn):
        raise InvalidInput(
            f"{mrn!r} cannot be printed as a record number.", "Use 3 to 20 letters, digits, dots or hyphens."
        )
    lines = (
        f"Record number {mrn}",
        "Insert this sheet before the documents of this patient, up to the next sheet.",
    )
    return SeparatorSheet(payload=PATIENT_CODE_PREFIX + mrn, heading="Patient cover sheet", lines=lines)


def batch_cover_sheet(
    name: str, files: int | None = None, documents: int | None = None, pages: int | None = None
) -> SeparatorSheet:
    """Return the sheet on top of a batch, with the expected counts; None: the count is not checked."""
    counts = {"files": files, "documents": documents, "pages": pages}
    expected = {unit: count for unit, count in counts.items() if count is not None}
    values = [f"name={quote(name, safe='')}", *(f"{unit}={count}" for unit, count in expected.items())]
    lines = (
        f"Batch {name}",
        "Expected: " + (", ".join(f"{count} {unit}" for unit, count in expected.items()) or "not stated"),
        "Insert this sheet on top of the batch.",
    )
    return SeparatorSheet(
        payload=BATCH_CODE_PREFIX + ";".join(values), heading="Batch cover sheet", lines=lines
    )


def render_sheets_pdf(sheets: Sequence[SeparatorSheet]) -> bytes:
    """Return a PDF with one sheet per page, in the given order."""
    from reportlab.pdfgen.canvas import Canvas

    from pipeline.letters import register_font

    register_font()
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=(PAGE_WIDTH_PT, PAGE_HEIGHT_PT))
    for sheet in sheets:
        _draw_sheet(canvas, sheet)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def _draw_sheet(canvas: Canvas, sheet: SeparatorSheet) -> None:
    """Draw a sheet. The origin is at the lower left, the unit is the point."""
    if sheet.patch:
        _draw_patch_t(canvas, PAGE_HEIGHT_PT - PATCH_OFFSET_PT, downward=True)
        _draw_patch_t(canvas, PATCH_OFFSET_PT, downward=False)
    left, bottom = MARGIN_PT, MARGIN_PT + CODE_OFFSET_PT
    right = PAGE_WIDTH_PT - MARGIN_PT - CODE_SIDE_PT
    top = PAGE_HEIGHT_PT - MARGIN_PT - CODE_OFFSET_PT - CODE_SIDE_PT
    _draw_qr_code(canvas, sheet.payload, left, top)
    _draw_qr_code(canvas, sheet.payload, right, bottom)
    _draw_text(canvas, sheet.heading, HEADING_SIZE_PT, PAGE_HEIGHT_PT / 2 + 20)
    for number, line in enumerate((*sheet.lines, sheet.payload)):
        _draw_text(canvas, line, LINE_SIZE_PT, PAGE_HEIGHT_PT / 2 - 8 - LINE_PITCH_PT * number)


def _draw_text(canvas: Canvas, text: str, size: float, y: float) -> None:
    """Draw a line of text, in a smaller size if it is wider than the page between its margins."""
    from pipeline.letters import BOLD_FONT, printable

    text = printable(text)
    width = canvas.stringWidth(text, BOLD_FONT, size)
    canvas.setFont(BOLD_FONT, size * min(1.0, (PAGE_WIDTH_PT - 2 * MARGIN_PT) / max(width, 1.0)))
    canvas.drawString(MARGIN_PT, y, text)


def _draw_qr_code(canvas: Canvas, payload: str, x: float, y: float) -> None:
    """Draw a QR code with the highest error correction as black squares; (x, y) is its lower left corner."""
    import segno

    matrix = segno.make_qr(payload, error="h").matrix
    module = CODE_SIDE_PT / len(matrix)
    side = module + MODULE_OVERLAP_PT
    for row, line in enumerate(matrix):
        for column, is_dark in enumerate(line):
            if is_dark:
                below = y + CODE_SIDE_PT - (row + 1) * module
                canvas.rect(x + column * module, below, side, side, stroke=0, fill=1)


def _draw_patch_t(canvas: Canvas, start: float, *, downward: bool) -> None:
    """Draw Patch T from `start`: narrow, wide, narrow, wide, from the edge of the paper inward."""
    left, y = (PAGE_WIDTH_PT - PATCH_LENGTH_PT) / 2, start
    for bar in (NARROW_BAR_PT, WIDE_BAR_PT, NARROW_BAR_PT, WIDE_BAR_PT):
        bottom = y - bar if downward else y
        canvas.rect(left, bottom, PATCH_LENGTH_PT, bar, stroke=0, fill=1)
        y += (-1 if downward else 1) * (bar + NARROW_BAR_PT)
