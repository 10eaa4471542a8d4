"""Image files as pages: TIFF files with any number of them, all other types with one. Runs in the parser
process.
"""

from __future__ import annotations

import struct
import warnings
from pathlib import Path
from typing import Any

from PIL import Image, ImageFile, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from pipeline.ingest.parsing.file_types import PILLOW_FORMATS
from pipeline.ingest.parsing.image_normalization import (
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

SUBFILE_TYPE, REDUCED_RESOLUTION_FLAG = 254, 1
ORIENTATION = 274
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
            raise rejection("damaged", type(error).__name__) from None
        self.pages = len(self._frames)
        self.notes: tuple[tuple[str, str], ...] = ()

    def _find_frames(self) -> list[int]:
        """Return the TIFF directories that are pages, without the reduced copies that some programs add."""
        frames = []
        for frame in range(self._limits.max_pages + 1):
            try:
                self._picture.seek(frame)
            except EOFError:
                break
            except DECODING_ERRORS:
                frames.append(frame)  # it exists and cannot be read: a page for review
                break
            assert isinstance(self._picture, TiffImageFile)
            tags = self._picture.tag_v2
            if not int(tags.get(SUBFILE_TYPE, 0)) & REDUCED_RESOLUTION_FLAG:
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
        picture.load()
        seen = as_displayed(picture)
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
        dpi: Any = self._picture.info.get("dpi")
        try:
            across, down = float(dpi[0]), float(dpi[1])
        except (TypeError, ValueError, IndexError, ZeroDivisionError):
            return None
        return (across, down) if across > 0 and down > 0 else None

    def _partial_page(self, number: int, error: Exception) -> ParsedPage:
        """Return what can be decoded of a truncated image, with the problem; or only the problem."""
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


def size_with_pixels(size: tuple[int, int], pixels: int) -> tuple[int, int]:
    """Return the size with the same aspect ratio and about that many pixels."""
    scale = (pixels / (size[0] * size[1])) ** 0.5
    return max(1, int(size[0] * scale)), max(1, int(size[1] * scale))


def shrunk(before: Image.Image, after: Image.Image) -> bool:
    """Was it made smaller?"""
    return after.width * after.height < before.width * before.height
