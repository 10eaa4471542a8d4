"""PDF files as pages: a page that is a single image is extracted without loss, any other page is rendered.

Two independent parsers examine the file: qpdf (through pikepdf) lists its contents, poppler renders it. What
the first cannot open the second may, so a file is rejected only if both fail. Runs in the parser process.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pikepdf
from PIL import Image

from pipeline.ingest.parsing import poppler
from pipeline.ingest.parsing.embedded_images import extract_image
from pipeline.ingest.parsing.image_normalization import encode, fit, is_one_color, reduce_mode
from pipeline.ingest.parsing.parser_protocol import (
    TIMEOUT_PREFIX,
    WALL_SECONDS_PER_CPU_SECOND,
    Limits,
    ParsedPage,
)
from pipeline.ingest.parsing.pdf_content import (
    MAX_CONTENT_BYTES,
    PageContent,
    PlacedImage,
    Rect,
    analyze_content,
    has_inline_image,
    has_invisible_text,
)
from pipeline.ingest.parsing.pdf_geometry import (
    LETTER,
    displayed_rect,
    field_rects,
    inherited,
    paper_scale,
    scaled,
    stated_user_unit,
    visible_box,
)
from pipeline.ingest.parsing.pdf_notes import append_notes, note_texts
from pipeline.ingest.parsing.pdf_words import values_after_labels, words_beside_pictures
from pipeline.ingest.parsing.rejections import rejection
from pipeline.store.scratch import Scratch

RENDER_DPI = 300.0
NATIVE_DPI_RANGE = (150.0, 600.0)
"""A page of images is rendered at their own resolution within this range. Below it, poppler blurs less at
300.
"""
MAX_IMAGE_SHARE_OF_TEXT_PAGE = 0.5  # above this share the page's text is OCR of its image
ROTATIONS = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}
IMAGE_ERRORS = (OSError, pikepdf.PdfError, pikepdf.DataDecodingError)
PARTLY_DAMAGED = "The image of the page is damaged; part of it may be missing."
PARSING_ERRORS = (
    pikepdf.PdfError, pikepdf.ForeignObjectError, OSError, ValueError, TypeError, KeyError, IndexError,
    AttributeError, NotImplementedError, OverflowError, SyntaxError, RuntimeError, RecursionError,
    ZeroDivisionError,
)  # fmt: skip
"""What qpdf, pikepdf and Pillow raise for damaged or unusual parts of a file."""


class PdfFile:
    """An opened PDF. `careful`: use only poppler, for a file that made the other parser crash."""

    def __init__(
        self, file: Path, scratch: Scratch, work: Path, limits: Limits, *, careful: bool = False
    ) -> None:
        self._file = file
        self._scratch = scratch
        self._work = work
        self._limits = limits
        self._pdf = None if careful else _opened(file)
        self.pages = self._count()
        self.notes = _notes(self._pdf) if self._pdf is not None else ()

    def _count(self) -> int:
        try:
            pages = len(self._pdf.pages) if self._pdf is not None else 0
        except PARSING_ERRORS:
            pages = 0
        if pages == 0:
            pages = poppler.page_count(
                self._file, self._limits.open_cpu_limit_seconds * WALL_SECONDS_PER_CPU_SECOND
            )
            if pages == 0 and self._pdf is None:
                raise rejection("damaged")
            self._pdf = None
        return pages

    def page(self, number: int, careful: bool) -> ParsedPage:
        """Return the page. `careful` renders it without analyzing it first."""
        pdf = None if careful else self._pdf
        drawing, turn, size, text, damaged = None, 0, None, True, False
        user_unit, fields, notes = 1.0, [], []
        if pdf is not None:
            try:
                page = pdf.pages[number - 1]
                visible, turn = visible_box(page), int(inherited(page.obj, "/Rotate", 0)) % 360
                size = (visible[2] - visible[0], visible[3] - visible[1])
                size = size[::-1] if turn % 180 else size
                user_unit = stated_user_unit(page)
                fields = [displayed_rect(rect, visible, turn, 1.0) for rect in field_rects(page)]
                notes = note_texts(page)
                drawing, text = _look(page, visible)
            except PARSING_ERRORS:
                drawing, text = None, True
        if drawing is not None and drawing.sole is not None and not drawing.marks:
            try:
                sheet = self._extract(drawing.sole, turn, paper_scale(size or LETTER[2:], user_unit))
            except IMAGE_ERRORS:
                sheet, damaged = None, True
            if sheet is not None:
                return sheet
        sheet = self._render(
            number,
            size,
            drawing,
            text and (drawing is None or drawing.pictured <= MAX_IMAGE_SHARE_OF_TEXT_PAGE),
            turn,
            user_unit,
            fields,
            notes,
        )
        return replace(sheet, problem=sheet.problem or PARTLY_DAMAGED) if damaged else sheet

    def _extract(self, placed: PlacedImage, turn: int, scale: float) -> ParsedPage | None:
        """Extract the page's only image; None if the page must be rendered after all.

        Args:
            placed: The image.
            turn: Degrees clockwise by which the page is displayed rotated.
            scale: Points of paper per unit of the page.

        Raises IMAGE_ERRORS if the image data are truncated.
        """
        width, height = placed.pixels
        if not placed.upright or width * height > self._limits.max_render_pixels or turn % 90:
            return None
        try:
            image = extract_image(placed)
        except IMAGE_ERRORS:
            raise
        except PARSING_ERRORS:
            return None
        if image is None:
            return None
        across, down = (dots / scale for dots in placed.dpi)
        oblong = max(across, down) / min(across, down) > 1.1
        if isinstance(image, bytes) and not turn and not oblong:
            return ParsedPage(
                image=self._scratch.put(image), dpi=round((across * down) ** 0.5, 2), image_source="extracted"
            )
        picture: Image.Image = Image.open(io.BytesIO(image)) if isinstance(image, bytes) else image
        if picture.mode not in ("1", "L", "RGB"):
            picture = picture.convert("RGB")
        fitted, dpi = fit(reduce_mode(picture), (across, down), self._limits.max_render_pixels)
        turned = fitted.transpose(ROTATIONS[turn]) if turn else fitted
        return ParsedPage(image=self._scratch.put(encode(turned)), dpi=dpi, image_source="extracted")

    def _render(
        self,
        number: int,
        size: tuple[float, float] | None,
        drawing: PageContent | None,
        text: bool,
        turn: int,
        user_unit: float,
        fields: list[Rect],
        notes: list[str],
    ) -> ParsedPage:
        """Render the page with poppler, at 300 dpi or at the resolution of the images that it consists of.

        Poppler ignores the size of the page's units, so the resolution that it is given is that of points.
        """
        seconds = self._limits.page_wall
        points = size or poppler.page_size(self._file, number, seconds)
        scale = paper_scale(points, user_unit)
        width, height = points[0] * scale, points[1] * scale
        wanted = _native_dpi(drawing, scale) or RENDER_DPI
        most = 72.0 * (self._limits.max_render_pixels / max(width * height, 1e-6)) ** 0.5
        dpi = round(min(wanted, most), 2)
        point_dpi = round(dpi * scale, 4)
        try:
            picture = poppler.render(self._file, number, point_dpi, self._work, self._limits)
            if picture is None:
                self._scratch.check_free_space()
                return ParsedPage(problem="The page is damaged and cannot be rendered.")
            if is_one_color(picture):
                poppler.render(self._file, number, 20 * scale, self._work, self._limits, strict=True)
            words = poppler.poppler_words(self._file, number, point_dpi, seconds) if text else ()
            words = values_after_labels(words, [scaled(rect, point_dpi / 72) for rect in fields])
            if words and drawing is not None:
                words = words_beside_pictures(words, drawing, turn, point_dpi / 72)
            if notes:
                picture, note_words = append_notes(picture, notes, dpi)
                words = (*words, *note_words) if words else ()
        except poppler.PopplerTimeout:
            return ParsedPage(
                problem=f"{TIMEOUT_PREFIX} {self._limits.page_cpu_limit_seconds:.0f} seconds to render."
            )
        except (poppler.DamagedPage, OSError, ValueError):
            return ParsedPage(problem="The page is damaged: it renders empty or not at all.")
        note = (
            f"The page is {width / 72:.0f} x {height / 72:.0f} inches and is read at {dpi:.0f} dpi."
            if dpi < 0.99 * wanted
            else None
        )
        return ParsedPage(
            image=self._scratch.put(encode(reduce_mode(picture))),
            dpi=dpi,
            words=words,
            image_source="rendered",
            note=note,
        )

    def close(self) -> None:
        """Close the file."""
        if self._pdf is not None:
            self._pdf.close()


def _opened(file: Path) -> pikepdf.Pdf | None:
    """Open the file in qpdf; None if qpdf fails.

    Raises:
        InvalidInput: (encrypted) The file needs a password.
    """
    try:
        return pikepdf.Pdf.open(file, suppress_warnings=True)
    except pikepdf.PasswordError:
        raise rejection("encrypted") from None
    except PARSING_ERRORS:
        return None


def _notes(pdf: pikepdf.Pdf) -> tuple[tuple[str, str], ...]:
    """Return what a person should know about the file: signatures, scripts, XFA forms.

    The original is kept unchanged in any case.
    """
    found = []
    for code, (is_found, detail) in NOTES.items():
        with contextlib.suppress(*PARSING_ERRORS):
            if is_found(pdf.Root):
                found.append((code, detail))
    return tuple(found)


def _is_signed(root: pikepdf.Object) -> bool:
    form = root.get("/AcroForm", pikepdf.Dictionary())
    return bool(int(form.get("/SigFlags", 0)) & 1) or any(
        str(field.get("/FT", "")) == "/Sig" and "/V" in field for field in form.get("/Fields", ())
    )


def _has_scripts(root: pikepdf.Object) -> bool:
    names = root.get("/Names", pikepdf.Dictionary())
    return "/JavaScript" in names or str(_action(root.get("/OpenAction"))) == "/JavaScript"


def _is_xfa_form(root: pikepdf.Object) -> bool:
    return "/XFA" in root.get("/AcroForm", pikepdf.Dictionary())


NOTES: dict[str, tuple[Callable[[pikepdf.Object], bool], str]] = {
    "signed": (
        _is_signed,
        "The PDF has a digital signature. The original is kept unchanged, so the signature stays valid.",
    ),
    "javascript": (_has_scripts, "The PDF contains scripts. They are never run."),
    "xfa_form": (
        _is_xfa_form,
        "The PDF is an XFA form. What a viewer shows may differ from what is read.",
    ),
}


def _action(action: object) -> object:
    return action.get("/S") if isinstance(action, pikepdf.Dictionary) else None


def _look(page: pikepdf.Page, visible: Rect) -> tuple[PageContent | None, bool]:
    """Return (what the page draws, whether it may have text of its own).

    A page without images or with very long content is not analyzed. The text of a page with any invisible
    text is not its own: it is what an earlier program read.
    """
    resources = inherited(page.obj, "/Resources", pikepdf.Dictionary())
    things = resources.get("/XObject") if isinstance(resources, pikepdf.Dictionary) else None
    kinds = (
        {str(thing.get("/Subtype", "")) for thing in things.as_dict().values()}
        if things is not None
        else set()
    )
    text = "/Form" in kinds or (isinstance(resources, pikepdf.Dictionary) and "/Font" in resources)
    if _content_length(page) > MAX_CONTENT_BYTES:
        return None, text
    text = text and not has_invisible_text(page)
    if not kinds and not has_inline_image(page):
        return None, text
    return analyze_content(page, visible), text


def _content_length(page: pikepdf.Page) -> int:
    contents = page.obj.get("/Contents", ())
    streams = contents if isinstance(contents, pikepdf.Array) else [contents]
    return sum(int(stream.get("/Length", 0)) for stream in streams if isinstance(stream, pikepdf.Stream))


def _native_dpi(drawing: PageContent | None, scale: float) -> float | None:
    """Return the resolution of the images that cover the page, if it is worth keeping.

    Args:
        drawing: What the page draws.
        scale: Points of paper per unit of the page.
    """
    if drawing is None or drawing.pictured <= MAX_IMAGE_SHARE_OF_TEXT_PAGE:
        return None
    dpi = max(max(picture.dpi) for picture in drawing.pictures) / scale
    return min(dpi, NATIVE_DPI_RANGE[1]) if dpi >= NATIVE_DPI_RANGE[0] else None
