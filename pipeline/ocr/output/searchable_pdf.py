"""Searchable PDF/A-2b: a picture of the page with its words, invisible, over their ink.

The picture is placed by a matrix, so that a skewed or turned page is upright in the PDF without resampling a
pixel. Every page is a PDF of its own, made when the page is read; `document_pdf` puts pages together and adds
what PDF/A asks for."""

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
    """How the picture lies on the page: turned clockwise by `rotation`, a right angle, then by `skew` about
    the center.
    """

    width: int
    height: int
    """Pixels of the upright, level page: what word boxes refer to."""
    dpi: float
    rotation: int
    skew: float


def page_pdf(raster: EncodedPage, placed: PagePlacement, lines: Iterable[Sequence[Word]]) -> bytes:
    """One page. `lines`: the words in reading order, those of one line of the page together."""
    pdf = Pdf.new()
    scale = POINTS_PER_INCH / placed.dpi
    box = Array([0, 0, round(placed.width * scale, 3), round(placed.height * scale, 3)])
    pictures, drawn = Dictionary(Page=_image(pdf, raster.image)), "/Page Do"
    if raster.ink is not None:
        drawn += " /Ink Do"
        pictures.Ink = _image(pdf, raster.ink.tones)
        if raster.ink.shape.bits == 1:
            pictures.Ink.Mask = _stencil(pdf, raster.ink.shape)
        else:
            pictures.Ink.SMask = _image(pdf, raster.ink.shape)
    content = (
        f"q {' '.join(f'{number:.5f}' for number in placement_matrix(raster, placed))} cm {drawn} Q\n"
        + text_layer(lines, placed)
    )
    page = Dictionary(
        Type=Name.Page,
        MediaBox=box,
        Resources=Dictionary(XObject=pictures, Font=Dictionary(Blank=_font(pdf))),
        Contents=Stream(pdf, content.encode("ascii")),
    )
    pdf.pages.append(pikepdf.Page(pdf.make_indirect(page)))
    return _save(pdf)


def placement_matrix(
    raster: EncodedPage, placed: PagePlacement
) -> tuple[float, float, float, float, float, float]:
    """The PDF matrix that puts the unit square of the picture as scanned upright on the page, in points."""
    scale = POINTS_PER_INCH / placed.dpi
    wide, high = raster.page_width, raster.page_height
    angle = math.radians(-(placed.rotation + placed.skew))  # counter-clockwise is positive in PDF
    cos, sin = math.cos(angle), math.sin(angle)
    a, b, c, d = wide * cos, wide * sin, -high * sin, high * cos
    middle_x, middle_y = placed.width / 2, placed.height / 2
    e, f = middle_x - (a + c) / 2, middle_y - (b + d) / 2
    return (a * scale, b * scale, c * scale, d * scale, e * scale, f * scale)


def text_layer(lines: Iterable[Sequence[Word]], placed: PagePlacement) -> str:
    """The words as invisible text; all words of a line share one height, so that selecting looks like a
    marker pen.
    """
    scale = POINTS_PER_INCH / placed.dpi
    parts = ["BT 3 Tr"]
    for line in lines:
        top, bottom = min(word.box[1] for word in line), max(word.box[3] for word in line)
        size = max(1.0, (bottom - top) * scale)
        baseline = (
            placed.height - bottom
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
    """The words grouped by neighboring equal keys (block, paragraph, line)."""
    pairs = groupby(zip(words, keys, strict=True), key=lambda pair: pair[1])
    return [[word for word, _ in group] for _, group in pairs]


def document_pdf(
    pages: Sequence[bytes],
    *,
    title: str,
    subject: str = "",
    keywords: Sequence[str] = (),
    made: datetime | None = None,
    outline: Sequence[tuple[int, str]] = (),
    turns: Sequence[int] = (),
) -> bytes:
    """One PDF/A-2b of these one-page PDFs. `outline`: (page from 1, title) entries; `keywords`: such as a
    LOINC code; `turns`: degrees clockwise by which a person turned each page."""
    pdf = Pdf.new()
    for page in pages:
        with Pdf.open(io.BytesIO(page)) as one:
            pdf.pages.extend(one.pages)
    for page_object, turn in zip(pdf.pages, turns, strict=False):
        page_object.rotate(turn, relative=True)
    if outline:
        with pdf.open_outline() as entries:
            entries.root.extend(pikepdf.OutlineItem(name, number - 1) for number, name in outline)
    make_pdfa(pdf, title=title, subject=subject, keywords=keywords, made=made)
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
    """The same of files, into a file: page by page, so that a chart of thousands of pages takes no more
    memory than one page.

    `source`: SHA-256 of the original that the pages are of. Raises PdfError where a file is no PDF or what
    was written is cut short."""
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
    made: datetime | None = None,
    source: str = "",
) -> None:
    """Make pages that were put together a PDF/A-2b: one font for all of them, and what the standard asks to
    be said.
    """
    font = _font(pdf)
    for page_object in pdf.pages:
        fonts = page_object.obj.get("/Resources", Dictionary()).get("/Font", Dictionary())
        if "/Blank" in fonts:
            fonts["/Blank"] = font
    about = pdfa.PdfDescription(
        title=title, subject=subject, keywords=tuple(keywords), made=made, source=source
    )
    pdfa.add_pdfa_metadata(pdf, about, CREATOR)


def _save(pdf: Pdf) -> bytes:
    out = io.BytesIO()
    pdf.save(out, **SAVE_OPTIONS)
    return out.getvalue()


def _image(pdf: Pdf, picture: EncodedImage) -> Stream:
    image = _bitmap(pdf, picture)
    image.ColorSpace = Name.DeviceRGB if picture.channels == 3 else Name.DeviceGray
    return image


def _stencil(pdf: Pdf, picture: EncodedImage) -> Stream:
    """What another picture is painted through: its black."""
    image = _bitmap(pdf, picture)
    image.ImageMask = True
    return image


def _bitmap(pdf: Pdf, picture: EncodedImage) -> Stream:
    image = Stream(pdf, picture.data)
    image.Type, image.Subtype = Name.XObject, Name.Image
    image.Width, image.Height, image.BitsPerComponent = picture.width, picture.height, picture.bits
    image.Filter = Array([Name(f"/{name}") for name in picture.filters])
    if picture.filters == ("CCITTFaxDecode",):
        parameters = Dictionary(K=-1, Columns=picture.width, Rows=picture.height, BlackIs1=False)
        image.DecodeParms = Array([parameters])
    return image


def _font(pdf: Pdf) -> pikepdf.Object:
    """A composite font whose codes are UTF-16 code units and whose only glyph is blank."""
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
