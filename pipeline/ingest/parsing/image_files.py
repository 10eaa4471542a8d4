"""Image files as pages: TIFF files with any number of them, all other types with one. Runs in the parser
process.
"""

from __future__ import annotations

import struct
import warnings
from pathlib import Path
from typing import Any

from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import COMPRESSION_INFO, ImageFileDirectory_v2, TiffImageFile

from pipeline.ingest.parsing.file_types import PILLOW_FORMATS
from pipeline.ingest.parsing.image_normalization import (
    HIGH_BIT_DEPTH_MODES,
    TooManyPixels,
    as_displayed,
    check_size,
    encode,
    fit,
    plausible_dpi,
)
from pipeline.ingest.parsing.parser_protocol import Limits, ParsedPage
from pipeline.ingest.parsing.rejections import rejection
from pipeline.store.scratch import Scratch

SUBFILE_TYPE, REDUCED_RESOLUTION_FLAG, MASK_FLAG = 254, 1, 4
COMPRESSION, PHOTOMETRIC, MASK_PHOTOMETRIC, WHITE_IS_ZERO = 259, 262, 4, 0
ORIENTATION, FIRST_TURNED_ORIENTATION = 274, 5
COMPRESSION_NAMES = {
    34661: "JBIG", 34676: "SGILog", 34677: "SGILog24", 34712: "JPEG 2000", 34887: "LERC", 34892: "DNG JPEG",
    34933: "PNG", 34934: "JPEG XR", 50002: "JPEG XL", 52546: "JPEG XL", 32766: "NeXT", 32895: "Kodak DCS",
}  # fmt: skip
FAX_WIDTHS = (1728, 2048, 2432)
"""Pixels of a fax line: letter and A4, B4, A3 (ITU-T T.4)."""
FAX_LINES_PER_INCH = (98.0, 196.0, 391.0)
FAX_DOTS_PER_INCH = 204.0
FAX_PAGE_LENGTH_INCHES = 11.0
FAX_DOTS_RANGE = (190.0, 210.0)
MILLIMETERS_PER_INCH = 25.4
ARITHMETIC_JPEG_MARKERS = (0xC9, 0xCA)
"""Start of frame of a sequential and of a progressive JPEG with arithmetic coding (ITU-T T.81, table B.1)."""
DECODING_ERRORS = (
    OSError,
    ValueError,
    SyntaxError,
    TypeError,
    KeyError,
    IndexError,
    ZeroDivisionError,
    EOFError,
    struct.error,
    AttributeError,
)
"""What Pillow raises for damaged images, the most frequent first."""

Image.MAX_IMAGE_PIXELS = None  # check_size does it, before anything is decoded
warnings.simplefilter("ignore")


class RasterFile:
    """An opened image file."""

    def __init__(self, file: Path, media_type: str, scratch: Scratch, limits: Limits) -> None:
        self._file = file
        self._scratch = scratch
        self._limits = limits
        self._formats = [PILLOW_FORMATS[media_type]]
        self._jpeg = media_type == "image/jpeg"
        try:
            self._picture = Image.open(file, formats=self._formats)
            self._frames = self._find_frames() if media_type == "image/tiff" else [0]
        except (UnidentifiedImageError, *DECODING_ERRORS) as error:
            if compression := unsupported_compression(file):
                raise rejection("unknown_kind", f"TIFF compression {compression} is not supported") from None
            raise rejection("damaged", type(error).__name__) from None
        self.pages = len(self._frames)
        self.notes: tuple[tuple[str, str], ...] = ()

    def _find_frames(self) -> list[int]:
        """Return the TIFF directories that are pages, without reduced copies and transparency masks."""
        frames = []
        for frame in range(self._limits.max_pages + 1):
            try:
                self._picture.seek(frame)
            except EOFError:
                break
            except DECODING_ERRORS:
                if is_mask(self._picture):
                    continue
                frames.append(frame)  # it exists and cannot be read: a page for review
                break
            assert isinstance(self._picture, TiffImageFile)
            tags = self._picture.tag_v2
            is_copy = int(tags.get(SUBFILE_TYPE, 0)) & REDUCED_RESOLUTION_FLAG
            if not is_copy and not is_mask(self._picture):
                frames.append(frame)
        return frames or [0]

    def page(self, number: int, careful: bool) -> ParsedPage:  # noqa: ARG002 - images have no careful way
        """Return the page's pixels, or a page with a problem if they cannot be decoded."""
        try:
            picture = self._picture
            picture.seek(self._frames[number - 1])
            dpi = plausible_dpi(self._dpi(), picture.size)
            if self._jpeg and picture.format == "JPEG":
                return self._jpeg_page(picture, dpi)
            check_size(picture, self._limits.max_pixels)
            return self._sheet(picture, dpi)
        except TooManyPixels as error:
            return ParsedPage(problem=f"The page is too large to be opened ({error}).")
        except DECODING_ERRORS as error:
            return self._partial_page(number, error)
        finally:
            if self.pages == 1:
                self._free_pixels()

    def _free_pixels(self) -> None:
        """Free the decoded pixels, which Pillow would keep while the page is read."""
        self._picture.close()
        self._picture = Image.open(self._file, formats=self._formats)

    def _jpeg_page(self, picture: Image.Image, dpi: tuple[float, float] | None) -> ParsedPage:
        """Return a JPEG's own bytes, unless it has to be rotated, reduced or converted to RGB."""
        width, height = picture.size
        if width * height > self._limits.max_render_pixels:
            picture.draft(None, size_with_pixels(picture.size, self._limits.max_render_pixels))
            if dpi:
                dpi = dpi[0] * picture.width / width, dpi[1] * picture.height / height
        check_size(picture, self._limits.max_pixels)
        turned = picture.getexif().get(ORIENTATION, 1) != 1
        oblong = dpi is not None and max(dpi) / min(dpi) > 1.1
        if turned or oblong or picture.size != (width, height) or picture.mode not in ("L", "RGB"):
            return self._sheet(picture, dpi)
        picture.load()
        return ParsedPage(
            image=self._scratch.put(self._file.read_bytes()),
            dpi=round(max(dpi), 2) if dpi else None,
            image_source="kept",
        )

    def _sheet(self, picture: Image.Image, dpi: tuple[float, float] | None) -> ParsedPage:
        across = picture.size
        is_inverted = has_inverted_samples(picture)
        picture.load()
        seen = as_displayed(picture)
        if is_inverted:
            seen = ImageOps.invert(seen)
        if dpi and seen.size != across and seen.size == across[::-1]:
            dpi = dpi[1], dpi[0]
        fitted, dots = fit(seen, dpi, self._limits.max_render_pixels)
        note = (
            f"The page has {across[0]} x {across[1]} pixels and was reduced before it was read."
            if shrunk(seen, fitted)
            else None
        )
        return ParsedPage(image=self._scratch.put(encode(fitted)), dpi=dots, image_source="kept", note=note)

    def _dpi(self) -> tuple[float, float] | None:
        """Return the stated dots per inch of the displayed page; of a fax if only that can be meant."""
        info = self._picture.info
        dpi: Any = info.get("dpi") or info.get("resolution")
        try:
            across, down = float(dpi[0]), float(dpi[1])
        except (TypeError, ValueError, IndexError, ZeroDivisionError):
            across = down = 0.0
        if isinstance(self._picture, TiffImageFile):
            # Pillow states the size of a TIFF page as it is displayed, and its resolution as it is stored.
            if int(self._picture.tag_v2.get(ORIENTATION, 1)) >= FIRST_TURNED_ORIENTATION:
                across, down = down, across
            return tiff_dpi((across, down), self._picture.size, self._picture.mode == "1")
        return (across, down) if across > 0 and down > 0 else None

    def _partial_page(self, number: int, error: Exception) -> ParsedPage:
        """Return what can be decoded of a truncated image, with the problem; or only the problem."""
        arithmetic = decode_arithmetic_jpeg(self._file.read_bytes()) if self._jpeg else None
        if arithmetic is not None:
            arithmetic.getexif()[ORIENTATION] = self._picture.getexif().get(ORIENTATION, 1)
            return self._sheet(arithmetic, plausible_dpi(self._dpi(), arithmetic.size))
        problem = f"The image is damaged ({type(error).__name__}); part of it is missing."
        ImageFile.LOAD_TRUNCATED_IMAGES = True
        try:
            with Image.open(self._file, formats=self._formats) as picture:
                picture.seek(self._frames[number - 1])
                check_size(picture, self._limits.max_pixels)
                sheet = self._sheet(picture, plausible_dpi(self._dpi(), picture.size))
                return ParsedPage(
                    image=sheet.image, dpi=sheet.dpi, image_source=sheet.image_source, problem=problem
                )
        except (TooManyPixels, UnidentifiedImageError, *DECODING_ERRORS):
            return ParsedPage(problem=f"The image is damaged and cannot be opened ({type(error).__name__}).")
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = False

    def close(self) -> None:
        """Close the file."""
        self._picture.close()


def tiff_dpi(
    stated: tuple[float, float], size: tuple[int, int], is_bilevel: bool
) -> tuple[float, float] | None:
    """Return the dots per inch of a TIFF page, whose unit may be missing or wrong.

    Args:
        stated: The stated resolution (horizontal, vertical) in an unknown unit; 0 if missing.
        size: Width and height in pixels.
        is_bilevel: Whether it is black and white, as a fax is.
    """
    across, down = stated
    is_stated = across > 0 and down > 0
    if is_stated and plausible_dpi(stated, size) and not (is_bilevel and size[0] in FAX_WIDTHS):
        return stated
    for factor in (1.0, MILLIMETERS_PER_INCH, MILLIMETERS_PER_INCH / 10):
        dpi = across * factor, down * factor
        if is_stated and FAX_DOTS_RANGE[0] <= dpi[0] <= FAX_DOTS_RANGE[1] and plausible_dpi(dpi, size):
            return dpi
    if is_bilevel and size[0] in FAX_WIDTHS and not (is_stated and across == down and across >= 150):
        wanted = size[1] / FAX_PAGE_LENGTH_INCHES
        lines = min(FAX_LINES_PER_INCH, key=lambda value: abs(value / wanted - 1))
        return FAX_DOTS_PER_INCH, lines
    metric = across * MILLIMETERS_PER_INCH, down * MILLIMETERS_PER_INCH
    if is_stated and not plausible_dpi(stated, size) and plausible_dpi(metric, size):
        return metric
    return stated if is_stated else None


def is_mask(picture: Image.Image) -> bool:
    """Return whether the current TIFF directory is a transparency mask of another one."""
    assert isinstance(picture, TiffImageFile)
    tags = picture.tag_v2
    return bool(int(tags.get(SUBFILE_TYPE, 0)) & MASK_FLAG) or tags.get(PHOTOMETRIC) == MASK_PHOTOMETRIC


def has_inverted_samples(picture: Image.Image) -> bool:
    """Return whether 0 is white in samples of more than 8 bits, which Pillow does not invert."""
    return (
        isinstance(picture, TiffImageFile)
        and picture.mode in HIGH_BIT_DEPTH_MODES
        and picture.tag_v2.get(PHOTOMETRIC) == WHITE_IS_ZERO
    )


def unsupported_compression(file: Path) -> str:
    """Return the name of the compression of a TIFF file that Pillow cannot decode; empty if it can."""
    with file.open("rb") as stream:
        header = stream.read(8)
        if header[:4] not in (b"II*\0", b"MM\0*"):
            return ""
        directory = ImageFileDirectory_v2(header)
        try:
            stream.seek(directory.next)
            directory.load(stream)
            compression = int(directory.get(COMPRESSION, 1))
        except DECODING_ERRORS:
            return ""
    return "" if compression in COMPRESSION_INFO else COMPRESSION_NAMES.get(compression, str(compression))


def decode_arithmetic_jpeg(data: bytes) -> Image.Image | None:
    """Decode a JPEG with arithmetic coding, which Pillow's decoder lacks; None if it is not one."""
    start = next(
        (
            n
            for n in range(len(data) - 1)
            if data[n] == 0xFF and data[n + 1] in range(0xC0, 0xCB) and data[n + 1] not in (0xC4, 0xC8)
        ),
        None,
    )
    if start is None or data[start + 1] not in ARITHMETIC_JPEG_MARKERS:
        return None
    import cv2
    import numpy as np

    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_ANYCOLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None:
        return None
    return Image.fromarray(pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))


def size_with_pixels(size: tuple[int, int], pixels: int) -> tuple[int, int]:
    """Return the size with the same aspect ratio and about that many pixels."""
    scale = (pixels / (size[0] * size[1])) ** 0.5
    return max(1, int(size[0] * scale)), max(1, int(size[1] * scale))


def shrunk(before: Image.Image, after: Image.Image) -> bool:
    """Was it made smaller?"""
    return after.width * after.height < before.width * before.height
