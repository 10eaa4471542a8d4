"""Simulate what a scanner, a copier or a fax line does to a page."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pipeline.synthetic.page import WIDTH, Font

Pixels = NDArray[np.uint8]
ROTATED_PAGE_SHARE = 0.06  # share of pages that went in sideways or upside down
STAMPS = ("RECEIVED", "COPY", "SCANNED", "CONFIDENTIAL", "FAXED", "DUPLICATE", "FILED", "ORIGINAL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanner:
    """A way of scanning: drawn at `dpi`, stored with `across` x `down` dots an inch, bilevel or grey."""

    name: str
    dpi: int
    across: int
    down: int
    bilevel: bool
    skew: float
    flaws: tuple[str, ...]
    flaw_chance: float = 0.25


SCANNERS = (
    Scanner(
        name="office200",
        dpi=200,
        across=200,
        down=200,
        bilevel=True,
        skew=1.0,
        flaws=("specks", "border", "holes", "stamp"),
    ),
    Scanner(
        name="clean300",
        dpi=300,
        across=300,
        down=300,
        bilevel=True,
        skew=0.4,
        flaws=("holes", "stamp"),
        flaw_chance=0.1,
    ),
    Scanner(
        name="gray200",
        dpi=200,
        across=200,
        down=200,
        bilevel=False,
        skew=1.0,
        flaws=("light", "stain", "stamp", "holes", "blur"),
    ),
    Scanner(
        name="fax_fine",
        dpi=204,
        across=204,
        down=196,
        bilevel=True,
        skew=1.5,
        flaws=("specks", "bands", "thin", "thick"),
    ),
    Scanner(
        name="fax_coarse",
        dpi=204,
        across=204,
        down=98,
        bilevel=True,
        skew=1.2,
        flaws=("specks", "bands"),
        flaw_chance=0.15,
    ),
    Scanner(
        name="copied",
        dpi=200,
        across=200,
        down=200,
        bilevel=True,
        skew=2.5,
        flaws=("specks", "thick", "border", "pale", "dirty", "holes"),
    ),
)


@dataclass(frozen=True, slots=True)
class Scanned:
    """A page as scanned. `rotation`: clockwise turn that makes it upright. `skew`: degrees, positive
    counter-clockwise.
    """

    pixels: Pixels
    rotation: int
    skew: float
    flaws: tuple[str, ...]


def scan(
    rng: random.Random, page: Pixels, scanner: Scanner, sender_line: str = "", *, stamped: bool = True
) -> Scanned:
    """Return the page as that scanner scans it. A bilevel scanner returns pixels of 0 and 255 only."""
    flaws = tuple(
        f for f in scanner.flaws if rng.random() < scanner.flaw_chance and (stamped or f != "stamp")
    )
    skew = round(rng.gauss(0, scanner.skew / 2), 2)
    skew = max(-3.0, min(3.0, skew))
    noise = np.random.default_rng(rng.getrandbits(63))
    pixels = page
    for flaw in flaws:
        if flaw in FLAWS_BEFORE_SCANNING:
            pixels = FLAWS_BEFORE_SCANNING[flaw](noise, pixels)
    pixels = _turn(pixels, skew)
    if scanner.down != scanner.dpi or scanner.across != scanner.dpi:
        size = (
            round(pixels.shape[1] * scanner.across / scanner.dpi),
            round(pixels.shape[0] * scanner.down / scanner.dpi),
        )
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    if scanner.bilevel:
        threshold = 215 if "thick" in flaws else 120 if "thin" in flaws else 165
        soft = cv2.GaussianBlur(pixels, (3, 3), 0)
        pixels = np.where(soft > threshold, 255, 0).astype(np.uint8)
    for flaw in flaws:
        if flaw in FLAWS_AFTER_SCANNING:
            pixels = FLAWS_AFTER_SCANNING[flaw](noise, pixels)
    if not scanner.bilevel:
        pixels = np.clip(pixels + noise.normal(0, 3, pixels.shape).astype(np.int16), 0, 255).astype(np.uint8)
    if sender_line:
        pixels = write_on(pixels, sender_line, 20, 8, max(14, round(20 * pixels.shape[0] / 2200)))
    rotation = (
        rng.choice((90, 180, 270))
        if rng.random() < ROTATED_PAGE_SHARE and scanner.down == scanner.across
        else 0
    )
    return Scanned(np.ascontiguousarray(np.rot90(pixels, rotation // 90)), rotation, skew, flaws)


def write_on(pixels: Pixels, text: str, x: int, y: int, size: int) -> Pixels:
    """Return the page with a line of text written on it."""
    image = Image.fromarray(pixels)
    ImageDraw.Draw(image).text((x, y), text, 0, Font("mono", size).load())
    return np.array(image, dtype=np.uint8)


def _turn(pixels: Pixels, degrees: float) -> Pixels:
    if not degrees:
        return pixels
    height, width = pixels.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    turned = cv2.warpAffine(
        pixels,
        matrix,
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(255.0,),
    )
    return turned.astype(np.uint8)


def _specks(noise: np.random.Generator, pixels: Pixels) -> Pixels:
    return _dots(noise, pixels, 1.2e-4)


def _dirty(noise: np.random.Generator, pixels: Pixels) -> Pixels:
    return _dots(noise, pixels, 8e-4)


def _dots(noise: np.random.Generator, pixels: Pixels, share: float) -> Pixels:
    out = pixels.copy()
    count = int(pixels.size * share)
    ys, xs = noise.integers(0, pixels.shape[0] - 2, count), noise.integers(0, pixels.shape[1] - 2, count)
    out[ys, xs] = 0
    big = noise.random(count) < 0.3
    out[ys[big] + 1, xs[big]] = 0
    out[ys[big], xs[big] + 1] = 0
    return out


def _border(noise: np.random.Generator, pixels: Pixels) -> Pixels:
    out = pixels.copy()
    wide = int(noise.integers(8, 40))
    side = ("left", "right", "top", "bottom")[noise.integers(4)]
    area = {
        "left": np.s_[:, :wide],
        "right": np.s_[:, -wide:],
        "top": np.s_[:wide, :],
        "bottom": np.s_[-wide:, :],
    }[side]
    out[area] = 0
    return out


def _holes(noise: np.random.Generator, pixels: Pixels) -> Pixels:
    out = pixels.copy()
    height, width = out.shape
    unit = width / WIDTH
    places = [(0.2, 0.5), (0.5, 0.5), (0.8, 0.5)] if noise.random() < 0.5 else [(0.03, 0.35), (0.03, 0.65)]
    for down, across in places:
        center = (
            (round(45 * unit), round(down * height))
            if len(places) == 3
            else (round(across * width), round(down * height))
        )
        cv2.circle(out, center, round(24 * unit), 0, -1)
    return out


def _stamp(noise: np.random.Generator, pixels: Pixels) -> Pixels:
    unit = pixels.shape[1] / WIDTH
    font = Font("sans", round(noise.integers(44, 64) * unit), bold=True).load()
    text = STAMPS[noise.integers(len(STAMPS))]
    wide, high = round(font.getlength(text)) + 40, round(100 * unit)
    mark = Image.new("L", (wide, high), 255)
    pen = ImageDraw.Draw(mark)
    pen.rectangle((2, 2, wide - 3, high - 3), outline=90, width=4)
    pen.text((20, 10), text, 90, font)
    turned = np.asarray(mark.rotate(noise.uniform(-20, 20), expand=True, fillcolor=255), dtype=np.uint8)
    out = pixels.copy()
    height, width = pixels.shape
    y = int(noise.integers(60, height // 4))
    x = int(noise.integers(width // 2, max(width // 2 + 1, width - turned.shape[1] - 20)))
    area = out[y : y + turned.shape[0], x : x + turned.shape[1]]
    area[:] = np.minimum(area, turned[: area.shape[0], : area.shape[1]])
    return out


def _light(noise: np.random.Generator, pixels: Pixels) -> Pixels:
    ramp = np.linspace(noise.uniform(0.72, 0.9), 1.0, pixels.shape[1], dtype=np.float32)
    return (pixels * (ramp if noise.random() < 0.5 else ramp[::-1])).astype(np.uint8)


def _stain(noise: np.random.Generator, pixels: Pixels) -> Pixels:
    mask = np.zeros(pixels.shape, dtype=np.uint8)
    center = (int(noise.integers(pixels.shape[1])), int(noise.integers(pixels.shape[0])))
    cv2.ellipse(
        mask,
        center,
        (int(noise.integers(80, 260)), int(noise.integers(60, 200))),
        noise.uniform(0, 180),
        0,
        360,
        45,
        -1,
    )
    soft = cv2.GaussianBlur(mask, (61, 61), 0)
    stained: Pixels = np.clip(pixels.astype(np.int16) - soft, 0, 255).astype(np.uint8)
    return stained


def _blur(noise: np.random.Generator, pixels: Pixels) -> Pixels:
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), noise.uniform(0.8, 1.3)), dtype=np.uint8)


def _pale(noise: np.random.Generator, pixels: Pixels) -> Pixels:
    worn = noise.random(pixels.shape, dtype=np.float32) < 0.18
    return np.where((pixels < 128) & worn, 255, pixels).astype(np.uint8)


def _bands(noise: np.random.Generator, pixels: Pixels) -> Pixels:
    out = pixels.copy()
    for _ in range(noise.integers(1, 6)):
        y, high = int(noise.integers(pixels.shape[0] - 6)), int(noise.integers(1, 5))
        if noise.random() < 0.6:
            out[y : y + high] = 255
        else:
            x = int(noise.integers(pixels.shape[1] * 4 // 5))
            out[y : y + 1, x : x + pixels.shape[1] // 5] = 0
    return out


Flaw = Callable[[np.random.Generator, Pixels], Pixels]
FLAWS_BEFORE_SCANNING: dict[str, Flaw] = {
    "stamp": _stamp,
    "light": _light,
    "stain": _stain,
    "blur": _blur,
    "pale": _pale,
}
FLAWS_AFTER_SCANNING: dict[str, Flaw] = {
    "specks": _specks,
    "dirty": _dirty,
    "border": _border,
    "holes": _holes,
    "bands": _bands,
}


def choose_scanner(rng: random.Random, names: Sequence[str] = ()) -> Scanner:
    """Return a random scanner: one of `names`, if any are given."""
    return rng.choice([s for s in SCANNERS if not names or s.name in names])
