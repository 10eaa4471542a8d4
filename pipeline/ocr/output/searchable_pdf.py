"""Write searchable PDF/A-2b files: an image of the page with its words, invisible, over their ink.

The image is placed by a matrix, so that a skewed or rotated page is upright in the PDF without resampling a
pixel. Every page is a PDF of its own, written when the page is read; `document_pdf` merges pages and adds
what PDF/A requires.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, Stream

from pipeline.ocr.output import glyphless_font, pdfa
from pipeline.ocr.output.image_encoding import EncodedImage, EncodedPage
from pipeline.records import Box, Word

POINTS_PER_INCH = 72.0
CREATOR = "Chartloom"
SAVE_OPTIONS: dict[str, Any] = {
    "object_stream_mode": pikepdf.ObjectStreamMode.generate,
    "compress_streams": True,
    "deterministic_id": True,
    "min_version": "1.7",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePlacement:
    """How the image is placed on the page: rotated clockwise by `rotation`, then by `skew` about the center.

    Attributes:
        width: Pixels of the upright, level page that word boxes refer to.
        height: Pixels of that page.
        dpi: Resolution of the image.
        rotation: 0, 90, 180 or 270 degrees.
        skew: Degrees.
    """

    width: int
    height: int
    dpi: float
    rotation: int
    skew: float


def page_pdf(encoded: EncodedPage, placement: PagePlacement, lines: Iterable[Sequence[Word]]) -> bytes:
    """Return the PDF of one page.

    Args:
        encoded: The image.
        placement: How it is placed.
        lines: The words in reading order, line by line.
    """
    pdf = Pdf.new()
    scale = POINTS_PER_INCH / placement.dpi
    box = Array([0, 0, round(placement.width * scale, 3), round(placement.height * scale, 3)])
    images, operators = Dictionary(Page=_image(pdf, encoded.image)), "/Page Do"
    if encoded.ink is not None:
        operators += " /Ink Do"
        images.Ink = _image(pdf, encoded.ink.tones)
        if encoded.ink.shape.bits == 1:
            images.Ink.Mask = _stencil(pdf, encoded.ink.shape)
        else:
            images.Ink.SMask = _image(pdf, encoded.ink.shape)
    content = (
        f"q {' '.join(f'{number:.5f}' for number in placement_matrix(encoded, placement))} cm {operators} Q\n"
        + text_layer(lines, placement)
    )
    page = Dictionary(
        Type=Name.Page,
        MediaBox=box,
        Resources=Dictionary(XObject=images, Font=Dictionary(Blank=_font(pdf))),
        Contents=Stream(pdf, content.encode("ascii")),
    )
    pdf.pages.append(pikepdf.Page(pdf.make_indirect(page)))
    return _save(pdf)


def placement_matrix(
    encoded: EncodedPage, placement: PagePlacement
) -> tuple[float, float, float, float, float, float]:
    """Return the PDF matrix (a, b, c, d, e, f) that places the unit square of the scanned image upright on
    the page, in points (ISO 32000-1, 8.3.3).
    """
    scale = POINTS_PER_INCH / placement.dpi
    width, height = encoded.page_width, encoded.page_height
    angle = math.radians(-(placement.rotation + placement.skew))  # counter-clockwise is positive in PDF
    cos, sin = math.cos(angle), math.sin(angle)
    a, b, c, d = width * cos, width * sin, -height * sin, height * cos
    middle_x, middle_y = placement.width / 2, placement.height / 2
    e, f = middle_x - (a + c) / 2, middle_y - (b + d) / 2
    return (a * scale, b * scale, c * scale, d * scale, e * scale, f * scale)


def text_layer(lines: Iterable[Sequence[Word]], placement: PagePlacement) -> str:
    """Return the content stream of the words as invisible text (render mode 3). All words of a line have the
    same height, so that a selection looks like a highlighter.
    """
    scale = POINTS_PER_INCH / placement.dpi
    parts = ["BT 3 Tr"]
    for line in lines:
        top, bottom = min(word.box[1] for word in line), max(word.box[3] for word in line)
        size = max(1.0, (bottom - top) * scale)
        baseline = (
            placement.height - bottom
        ) * scale - size * glyphless_font.DESCENT / glyphless_font.UNITS_PER_EM
        parts.append(f"/Blank {size:.2f} Tf")
        for word in line:
            parts += _word(word.text, word.box, scale, size, baseline)
    parts.append("ET\n")
    return "\n".join(parts)


def _word(text: str, box: Box, scale: float, size: float, baseline: float) -> tuple[str, str, str]:
    natural = len(text) * size * glyphless_font.ADVANCE_WIDTH / glyphless_font.UNITS_PER_EM
    stretch = 100 * max(1, box[2] - box[0]) * scale / natural if natural else 100.0
    codes = (text + " ").encode("utf-16-be", "replace").hex().upper()
    return f"{stretch:.1f} Tz", f"1 0 0 1 {box[0] * scale:.2f} {baseline:.2f} Tm", f"<{codes}> Tj"


def group_into_lines(words: Sequence[Word], keys: Sequence[tuple[int, ...]]) -> list[list[Word]]:
    """Group words by consecutive equal keys (block, paragraph, line)."""
    pairs = groupby(zip(words, keys, strict=True), key=lambda pair: pair[1])
    return [[word for word, _ in group] for _, group in pairs]


def document_pdf(
    pages: Sequence[bytes],
    *,
    title: str,
    subject: str = "",
    keywords: Sequence[str] = (),
    created_at: datetime | None = None,
    outline: Sequence[tuple[int, str]] = (),
    rotations: Sequence[int] = (),
) -> bytes:
    """Return one PDF/A-2b of one-page PDFs.

    Args:
        pages: The one-page PDFs.
        title: Title of the document.
        subject: Description of the document.
        keywords: Such as a LOINC code.
        created_at: Time of creation; None is now.
        outline: (page number from 1, title) entries.
        rotations: Degrees clockwise by which a person rotated each page.
    """
    pdf = Pdf.new()
    for page in pages:
        with Pdf.open(io.BytesIO(page)) as one_page:
            pdf.pages.extend(one_page.pages)
    for page_object, rotation in zip(pdf.pages, rotations, strict=False):
        page_object.rotate(rotation, relative=True)
    if outline:
        with pdf.open_outline() as entries:
            entries.root.extend(pikepdf.OutlineItem(name, number - 1) for number, name in outline)
    make_pdfa(pdf, title=title, subject=subject, keywords=keywords, created_at=created_at)
    return _save(pdf)


def document_file(
    pages: Sequence[Path],
    to: Path,
    *,
    title: str,
    subject: str = "",
    keywords: Sequence[str] = (),
    source: str = "",
) -> None:
    """Write one PDF/A-2b of one-page PDF files, page by page, so that a chart of thousands of pages takes no
    more memory than one page.

    Args:
        pages: The one-page PDF files.
        to: The file to write.
        title: Title of the document.
        subject: Description of the document.
        keywords: Such as a LOINC code.
        source: SHA-256 of the original that contains the pages.

    Raises:
        PdfError: A file is not a PDF, or the written file is truncated.
    """
    joined = to.with_suffix(".joined")
    pikepdf.Job(
        {"empty": "", "pages": [{"file": str(page)} for page in pages], "outputFile": str(joined)}
    ).run()
    with Pdf.open(joined, attempt_recovery=False, access_mode=pikepdf.AccessMode.stream) as pdf:
        make_pdfa(pdf, title=title, subject=subject, keywords=keywords, source=source)
        pdf.save(to, **SAVE_OPTIONS)
    joined.unlink()


def make_pdfa(
    pdf: Pdf,
    *,
    title: str,
    subject: str = "",
    keywords: Sequence[str] = (),
    created_at: datetime | None = None,
    source: str = "",
) -> None:
    """Make merged pages a PDF/A-2b: one font for all of them, and the metadata that the standard requires."""
    font = _font(pdf)
    for page_object in pdf.pages:
        fonts = page_object.obj.get("/Resources", Dictionary()).get("/Font", Dictionary())
        if "/Blank" in fonts:
            fonts["/Blank"] = font
    description = pdfa.PdfDescription(
        title=title, subject=subject, keywords=tuple(keywords), created_at=created_at, source=source
    )
    pdfa.add_pdfa_metadata(pdf, description, CREATOR)


def _save(pdf: Pdf) -> bytes:
    out = io.BytesIO()
    pdf.save(out, **SAVE_OPTIONS)
    return out.getvalue()


def _image(pdf: Pdf, encoded: EncodedImage) -> Stream:
    image = _bitmap(pdf, encoded)
    image.ColorSpace = Name.DeviceRGB if encoded.channels == 3 else Name.DeviceGray
    return image


def _stencil(pdf: Pdf, encoded: EncodedImage) -> Stream:
    """Return a stencil mask: another image is painted through its black pixels."""
    image = _bitmap(pdf, encoded)
    image.ImageMask = True
    return image


def _bitmap(pdf: Pdf, encoded: EncodedImage) -> Stream:
    image = Stream(pdf, encoded.data)
    image.Type, image.Subtype = Name.XObject, Name.Image
    image.Width, image.Height, image.BitsPerComponent = encoded.width, encoded.height, encoded.bits
    image.Filter = Array([Name(f"/{name}") for name in encoded.filters])
    if encoded.filters == ("CCITTFaxDecode",):
        parameters = Dictionary(K=-1, Columns=encoded.width, Rows=encoded.height, BlackIs1=False)
        image.DecodeParms = Array([parameters])
    return image


def _font(pdf: Pdf) -> pikepdf.Object:
    """Return a composite font whose codes are UTF-16 code units and whose only glyph is blank."""
    program = Stream(pdf, glyphless_font.font_program())
    program.Length1 = len(glyphless_font.font_program())
    descriptor = Dictionary(
        Type=Name.FontDescriptor,
        FontName=Name(f"/{glyphless_font.FONT_NAME}"),
        Flags=5,
        FontBBox=Array([0, glyphless_font.DESCENT, glyphless_font.ADVANCE_WIDTH, glyphless_font.ASCENT]),
        ItalicAngle=0,
        Ascent=glyphless_font.ASCENT,
        Descent=glyphless_font.DESCENT,
        CapHeight=glyphless_font.ASCENT,
        StemV=80,
        FontFile2=pdf.make_indirect(program),
    )
    descendant = Dictionary(
        Type=Name.Font,
        Subtype=Name.CIDFontType2,
        BaseFont=Name(f"/{glyphless_font.FONT_NAME}"),
        CIDSystemInfo=Dictionary(
            Registry=pikepdf.String("Adobe"), Ordering=pikepdf.String("Identity"), Supplement=0
        ),
        FontDescriptor=pdf.make_indirect(descriptor),
        DW=glyphless_font.ADVANCE_WIDTH,
        CIDToGIDMap=pdf.make_indirect(Stream(pdf, b"\0\1" * 65536)),
    )
    return pdf.make_indirect(
        Dictionary(
            Type=Name.Font,
            Subtype=Name.Type0,
            BaseFont=Name(f"/{glyphless_font.FONT_NAME}"),
            Encoding=Name("/Identity-H"),
            DescendantFonts=Array([pdf.make_indirect(descendant)]),
            ToUnicode=pdf.make_indirect(Stream(pdf, TO_UNICODE)),
        )
    )


TO_UNICODE = b"""/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <FFFF>
endcodespacerange
1 beginbfrange
<0000> <FFFF> <0000>
endbfrange
endcmap
CMapName currentdict /CMap defineresource pop
end
end
"""
