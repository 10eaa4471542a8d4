"""A picture taken out of a PDF as it is: a JPEG's own bytes; fax (G4) and plain samples as PNG without loss.

Whatever is not one of the few plain cases answers None, and the page is rendered at the picture's own
resolution instead. Runs in the parser's child process."""

from __future__ import annotations

import io
import struct

import pikepdf
from PIL import Image

from pipeline.ingest.parsing.pdf_content import Placed

GREY_SPACES, COLOUR_SPACES = ("/DeviceGray", "/CalGray"), ("/DeviceRGB", "/CalRGB")
EXIF_ORIENTATION = 274
PLAIN_FILTERS = frozenset(
    ("/FlateDecode", "/LZWDecode", "/RunLengthDecode", "/ASCII85Decode", "/ASCIIHexDecode")
)


def taken_out(placed: Placed) -> bytes | Image.Image | None:
    """A JPEG's bytes where they are the picture; else the decoded picture; None where it is not a plain case.

    Raises what Pillow or pikepdf raise for a damaged picture.
    """
    image = placed.image
    filters = _filters(image)
    if filters == ["/DCTDecode"]:
        return _jpeg(placed)
    if filters == ["/CCITTFaxDecode"]:
        return _fax(placed)
    if set(filters) <= PLAIN_FILTERS:
        return _samples(placed)
    return None


def _filters(image: pikepdf.Object) -> list[str]:
    named = image.get("/Filter")
    if named is None:
        return []
    return [str(name) for name in named] if isinstance(named, pikepdf.Array) else [str(named)]


def _parameters(image: pikepdf.Object) -> pikepdf.Object:
    given = image.get("/DecodeParms", pikepdf.Dictionary())
    return given[0] if isinstance(given, pikepdf.Array) else given


def channels(image: pikepdf.Object) -> int | None:
    """1 for grey, 3 for RGB, None for every other colour space."""
    space = image.get("/ColorSpace")
    if isinstance(space, pikepdf.Array) and len(space) == 2 and str(space[0]) == "/ICCBased":
        count = int(space[1].get("/N", 0))
        return count if count in (1, 3) else None
    name = str(space[0]) if isinstance(space, pikepdf.Array) and len(space) else str(space)
    return 1 if name in GREY_SPACES else 3 if name in COLOUR_SPACES else None


def inverted(image: pikepdf.Object) -> bool | None:
    """Does /Decode turn black to white? None where it does something else."""
    decode = [float(value) for value in image.get("/Decode", ())]
    low, high = decode[::2], decode[1::2]
    if not any(low) and all(value == 1 for value in high):
        return False
    return True if all(value == 1 for value in low) and not any(high) else None


def _jpeg(placed: Placed) -> bytes | None:
    image = placed.image
    if inverted(image) is not False or "/ColorTransform" in _parameters(image):
        return None
    data = bytes(image.read_raw_bytes())
    with Image.open(io.BytesIO(data), formats=["JPEG"]) as picture:
        bands = {"L": 1, "RGB": 3}.get(picture.mode)
        turned = (
            picture.getexif().get(EXIF_ORIENTATION, 1) != 1
        )  # a PDF reader ignores it, other readers do not
        if bands is None or bands != channels(image) or picture.size != placed.pixels or turned:
            return None
        picture.load()
    return data


def _fax(placed: Placed) -> Image.Image | None:
    """Group 4, wrapped as a TIFF so that libtiff decodes it."""
    image, parameters = placed.image, _parameters(placed.image)
    width, height = placed.pixels
    stencil = bool(image.get("/ImageMask", False))
    flip = inverted(image)
    plain = int(parameters.get("/K", 0)) < 0 and not parameters.get("/EncodedByteAlign", False)
    if not plain or flip is None or int(parameters.get("/Columns", 1728)) != width:
        return None
    if not (placed.black_ink if stencil else channels(image) == 1):
        return None
    data = bytes(image.read_raw_bytes())
    black_is_one = bool(parameters.get("/BlackIs1", False)) != flip
    with Image.open(
        io.BytesIO(tiff_g4(data, width, height, white_is_zero=not black_is_one)), formats=["TIFF"]
    ) as picture:
        picture.load()
        return picture.copy()


def tiff_g4(data: bytes, width: int, height: int, *, white_is_zero: bool) -> bytes:
    """A one-strip TIFF around Group 4 data."""
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


def _samples(placed: Placed) -> Image.Image | None:
    """Uncompressed samples of 1 or 8 bits."""
    image = placed.image
    width, height = placed.pixels
    stencil = bool(image.get("/ImageMask", False))
    bits = 1 if stencil else int(image.get("/BitsPerComponent", 0))
    count = 1 if stencil else channels(image)
    flip = inverted(image)
    if (
        flip is None
        or count is None
        or (bits, count) not in ((1, 1), (8, 1), (8, 3))
        or (stencil and not placed.black_ink)
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
