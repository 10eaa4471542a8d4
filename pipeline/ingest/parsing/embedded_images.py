"""Extract an image from a PDF without loss: a JPEG's own bytes; fax (G4) and uncompressed samples as PNG.

For any other case the result is None, and the page is rendered at the image's own resolution instead. Runs in
the parser process.
"""

from __future__ import annotations

import io
import struct

import pikepdf
from PIL import Image

from pipeline.ingest.parsing.pdf_content import PlacedImage

GRAY_COLOR_SPACES, RGB_COLOR_SPACES = ("/DeviceGray", "/CalGray"), ("/DeviceRGB", "/CalRGB")
EXIF_ORIENTATION = 274
SAMPLE_FILTERS = frozenset(
    ("/FlateDecode", "/LZWDecode", "/RunLengthDecode", "/ASCII85Decode", "/ASCIIHexDecode")
)


def extract_image(placed: PlacedImage) -> bytes | Image.Image | None:
    """Return a JPEG's bytes, or the decoded image; None if it is not one of the simple cases.

    Raises what Pillow or pikepdf raise for a damaged image.
    """
    image = placed.image
    filters = _filters(image)
    if filters == ["/DCTDecode"]:
        return _jpeg(placed)
    if filters == ["/CCITTFaxDecode"]:
        return _fax(placed)
    if set(filters) <= SAMPLE_FILTERS:
        return _samples(placed)
    return None


def _filters(image: pikepdf.Object) -> list[str]:
    filters = image.get("/Filter")
    if filters is None:
        return []
    return [str(name) for name in filters] if isinstance(filters, pikepdf.Array) else [str(filters)]


def _parameters(image: pikepdf.Object) -> pikepdf.Object:
    parameters = image.get("/DecodeParms", pikepdf.Dictionary())
    return parameters[0] if isinstance(parameters, pikepdf.Array) else parameters


def channel_count(image: pikepdf.Object) -> int | None:
    """Return 1 for gray, 3 for RGB, None for any other color space."""
    space = image.get("/ColorSpace")
    if isinstance(space, pikepdf.Array) and len(space) == 2 and str(space[0]) == "/ICCBased":
        count = int(space[1].get("/N", 0))
        return count if count in (1, 3) else None
    name = str(space[0]) if isinstance(space, pikepdf.Array) and len(space) else str(space)
    return 1 if name in GRAY_COLOR_SPACES else 3 if name in RGB_COLOR_SPACES else None


def is_inverted(image: pikepdf.Object) -> bool | None:
    """Return whether /Decode inverts the image; None if it does something else."""
    decode = [float(value) for value in image.get("/Decode", ())]
    low, high = decode[::2], decode[1::2]
    if not any(low) and all(value == 1 for value in high):
        return False
    return True if all(value == 1 for value in low) and not any(high) else None


def _jpeg(placed: PlacedImage) -> bytes | None:
    image = placed.image
    if is_inverted(image) is not False or "/ColorTransform" in _parameters(image):
        return None
    data = bytes(image.read_raw_bytes())
    with Image.open(io.BytesIO(data), formats=["JPEG"]) as picture:
        bands = {"L": 1, "RGB": 3}.get(picture.mode)
        # A PDF reader ignores the EXIF orientation, other programs do not.
        is_rotated = picture.getexif().get(EXIF_ORIENTATION, 1) != 1
        if bands is None or bands != channel_count(image) or picture.size != placed.pixels or is_rotated:
            return None
        picture.load()
    return data


def _fax(placed: PlacedImage) -> Image.Image | None:
    """Decode Group 4 data, wrapped as a TIFF so that libtiff decodes it."""
    image, parameters = placed.image, _parameters(placed.image)
    width, height = placed.pixels
    stencil = bool(image.get("/ImageMask", False))
    flip = is_inverted(image)
    is_group_4 = int(parameters.get("/K", 0)) < 0 and not parameters.get("/EncodedByteAlign", False)
    if not is_group_4 or flip is None or int(parameters.get("/Columns", 1728)) != width:
        return None
    if not (placed.is_fill_black if stencil else channel_count(image) == 1):
        return None
    data = bytes(image.read_raw_bytes())
    black_is_one = bool(parameters.get("/BlackIs1", False)) != flip
    with Image.open(
        io.BytesIO(tiff_g4(data, width, height, white_is_zero=not black_is_one)), formats=["TIFF"]
    ) as picture:
        picture.load()
        return picture.copy()


def tiff_g4(data: bytes, width: int, height: int, *, white_is_zero: bool) -> bytes:
    """Return a TIFF file with one strip of Group 4 data."""
    entries = (
        (256, 4, width),
        (257, 4, height),
        (258, 3, 1),
        (259, 3, 4),
        (262, 3, 0 if white_is_zero else 1),
        (273, 4, 0),
        (278, 4, height),
        (279, 4, len(data)),
    )
    start = 8 + 2 + 12 * len(entries) + 4
    directory = b"".join(
        struct.pack("<HHII", tag, kind, 1, start if tag == 273 else value) for tag, kind, value in entries
    )
    return struct.pack("<2sHIH", b"II", 42, 8, len(entries)) + directory + struct.pack("<I", 0) + data


def _samples(placed: PlacedImage) -> Image.Image | None:
    """Decode uncompressed samples of 1 or 8 bits."""
    image = placed.image
    width, height = placed.pixels
    stencil = bool(image.get("/ImageMask", False))
    bits = 1 if stencil else int(image.get("/BitsPerComponent", 0))
    count = 1 if stencil else channel_count(image)
    flip = is_inverted(image)
    if (
        flip is None
        or count is None
        or (bits, count) not in ((1, 1), (8, 1), (8, 3))
        or (stencil and not placed.is_fill_black)
    ):
        return None
    data = bytes(image.read_bytes())
    row = (width * count * bits + 7) // 8
    if len(data) < row * height:
        return None
    mode = "1" if bits == 1 else "L" if count == 1 else "RGB"
    raw = "1;I" if bits == 1 and flip else mode
    if flip and raw != "1;I":
        return None
    return Image.frombytes(mode, (width, height), data[: row * height], "raw", raw)
