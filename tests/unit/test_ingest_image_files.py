"""Image files open as their pages, as displayed, for all compressions, bit depths and color modes."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from PIL import Image

from pipeline.config import IntakeSettings
from pipeline.ingest.parsing import parser_client
from pipeline.ingest.parsing.open_scan import open_scan
from pipeline.store.scratch import Scratch
from tests.support.scan_files import (
    PAGE_SIZE_PX,
    SHA,
    Opens,
    draw_page,
    image_of,
    is_same_image,
    is_similar_image,
    jpeg,
    saved,
)


def test_a_large_image_is_not_kept_in_memory_while_its_page_is_read(
    tmp_path: Path, scratch: Scratch, limits: IntakeSettings
) -> None:
    Image.new("RGB", (3800, 3800), (200, 40, 40)).save(tmp_path / "a.png")  # 55 MB decoded
    parser_client.close_idle()
    pages = open_scan(tmp_path / "a.png", SHA, scratch, limits)
    assert next(pages).image is not None
    (child,) = (
        child
        for child in psutil.Process().children()
        if "pipeline.ingest.parsing.parser_process" in child.cmdline()
    )
    assert child.memory_info().rss < 50_000_000
    assert list(pages) == []


def test_every_page_of_a_tiff_is_opened_in_each_compression(
    tmp_path: Path, scratch: Scratch, opens: Opens
) -> None:
    first, *rest = [draw_page(mode="1"), draw_page((800, 1100), "1")]
    file = saved(
        tmp_path,
        first,
        "a.dat",
        format="TIFF",
        save_all=True,
        append_images=rest,
        compression="group4",
        dpi=(200, 200),
    )
    pages = opens(file)
    assert [page.dpi for page in pages] == [200, 200]
    assert all(
        is_same_image(image_of(scratch, page), picture)
        for page, picture in zip(pages, [first, *rest], strict=True)
    )


@pytest.mark.parametrize("compression", ["jpeg", "tiff_lzw", "tiff_adobe_deflate", "packbits", "raw"])
def test_a_color_tiff_is_read_in_each_compression(
    compression: str, tmp_path: Path, scratch: Scratch, opens: Opens
) -> None:
    picture = draw_page(mode="RGB")
    picture.paste((200, 10, 10), (500, 500, 600, 600))
    (page,) = opens(saved(tmp_path, picture, "a.tif", compression=compression))
    assert is_similar_image(image_of(scratch, page), picture)


def test_a_standard_fax_gets_square_pixels(tmp_path: Path, scratch: Scratch, opens: Opens) -> None:
    (page,) = opens(
        saved(tmp_path, draw_page((1728, 1078), "1"), "a.tif", compression="group4", dpi=(204, 98))
    )
    width, height = image_of(scratch, page).size
    assert (width, height) == (1728, pytest.approx(1078 * 204 / 98, abs=2))
    assert page.dpi == 204


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_rotated_as_it_is_displayed(
    orientation: int, tmp_path: Path, scratch: Scratch, opens: Opens
) -> None:
    from PIL import ImageOps

    exif = Image.Exif()
    exif[274] = orientation
    file = tmp_path / "a.jpg"
    file.write_bytes(jpeg(draw_page((600, 1100)), exif=exif.tobytes()))
    (page,) = opens(file)
    assert is_similar_image(image_of(scratch, page), ImageOps.exif_transpose(Image.open(file)))
    assert image_of(scratch, page).getexif().get(274, 1) == 1


def test_sixteen_bits_palettes_transparency_and_cmyk_become_what_is_displayed(
    tmp_path: Path, scratch: Scratch, opens: Opens
) -> None:
    wide = Image.new("I;16", (100, 100), 65535)
    wide.paste(0, (10, 10, 30, 30))
    clear = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    clear.paste((0, 0, 0, 255), (10, 10, 30, 30))
    palette = draw_page((100, 130)).convert("P")
    cmyk = Image.new("CMYK", (100, 100), (0, 0, 0, 0))
    cmyk.paste((0, 0, 0, 255), (10, 10, 30, 30))
    for name, picture in (
        ("w.tif", wide),
        ("c.png", clear),
        ("p.gif", palette),
        ("k.tif", cmyk),
        ("k.jpg", cmyk),
    ):
        (page,) = opens(saved(tmp_path, picture, name))
        displayed = image_of(scratch, page).convert("L")
        assert displayed.getpixel((5, 5)) >= 250, name  # type: ignore[operator]
        assert name == "p.gif" or displayed.getpixel((20, 20)) <= 5, name  # type: ignore[operator]


def test_a_jpeg_2000_and_a_webp_are_opened(tmp_path: Path, scratch: Scratch, opens: Opens) -> None:
    for name in ("a.jp2", "a.webp", "a.bmp", "a.ppm"):
        (page,) = opens(saved(tmp_path, draw_page((300, 400)), name))
        assert is_similar_image(image_of(scratch, page), draw_page((300, 400))), name


def test_a_truncated_image_is_shown_as_far_as_possible_with_a_note(
    tmp_path: Path, scratch: Scratch, opens: Opens
) -> None:
    data = jpeg(draw_page())
    (tmp_path / "a.jpg").write_bytes(data[: len(data) * 2 // 3])
    (page,) = opens(tmp_path / "a.jpg")
    assert page.problem is not None
    assert image_of(scratch, page).size == PAGE_SIZE_PX
