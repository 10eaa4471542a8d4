"""Reads the bar codes of a page, cheaply: QR, Data Matrix, PDF417, Code 128/39, ITF and Codabar through
zxing-cpp, and the patch codes of separator sheets, which zxing-cpp does not know, from their bars.

A page is looked at small and as it is; then at its striped patches, which codes of one dimension are at any
angle (stripes.py); a page without codes once more, for what a bad fax left. Together that stays under 80 ms
for a page of 300 dpi (bench/segmentation_speed.py); what is read through which flaw, bench/separators.py shows.
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
"""Pixels of the long side, about 100 dpi: noise and fax lines vanish, a code printed large stays."""

TINY_SIDE_PX = 600
"""About 55 dpi: what is left of a sheet's big square code when a fax has torn its lines."""

LINEAR_FORMATS = ("Code128", "Code39", "ITF", "Codabar")
MATRIX_FORMATS = ("QRCode", "DataMatrix", "PDF417")
MIN_TEXT_LENGTHS = {"ITF": 6, "Codabar": 6, "Code39": 4, "Code128": 3}
"""Characters below which a linear code is taken for ruled lines or text misread as bars; ITF and Codabar are
easily invented.
"""


def read_barcodes(gray: NDArray[np.uint8]) -> tuple[Barcode, ...]:
    """The codes on a page, top to bottom.

    `gray`: height x width, 0 black to 255 white, any turn. Boxes are in its pixels. An empty page gives an
    empty tuple."""
    if min(gray.shape) < 64:
        return ()
    small, factor = _shrink(gray, SMALL_SIDE_PX)
    codes = (
        _decode(small, factor, MATRIX_FORMATS, turned=True)
        + _decode(gray, 1.0, LINEAR_FORMATS + MATRIX_FORMATS, turned=False)
        + _decode_candidates(gray)
    )
    codes = codes or _decode(*_repair_fax_lines(small, factor), MATRIX_FORMATS, turned=True)
    found: dict[tuple[str, str], Barcode] = {}
    for code in codes + read_patch_codes(small, factor):
        found.setdefault((code.format, code.text), code)
    return tuple(sorted(found.values(), key=lambda code: (code.box[1], code.box[0])))


def _shrink(gray: NDArray[np.uint8], side: int) -> tuple[NDArray[np.uint8], float]:
    """The page with its long side at most `side` pixels, and the factor that leads back."""
    factor = max(gray.shape) / side
    if factor <= 1.0:
        return gray, 1.0
    size = (round(gray.shape[1] / factor), round(gray.shape[0] / factor))
    return cv2.resize(gray, size, interpolation=cv2.INTER_AREA).astype(np.uint8), factor


def _repair_fax_lines(small: NDArray[np.uint8], factor: float) -> tuple[NDArray[np.uint8], float]:
    """The page at its smallest, lost and streaked lines mended from their neighbors."""
    tiny, further = _shrink(small, TINY_SIDE_PX)
    return cv2.medianBlur(tiny, 3).astype(np.uint8), factor * further


def _decode_candidates(gray: NDArray[np.uint8]) -> list[Barcode]:
    """The codes of one dimension among the page's striped patches, whatever their angle."""
    found: list[Barcode] = []
    for patch in locate_barcodes(gray):
        for flattened in patch:
            codes = _decode(flattened.image, 1.0, LINEAR_FORMATS, turned=False)
            found += [replace(code, box=_bounding_box(flattened.corners)) for code in codes]
            if codes:
                break
    return found


def _decode(
    image: NDArray[np.uint8], scale: float, formats: tuple[str, ...], *, turned: bool
) -> list[Barcode]:
    """What zxing-cpp reads of one picture of the page, in pixels of the page itself."""
    import zxingcpp

    wanted: Any = [getattr(zxingcpp.BarcodeFormat, name) for name in formats]
    codes = zxingcpp.read_barcodes(
        image, formats=wanted, try_rotate=turned, try_downscale=False, try_invert=False
    )
    return [
        Barcode(format=code.format.name, text=code.text, box=_position_box(code.position, scale))
        for code in codes
        if code.valid and len(code.text.strip()) >= MIN_TEXT_LENGTHS.get(code.format.name, 1)
    ]


def _position_box(position: Any, scale: float) -> Box:
    """The upright box around a code's four corners."""
    corners = (position.top_left, position.top_right, position.bottom_left, position.bottom_right)
    return _bounding_box([(corner.x * scale, corner.y * scale) for corner in corners])


def _bounding_box(corners: Sequence[tuple[float, float]]) -> Box:
    xs, ys = [max(0.0, x) for x, _ in corners], [max(0.0, y) for _, y in corners]
    return (int(min(xs)), int(min(ys)), int(max(xs)) + 1, int(max(ys)) + 1)
