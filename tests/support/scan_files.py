"""Helpers for tests of opening scans: draw pages, save them as images and PDFs, modify and compare them."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import img2pdf
import pikepdf
import pytest
from PIL import Image, ImageChops, ImageDraw, ImageStat

from pipeline.errors import InvalidInput
from pipeline.records import Page
from pipeline.store.scratch import Scratch

SHA = "0" * 64
PAGE_SIZE_PX = (1240, 1748)  # at 150 dpi... of A4, so that files stay small
Opens = Callable[..., list[Page]]


def draw_page(size: tuple[int, int] = PAGE_SIZE_PX, mode: str = "L") -> Image.Image:
    """Return a page with a black mark at its top left, so that it differs when rotated or mirrored."""
    picture = Image.new(mode, size, "white" if mode != "1" else 1)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((50, 50, 400, 120), fill=0)
    draw.rectangle((50, 200, 100, 1000), fill=0)
    return picture


def image_of(scratch: Scratch, page: Page) -> Image.Image:
    assert page.image is not None, page.problem
    return Image.open(scratch.path(page.image))


def is_same_image(left: Image.Image, right: Image.Image) -> bool:
    return (
        left.size == right.size
        and ImageChops.difference(left.convert("L"), right.convert("L")).getbbox() is None
    )


def is_similar_image(left: Image.Image, right: Image.Image) -> bool:
    return (
        left.size == right.size
        and ImageStat.Stat(ImageChops.difference(left.convert("L"), right.convert("L"))).mean[0] < 3
    )


def jpeg(picture: Image.Image, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=85, **options)
    return out.getvalue()


def saved(folder: Path, picture: Image.Image, name: str, **options: Any) -> Path:
    picture.save(folder / name, **options)
    return folder / name


def pdf_of(file: Path, *pictures: bytes) -> Path:
    layout = img2pdf.get_fixed_dpi_layout_fun((150, 150))
    file.write_bytes(img2pdf.convert(*pictures, layout_fun=layout))
    return file


def edited(file: Path, change: Callable[[pikepdf.Pdf], object], **options: Any) -> Path:
    with pikepdf.open(file, allow_overwriting_input=True) as pdf:
        change(pdf)
        pdf.save(file, **options)
    return file


def appended(pdf: pikepdf.Pdf, content: bytes) -> None:
    """Append drawing instructions to the first page, and give it a font."""
    page = pdf.pages[0]
    page.Resources.Font = pikepdf.Dictionary(
        F=pikepdf.Dictionary(
            Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica
        )
    )
    page.contents_add(pdf.make_stream(content))


def rejection_code(file: Path, opens: Opens, **changed: object) -> str:
    with pytest.raises(InvalidInput) as error:
        opens(file, **changed)
    assert error.value.remedy
    return error.value.code
