"""Read the barcodes of a page at low cost: QR, Data Matrix, PDF417, Code 128/39, ITF and Codabar with
zxing-cpp, and patch codes of separator sheets, which zxing-cpp does not support, from their bars.

A page is decoded at a small size and at full size; then its striped regions, which are linear barcodes at any
angle (locate.py); a page without codes once more, for what a bad fax left. Together this takes less than 80
ms for a page of 300 dpi (bench/segmentation_speed.py). bench/separator_sheets.py shows which code is readable
through which damage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.ocr.barcodes.locate import locate_barcodes
from pipeline.ocr.barcodes.patch_codes import read_patch_codes
from pipeline.records import Barcode, Box

SMALL_SIDE_PX = 1100
"""Long side, about 100 dpi: noise and fax lines vanish, a code printed large stays."""

TINY_SIDE_PX = 600
"""Long side, about 55 dpi: what is left of a sheet's large matrix code after a fax has torn its lines."""

LINEAR_FORMATS = ("Code128", "Code39", "ITF", "Codabar")
MATRIX_FORMATS = ("QRCode", "DataMatrix", "PDF417")
MIN_TEXT_LENGTHS = {"ITF": 6, "Codabar": 6, "Code39": 4, "Code128": 3}
"""Linear codes with fewer characters are ruled lines or text misread as bars; ITF and Codabar are easily
misread.
"""


def read_barcodes(gray: NDArray[np.uint8]) -> tuple[Barcode, ...]:
    """Return the codes on a page, top to bottom.

    Args:
        gray: Shape (height, width), at any angle.

    Returns:
        The codes, with boxes in pixels of `gray`.
    """
    if min(gray.shape) < 64:
        return ()
    small, factor = _shrink(gray, SMALL_SIDE_PX)
    codes = (
        _decode(small, factor, MATRIX_FORMATS, try_rotate=True)
        + _decode(gray, 1.0, LINEAR_FORMATS + MATRIX_FORMATS, try_rotate=False)
        + _decode_candidates(gray)
    )
    codes = codes or _decode(*_repair_fax_lines(small, factor), MATRIX_FORMATS, try_rotate=True)
    unique: dict[tuple[str, str], Barcode] = {}
    for code in codes + read_patch_codes(small, factor):
        unique.setdefault((code.format, code.text), code)
    return tuple(sorted(unique.values(), key=lambda code: (code.box[1], code.box[0])))


def _shrink(gray: NDArray[np.uint8], side: int) -> tuple[NDArray[np.uint8], float]:
    """Return the page with its long side at most `side` pixels, and the factor back to the original size."""
    factor = max(gray.shape) / side
    if factor <= 1.0:
        return gray, 1.0
    size = (round(gray.shape[1] / factor), round(gray.shape[0] / factor))
    return cv2.resize(gray, size, interpolation=cv2.INTER_AREA).astype(np.uint8), factor


def _repair_fax_lines(small: NDArray[np.uint8], factor: float) -> tuple[NDArray[np.uint8], float]:
    """Return the page at its smallest, with lost and streaked lines repaired from their neighbors."""
    tiny, further = _shrink(small, TINY_SIDE_PX)
    return cv2.medianBlur(tiny, 3).astype(np.uint8), factor * further


def _decode_candidates(gray: NDArray[np.uint8]) -> list[Barcode]:
    """Return the linear codes among the page's striped regions, at any angle."""
    result: list[Barcode] = []
    for candidate in locate_barcodes(gray):
        for rectified in candidate:
            codes = _decode(rectified.image, 1.0, LINEAR_FORMATS, try_rotate=False)
            result += [replace(code, box=_bounding_box(rectified.corners)) for code in codes]
            if codes:
                break
    return result


def _decode(
    image: NDArray[np.uint8], scale: float, formats: tuple[str, ...], *, try_rotate: bool
) -> list[Barcode]:
    """Decode an image with zxing-cpp; boxes are multiplied by `scale`."""
    import zxingcpp

    zxing_formats: Any = [getattr(zxingcpp.BarcodeFormat, name) for name in formats]
    codes = zxingcpp.read_barcodes(
        image, formats=zxing_formats, try_rotate=try_rotate, try_downscale=False, try_invert=False
    )
    return [
        Barcode(format=code.format.name, text=code.text, box=_position_box(code.position, scale))
        for code in codes
        if code.valid and len(code.text.strip()) >= MIN_TEXT_LENGTHS.get(code.format.name, 1)
    ]


def _position_box(position: Any, scale: float) -> Box:
    """Return the upright box around a code's four corners."""
    corners = (position.top_left, position.top_right, position.bottom_left, position.bottom_right)
    return _bounding_box([(corner.x * scale, corner.y * scale) for corner in corners])


def _bounding_box(corners: Sequence[tuple[float, float]]) -> Box:
    xs, ys = [max(0.0, x) for x, _ in corners], [max(0.0, y) for _, y in corners]
    return (int(min(xs)), int(min(ys)), int(max(xs)) + 1, int(max(ys)) + 1)
