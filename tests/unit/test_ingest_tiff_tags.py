"""TIFF pages of faxes, negatives and masks open as they are seen; unsupported compressions are named."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from pipeline.errors import InvalidInput
from pipeline.ingest.parsing.image_files import decode_arithmetic_jpeg, tiff_dpi
from pipeline.store.scratch import Scratch
from tests.support.scan_files import Opens, draw_page, image_of, jpeg

FAX = (1728, 1078)


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ((204.0, 98.0), (204, 98)),
        ((8.03, 3.85), (204, 98)),
        ((80.3, 38.5), (204, 98)),
        ((0.0, 0.0), (204, 98)),
        ((1.0, 1.0), (204, 98)),
        ((200.0, 200.0), (200, 200)),
    ],
)
def test_the_resolution_of_a_fax_is_recognized_in_any_unit(
    stated: tuple[float, float], expected: tuple[float, float]
) -> None:
    assert tiff_dpi(stated, FAX, is_bilevel=True) == pytest.approx(expected, abs=0.5)


def test_the_resolution_of_other_pages_is_as_stated() -> None:
    assert tiff_dpi((150.0, 150.0), (1275, 1650), is_bilevel=False) == (150, 150)
    assert tiff_dpi((300.0, 300.0), (2550, 3300), is_bilevel=True) == (300, 300)
    assert tiff_dpi((0.0, 0.0), (1275, 1650), is_bilevel=False) is None


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_fax_is_not_squashed_in_any_orientation(
    orientation: int, tmp_path: Path, scratch: Scratch, opens: Opens
) -> None:
    turn = {
        1: None,
        3: Image.Transpose.ROTATE_180,
        6: Image.Transpose.ROTATE_90,
        8: Image.Transpose.ROTATE_270,
    }
    page = draw_page(FAX, mode="1")
    transpose = turn[orientation]
    stored = page if transpose is None else page.transpose(transpose)
    dpi = (204, 98) if orientation < 5 else (98, 204)
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[274] = orientation
    stored.save(tmp_path / "a.tif", compression="group4", dpi=dpi, tiffinfo=tags)
    (opened,) = opens(tmp_path / "a.tif")
    image = image_of(scratch, opened)
    assert image.size == (1728, 2244)
    assert opened.dpi == pytest.approx(204)
    assert image.convert("L").getpixel((200, 200)) == 0


def tiff(pixels: bytes, tags: dict[int, tuple[int, int]]) -> bytes:
    """Return a little-endian TIFF with one strip and the given tags (type, value)."""
    start = 8 + 2 + 12 * (len(tags) + 2) + 4
    entries = {**tags, 273: (4, start), 279: (4, len(pixels))}
    directory = b"".join(
        struct.pack("<HHII", tag, kind, 1, value) for tag, (kind, value) in sorted(entries.items())
    )
    return struct.pack("<2sHIH", b"II", 42, 8, len(entries)) + directory + struct.pack("<I", 0) + pixels


def gray_tags(bits: int, compression: int = 1, photometric: int = 0) -> dict[int, tuple[int, int]]:
    return {
        256: (4, 400),
        257: (4, 300),
        258: (3, bits),
        259: (3, compression),
        262: (3, photometric),
        277: (3, 1),
    }


def test_white_is_zero_in_sixteen_bits(tmp_path: Path, scratch: Scratch, opens: Opens) -> None:
    samples = np.zeros((300, 400), "<u2")
    samples[100:150, 100:200] = 65535
    (tmp_path / "a.tif").write_bytes(tiff(samples.tobytes(), gray_tags(16)))
    (page,) = opens(tmp_path / "a.tif")
    image = image_of(scratch, page).convert("L")
    assert (image.getpixel((5, 5)), image.getpixel((150, 120))) == (255, 0)


def test_an_unsupported_compression_is_named(tmp_path: Path, opens: Opens) -> None:
    (tmp_path / "a.tif").write_bytes(tiff(b"Lerc2 ", gray_tags(8, compression=34887, photometric=1)))
    with pytest.raises(InvalidInput, match="TIFF compression LERC is not supported") as error:
        opens(tmp_path / "a.tif")
    assert error.value.code == "unknown_kind"


def test_a_transparency_mask_is_not_a_page(tmp_path: Path, opens: Opens) -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[254] = 4
    page, mask = draw_page(), Image.new("1", draw_page().size)
    mask.encoderinfo = {"tiffinfo": tags}
    page.save(tmp_path / "a.tif", save_all=True, append_images=[mask])
    assert len(opens(tmp_path / "a.tif")) == 1


def test_an_ordinary_jpeg_is_not_taken_for_an_arithmetic_one() -> None:
    assert decode_arithmetic_jpeg(jpeg(draw_page())) is None


def test_a_jpeg_with_arithmetic_coding_opens_whole(tmp_path: Path, scratch: Scratch, opens: Opens) -> None:
    coded = arithmetic_jpeg()
    (tmp_path / "a.jpg").write_bytes(coded)
    (page,) = opens(tmp_path / "a.jpg")
    assert page.problem is None
    decoded = cv2.imdecode(np.frombuffer(coded, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert decoded is not None
    assert np.array_equal(np.asarray(image_of(scratch, page).convert("L")), decoded)


def arithmetic_jpeg() -> bytes:
    """Return a gray JPEG of one flat block in sequential arithmetic coding (SOF9)."""
    out = io.BytesIO()
    Image.new("L", (8, 8), 128).save(out, "JPEG", quality=85)
    data = out.getvalue()
    quantization = data[data.index(b"\xff\xdb") : data.index(b"\xff\xc0")]
    frame = b"\xff\xc9" + struct.pack(">HBHHB", 11, 8, 8, 8, 1) + b"\x01\x11\x00"
    scan = b"\xff\xda" + struct.pack(">HB", 8, 1) + b"\x01\x00\x00\x3f\x00"
    return b"\xff\xd8" + quantization + frame + scan + b"\x00\x00\xff\xd9"
