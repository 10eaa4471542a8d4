"""Damage pages as happens to paper before and in a scanner or a phone: each damage takes a grayscale page and
returns a color page.

The pages are this project's synthetic ones. A damage is drawn from a random generator, so that a seed
identifies a page. Arrays are uint8.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pipeline.synthetic.compose import document, types
from pipeline.synthetic.draw import draw_page
from pipeline.synthetic.page import Font
from pipeline.synthetic.people import patients
from pipeline.synthetic.style import style_for
from pipeline.synthetic.typeset import typeset

Pixels = NDArray[np.uint8]
Noise = np.random.Generator
DPI = 170
"""Resolution of the pages, between a fax and an office scanner."""
TINTS = ((250, 225, 120), (250, 190, 205), (185, 225, 250), (190, 235, 190), (235, 190, 120), (205, 190, 240))
"""Colors of paper: yellow, pink, blue, green, goldenrod, lilac (RGB)."""
MARKERS = ((255, 255, 60), (255, 150, 200), (130, 255, 130), (120, 220, 255), (255, 190, 80))
INKS = ((190, 30, 40), (40, 50, 160), (90, 40, 140), (30, 120, 70), (210, 60, 60))
"""Colors of stamp pads: red, blue, violet, green, light red."""
STAMPS = ("RECEIVED", "COPY", "SCANNED", "CONFIDENTIAL", "PAID", "FINAL REPORT")


def page(seed: int) -> tuple[Pixels, str]:
    """Return a synthetic document's first page in grayscale, and its words."""
    rng = random.Random(f"damage {seed}")
    person = rng.choice(patients(50, seed))
    document_type = rng.choice(
        [
            document_type
            for document_type in types()
            if document_type not in ("insurance_card", "identity_document", "fax_cover")
        ]
    )
    sheet = typeset(rng, document(rng, document_type, person), style_for(rng, document_type)).sheets[0]
    return draw_page(sheet, DPI), sheet.text


def to_rgb(gray: Pixels) -> Pixels:
    return np.repeat(gray[:, :, None], 3, axis=2)


def multiply(picture: Pixels, layer: Pixels) -> Pixels:
    """Overlay two transparent layers: their light is multiplied."""
    return (picture.astype(np.uint16) * layer // 255).astype(np.uint8)


def on_colored_paper(noise: Noise, gray: Pixels) -> Pixels:
    """Colored paper, as strong as copy shops sell it."""
    tint = np.array(TINTS[noise.integers(len(TINTS))], float)
    deep = noise.uniform(0.5, 1.15)
    tint = np.clip(255 - (255 - tint) * deep, 40, 255)
    return multiply(to_rgb(gray), np.broadcast_to(tint, (*gray.shape, 3)).astype(np.uint8))


def highlighted(noise: Noise, gray: Pixels) -> Pixels:
    """Bars of a highlighter over some lines."""
    layer = np.full((*gray.shape, 3), 255, np.uint8)
    color = np.array(MARKERS[noise.integers(len(MARKERS))])
    for _ in range(noise.integers(4, 12)):
        y, x = int(noise.integers(150, gray.shape[0] - 300)), int(noise.integers(80, gray.shape[1] // 2))
        wide, high = int(noise.integers(200, gray.shape[1] // 2)), int(noise.integers(26, 40))
        bar = np.full_like(layer, 255)
        cv2.line(bar, (x, y), (x + wide, y + int(noise.integers(-4, 5))), color.tolist(), high)
        layer = multiply(layer, bar)
    return multiply(to_rgb(gray), layer)


def stamped(noise: Noise, gray: Pixels) -> Pixels:
    """Two or three color stamps across the print."""
    picture = to_rgb(gray)
    for text, date in stamp_texts(noise):
        font = Font("sans", int(noise.integers(60, 90)), bold=True).load(DPI / 200)
        wide, high = round(font.getlength(text)) + 60, 190
        mark = Image.new("RGB", (wide, high), "white")
        pen, ink = ImageDraw.Draw(mark), INKS[noise.integers(len(INKS))]
        pen.rectangle((3, 3, wide - 4, high - 4), outline=ink, width=5)
        pen.text((30, 14), text, ink, font)
        pen.text((30, 110), date, ink, Font("sans", 50).load(DPI / 200))
        turned = np.asarray(mark.rotate(noise.uniform(-25, 25), expand=True, fillcolor="white"), np.uint8)
        worn = cv2.resize(
            noise.uniform(0, 1, (turned.shape[0] // 6, turned.shape[1] // 6)), turned.shape[1::-1]
        )
        turned = np.where((worn > 0.75)[:, :, None], 255 - (255 - turned) // 2, turned).astype(np.uint8)
        y = int(noise.integers(150, gray.shape[0] - turned.shape[0] - 200))
        x = int(noise.integers(60, max(61, gray.shape[1] - turned.shape[1] - 60)))
        area = picture[y : y + turned.shape[0], x : x + turned.shape[1]]
        area[:] = multiply(area, turned[: area.shape[0], : area.shape[1]])
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.6), np.uint8)


def stamp_texts(noise: Noise) -> list[tuple[str, str]]:
    """Return the texts of two or three stamps: a word and a date."""
    return [
        (STAMPS[noise.integers(len(STAMPS))], f"{noise.integers(1, 13):02d}/{noise.integers(1, 29):02d}/2024")
        for _ in range(noise.integers(2, 4))
    ]


def banded(noise: Noise, gray: Pixels) -> Pixels:
    """Print some lines of the page light on a dark band, in gray or color."""
    picture = to_rgb(gray)
    dark = np.array(((0, 0, 0), (20, 30, 90), (110, 20, 20), (60, 60, 60))[noise.integers(4)])
    for y in noise.integers(100, gray.shape[0] - 250, 4):
        band = picture[y : y + int(noise.integers(50, 120))]
        band[:] = (dark + (255 - band.astype(int)) * (255 - dark) / 255).clip(0, 255)
    return picture


def bled_through(noise: Noise, gray: Pixels) -> Pixels:
    """Add the back of a thin sheet: another page, mirrored, soft and faint."""
    back = page(int(noise.integers(10_000, 90_000)))[0][:, ::-1]
    back = np.roll(back, (int(noise.integers(-40, 40)), int(noise.integers(-40, 40))), (0, 1))
    soft = cv2.GaussianBlur(back, (0, 0), noise.uniform(0.8, 2.0))
    faint = 255 - (255 - soft.astype(float)) * noise.uniform(0.15, 0.45)
    paper = 255 - noise.uniform(0, 25)
    return noisy(noise, to_rgb((np.minimum(gray, faint) * paper / 255).astype(np.uint8)))


def unevenly_lit(noise: Noise, gray: Pixels) -> Pixels:
    """Add light from one side, and the soft edge of a shadow across the page."""
    height, width = gray.shape
    y, x = np.mgrid[0 : 1 : complex(height), 0 : 1 : complex(width)]
    turn = noise.uniform(0, 2 * np.pi)
    slope = np.cos(turn) * x + np.sin(turn) * y
    light = 1 - noise.uniform(0.3, 0.55) * (slope - slope.min()) / np.ptp(slope)
    turn = noise.uniform(0, np.pi)
    edge = np.cos(turn) * (x - 0.5) + np.sin(turn) * (y - 0.5) - noise.uniform(-0.2, 0.2)
    light *= 1 - noise.uniform(0.2, 0.5) / (1 + np.exp(-edge * noise.uniform(30, 150)))
    return noisy(noise, (to_rgb(gray) * light[:, :, None]).astype(np.uint8))


def with_borders(noise: Noise, gray: Pixels) -> Pixels:
    """Add the scanner's black border on two sides, punch holes and shadows of staples."""
    out = gray.copy()
    wide = int(noise.integers(15, 70))
    out[:, :wide] = out[-wide // 2 :] = noise.integers(0, 40)
    for down in (0.2, 0.5, 0.8):
        cv2.circle(
            out,
            (wide + int(noise.integers(30, 50)), round(down * gray.shape[0])),
            20,
            int(noise.integers(0, 60)),
            -1,
        )
    cv2.line(out, (gray.shape[1] - 90, 50), (gray.shape[1] - 60, 75), 40, 4)
    return to_rgb(out)


def photographed(noise: Noise, gray: Pixels) -> Pixels:
    """Photograph the page on a desk with a phone: perspective, the desk around it, light from one side."""
    height, width = gray.shape
    margin = noise.uniform(0.06, 0.14)
    desk = np.array(((70, 50, 40), (40, 40, 45), (120, 90, 60), (90, 95, 100))[noise.integers(4)], float)
    wide, high = round(width * (1 + 2 * margin)), round(height * (1 + 2 * margin))
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    far = noise.uniform(-0.05, 0.05, (4, 2)) * (width, height)
    place = (corners + far + (width * margin, height * margin)).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(corners, place)
    texture = cv2.GaussianBlur(noise.normal(0, 30, (high, wide)), (0, 0), 4)
    ground = np.clip(desk + texture[:, :, None], 0, 255).astype(np.uint8)
    seen = cv2.warpPerspective(to_rgb(gray), matrix, (wide, high), flags=cv2.INTER_AREA)
    inside = cv2.warpPerspective(np.full(gray.shape, 255, np.uint8), matrix, (wide, high))[:, :, None] / 255
    picture = (seen * inside + ground * (1 - inside)).astype(np.uint8)
    light = np.linspace(1.0, noise.uniform(0.6, 0.9), wide)[None, :, None]
    return noisy(
        noise, np.asarray(cv2.GaussianBlur((picture * light).astype(np.uint8), (0, 0), 0.7), np.uint8)
    )


def curved(noise: Noise, gray: Pixels) -> Pixels:
    """Bend the page: lines rise toward a spine or sag in the middle."""
    height, width = gray.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    part = x / width if noise.random() < 0.5 else 1 - x / width
    deep = noise.uniform(15, 70) * noise.choice((-1, 1))
    curve = np.exp(-part * noise.uniform(3, 6)) if noise.random() < 0.5 else np.sin(np.pi * part)
    shift = deep * curve * (1 - noise.uniform(0, 0.6) * y / height)
    shift = shift.astype(np.float32)
    moved = cv2.remap(gray, x, y + shift, cv2.INTER_LINEAR, borderValue=255)
    return noisy(noise, to_rgb(np.asarray(moved, np.uint8)))


def noisy(noise: Noise, picture: Pixels) -> Pixels:
    """Add a sensor's grain."""
    return np.clip(picture + noise.normal(0, 3, (*picture.shape[:2], 1)), 0, 255).astype(np.uint8)


def undamaged(noise: Noise, gray: Pixels) -> Pixels:
    """As printed."""
    return noisy(noise, to_rgb(gray))


Damage = Callable[[Noise, Pixels], Pixels]
DAMAGES: dict[str, Damage] = {
    "none": undamaged,
    "colored-paper": on_colored_paper,
    "highlighter": highlighted,
    "stamps": stamped,
    "dark-bands": banded,
    "bleed-through": bled_through,
    "uneven-light": unevenly_lit,
    "borders": with_borders,
    "photograph": photographed,
    "curved": curved,
}


def damaged(name: str, seed: int) -> tuple[Image.Image, str]:
    """Return a damaged page as a camera's or a scanner's JPEG stores it, and its words."""
    gray, text = page(seed)
    added = " ".join(map(" ".join, stamp_texts(np.random.default_rng(seed)))) if name == "stamps" else ""
    return Image.fromarray(DAMAGES[name](np.random.default_rng(seed), gray)), f"{text}\n{added}"
