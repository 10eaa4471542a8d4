"""Draws the sheets that clerks lay into a stack: separators, patient cover sheets, batch cover sheets. Letter
size, pure black.

Each sheet bears its code twice, three inches wide and in opposite corners, so that it survives a fax, a fold
or a torn edge; a separator also bears the bars of Patch T on both short edges, for scanners that divide a
stack themselves."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from pipeline.errors import InvalidInput

SEPARATOR_CODE = "CHARTLOOM:SEPARATOR"
PATIENT = "CHARTLOOM:PATIENT:"
BATCH = "CHARTLOOM/BATCH/1;"

WIDTH, HEIGHT = 612.0, 792.0
"""Letter, in points. On A4 the same drawing stands 25 points from the top and leaves nothing out."""

MARGIN = 54.0
CODE_SIDE = 216.0
"""Three inches: modules of a version 3 code are then 2.6 mm, more than twenty fax lines of the coarsest kind
each.
"""

WIDE, NARROW = 14.4, 5.76
"""Bars of a patch code in points: 0.2 and 0.08 inches, spaces as the narrow bar (Kodak)."""

PATCH_LENGTH = 432.0
MRN = re.compile(r"^[A-Za-z0-9.-]{3,20}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeparatorSheet:
    """What a sheet says: its code's text, its heading, and lines for the clerk."""

    payload: str
    heading: str
    lines: tuple[str, ...] = ()
    patch: bool = False


def separator_sheet() -> SeparatorSheet:
    """The sheet between two documents."""
    lines = ("Lay this sheet before each new document.", "It is not filed. Use it again.")
    return SeparatorSheet(payload=SEPARATOR_CODE, heading="Separator sheet", lines=lines, patch=True)


def patient_cover_sheet(mrn: str) -> SeparatorSheet:
    """The sheet before documents of one patient. Raises InvalidInput if the number cannot be put into a code."""
    if not MRN.match(mrn):
        raise InvalidInput(
            f"{mrn!r} cannot be printed as a record number.", "Use 3 to 20 letters, digits, dots or hyphens."
        )
    lines = (
        f"Record number {mrn}",
        "Lay this sheet before documents of this patient; the next sheet ends it.",
    )
    return SeparatorSheet(payload=PATIENT + mrn, heading="Patient cover sheet", lines=lines)


def batch_cover_sheet(
    name: str, files: int | None = None, documents: int | None = None, pages: int | None = None
) -> SeparatorSheet:
    """The sheet on top of a batch, with what is expected in it; a count that is not given is not checked."""
    counts = {"files": files, "documents": documents, "pages": pages}
    told = [f"{what}={count}" for what, count in counts.items() if count is not None]
    said = [f"{count} {what}" for what, count in counts.items() if count is not None]
    lines = (
        f"Batch {name}",
        "Expected: " + (", ".join(said) or "not told"),
        "Lay this sheet on top of the batch.",
    )
    return SeparatorSheet(
        payload=BATCH + ";".join([f"name={quote(name, safe='')}", *told]),
        heading="Batch cover sheet",
        lines=lines,
    )


def render_sheets_pdf(sheets: Sequence[SeparatorSheet]) -> bytes:
    """The sheets as a PDF, one a page, in the order given."""
    import pikepdf

    pdf = pikepdf.new()
    name = pikepdf.Name
    font = pdf.make_indirect(
        pikepdf.Dictionary(Type=name.Font, Subtype=name.Type1, BaseFont=name("/Helvetica-Bold"))
    )
    for sheet in sheets:
        page = pdf.add_blank_page(page_size=(WIDTH, HEIGHT))
        page.obj.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font))
        page.obj.Contents = pdf.make_stream(_drawing(sheet).encode("latin-1", "replace"))
    out = io.BytesIO()
    pdf.save(out)
    return out.getvalue()


def _drawing(sheet: SeparatorSheet) -> str:
    """The page's content stream; the origin is at the lower left."""
    parts = []
    if sheet.patch:
        parts += _patch(top=HEIGHT - 36, downwards=True) + _patch(top=36, downwards=False)
    parts += _code(sheet.payload, MARGIN, HEIGHT - MARGIN - 60 - CODE_SIDE)
    parts += _code(sheet.payload, WIDTH - MARGIN - CODE_SIDE, MARGIN + 60)
    parts.append(_text(sheet.heading, 30, HEIGHT / 2 + 20))
    parts += [
        _text(line, 13, HEIGHT / 2 - 8 - 19 * i) for i, line in enumerate((*sheet.lines, sheet.payload))
    ]
    return "\n".join(parts)


def _text(text: str, size: float, y: float) -> str:
    plain = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return f"BT /F1 {size} Tf {MARGIN} {y:.1f} Td ({plain}) Tj ET"


def _code(payload: str, x: float, y: float) -> list[str]:
    """A QR code with the highest error correction, as black squares; (x, y) is its lower left corner."""
    import segno

    matrix = segno.make_qr(payload, error="h").matrix
    module = CODE_SIDE / len(matrix)
    return [
        f"{x + column * module:.3f} {y + CODE_SIDE - (row + 1) * module:.3f} {module + 0.02:.3f} {module + 0.02:.3f} re f"
        for row, line in enumerate(matrix)
        for column, dark in enumerate(line)
        if dark
    ]


def _patch(top: float, *, downwards: bool) -> list[str]:
    """Patch T, narrow-wide-narrow-wide from the paper's edge inwards."""
    parts, y = [], top
    for bar in (NARROW, WIDE, NARROW, WIDE):
        parts.append(
            f"{(WIDTH - PATCH_LENGTH) / 2:.1f} {y - bar if downwards else y:.2f} {PATCH_LENGTH} {bar} re f"
        )
        y += (-1 if downwards else 1) * (bar + NARROW)
    return parts
