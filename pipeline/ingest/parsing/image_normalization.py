"""Normalize the pixels of a page: upright by its tags, on white, in one of three modes, of a size that can be
read.

The result is a PNG (bilevel), a PNM (gray or RGB, 8 bits), or a JPEG's own bytes if nothing had to change.
The same image gives the same bytes, because OCR results are cached by their hash. Runs in the parser process.
"""

from __future__ import annotations

import io

from PIL import Image, ImageChops, ImageOps

HIGH_BIT_DEPTH_MODES = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
COLOR_PIXEL_BYTES = 4  # Pillow stores a color pixel in four bytes, any other in one
MAX_DECODED_BYTES = 400_000_000
"""The memory that one decoded image may take."""
BAND_HEIGHT_PX = 1024
MAX_PIXEL_ASPECT_RATIO = 1.1
"""Pixels with a smaller ratio of their sides are left as they are; a standard fax (204 x 98 dpi) is far
above.
"""
PAGE_SIDE_RANGE_INCHES = (0.5, 60.0)
"""The longer side of a page. If the stated resolution means another size, it is wrong (cameras write 72 dpi).
"""


class TooManyPixels(Exception):
    """The image is larger than a page may be."""


def as_displayed(picture: Image.Image) -> Image.Image:
    """Return the decoded image in mode "1", "L" or "RGB": rotated by its tags, with white for transparent
    parts.
    """
    picture = ImageOps.exif_transpose(picture)
    if picture.mode in HIGH_BIT_DEPTH_MODES:
        picture = eight_bits(picture)
    elif picture.mode == "LAB":
        picture = from_lab(picture)
    elif "A" in picture.getbands() or "transparency" in picture.info or picture.mode in ("La", "RGBa"):
        picture = flatten_on_white(picture)
    elif picture.mode not in ("1", "L", "RGB"):
        picture = picture.convert("RGB")
    return reduce_mode(picture)


def eight_bits(picture: Image.Image) -> Image.Image:
    """Reduce gray values of 16 or 32 bits to 8.

    The range is that of the samples' width, or that of the values if the samples have no fixed range.
    """
    if picture.mode.startswith("I;16"):
        picture = picture.convert("I")
    darkest, lightest = (float(value) for value in picture.getextrema())  # type: ignore[arg-type]
    if picture.mode == "I" and darkest >= 0:
        darkest, lightest = 0.0, float((1 << max(8, int(lightest).bit_length())) - 1)
    span = max(lightest - darkest, 1e-9)
    scale, offset = 255.0 / span, -255.0 * darkest / span
    return picture.convert("F").point(lambda value: value * scale + offset).convert("L")


def from_lab(picture: Image.Image) -> Image.Image:
    """Convert CIE L*a*b* (in TIFF files of some scanners) to RGB."""
    from PIL import ImageCms

    lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    seen = ImageCms.profileToProfile(picture, lab, rgb, outputMode="RGB")
    assert seen is not None
    return seen


def flatten_on_white(picture: Image.Image) -> Image.Image:
    """Put transparent parts on white."""
    picture = picture.convert("RGBA")
    paper = Image.new("RGB", picture.size, "white")
    paper.paste(picture, mask=picture.getchannel("A"))
    return paper


def reduce_mode(picture: Image.Image) -> Image.Image:
    """Convert to the smallest mode without loss: RGB with equal channels to gray, gray with two values to
    bilevel.
    """
    if picture.mode == "RGB":
        red, green, blue = picture.split()
        if (
            ImageChops.difference(red, green).getbbox() is None
            and ImageChops.difference(green, blue).getbbox() is None
        ):
            picture = red
    if picture.mode == "L":
        counts = picture.histogram()
        if counts[0] + counts[255] == picture.width * picture.height:
            picture = picture.convert("1", dither=Image.Dither.NONE)
    return picture


def check_size(picture: Image.Image, max_pixels: int) -> None:
    """Raise TooManyPixels before decoding if the image has more pixels or needs more memory than allowed."""
    width, height = picture.size
    pixel = 1 if picture.mode in ("1", "L", "P") else COLOR_PIXEL_BYTES
    if width * height > max_pixels or width * height * pixel > MAX_DECODED_BYTES:
        raise TooManyPixels(f"{width} x {height} pixels")


def fit(
    picture: Image.Image, dpi: tuple[float, float] | None, max_render_pixels: int
) -> tuple[Image.Image, float | None]:
    """Make pixels square, and reduce the image to at most `max_render_pixels`.

    Args:
        picture: The image.
        dpi: Dots per inch (horizontal, vertical), if known.
        max_render_pixels: The limit for width times height.

    Returns:
        The image and its dots per inch.
    """
    across, down = dpi or (1.0, 1.0)
    dots = max(across, down) if max(across, down) / min(across, down) > MAX_PIXEL_ASPECT_RATIO else None
    width, height = picture.size
    wide, high = (width * dots / across, height * dots / down) if dots else (float(width), float(height))
    shrink = min(1.0, (max_render_pixels / (wide * high)) ** 0.5)
    if dots or shrink < 1:
        picture = resized(picture, (max(1, round(wide * shrink)), max(1, round(high * shrink))))
    if dpi is None:
        return picture, None
    return picture, round((dots or (across * down) ** 0.5) * shrink, 2)


def resized(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Resize band by band, so that a large bilevel image is never in memory as gray. Bilevel becomes gray."""
    mode = "RGB" if picture.mode == "RGB" else "L"
    scale = picture.height / size[1]
    target = Image.new(mode, size)
    for top in range(0, size[1], BAND_HEIGHT_PX):
        bottom = min(top + BAND_HEIGHT_PX, size[1])
        first, last = int(top * scale), min(picture.height, int(bottom * scale + 0.999999))
        band = picture.crop((0, first, picture.width, last)).convert(mode)
        box = (
            0.0,
            top * scale - first,
            float(picture.width),
            min(bottom * scale - first, float(band.height)),
        )
        target.paste(
            band.resize(
                (size[0], bottom - top), Image.Resampling.BOX if scale > 1 else Image.Resampling.BILINEAR, box
            ),
            (0, top),
        )
    return target


def plausible_dpi(dpi: tuple[float, float] | None, size: tuple[int, int]) -> tuple[float, float] | None:
    """Return the dots per inch; None if no sheet of paper could have them."""
    if dpi is None or not all(1 < value < 10_000 for value in dpi):
        return None
    inches = max(size[0] / dpi[0], size[1] / dpi[1])
    return dpi if PAGE_SIDE_RANGE_INCHES[0] <= inches <= PAGE_SIDE_RANGE_INCHES[1] else None


def encode(picture: Image.Image) -> bytes:
    """Return the bytes of the image file: PNG for bilevel, PNM without compression for gray and color.

    The file exists for seconds. Compressing and decompressing a color page of 300 dpi as PNG takes about 0.5
    s of CPU, as PNM 0.1 s.
    """
    out = io.BytesIO()
    picture.save(out, "PNG" if picture.mode == "1" else "PPM")
    return out.getvalue()


def is_one_color(picture: Image.Image) -> bool:
    """Return whether all pixels have the same value."""
    extrema = picture.getextrema()
    bands = extrema if isinstance(extrema[0], tuple) else (extrema,)
    return all(low == high for low, high in bands)
