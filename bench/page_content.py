"""Measure how well the content of pages is classified and poorly read pages are detected.

    python -m bench.page_content FORMS [--fonts DIR] [--half 1]

FORMS is a folder of images of forms, each with a .gt.txt file of the same stem. DIR has handwriting fonts,
none of which is shipped. Pages of half 0 were used to develop the rules; those of half 1 were not: they have
other fonts, photographs, forms and seeds. A page is poor below a word F1 of 0.75.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from bench.cleanup import tokens
from bench.damage import Pixels, page
from bench.fax_pages import WORDS
from pipeline.config import load_settings
from pipeline.ocr.image import pixels
from pipeline.ocr.read_page import read_page_image
from pipeline.records import Page
from pipeline.synthetic.scanner import SCANNERS, scan

MAX_BAD_F1 = 0.75
CONFIDENCE_LEVELS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85)
PAGE_SHAPE_PX = (1870, 1445)


class Case(NamedTuple):
    """A page, its kind of content, and its words if it is print."""

    content_kind: str
    picture: Image.Image
    text: str | None = None


def handwritten(seed: int, fonts: list[Path]) -> Pixels:
    """Return lines of jittery handwritten words, sometimes on ruled paper with a printed heading."""
    rng = random.Random(seed)
    sheet, font, size = Image.new("L", PAGE_SHAPE_PX[::-1], 255), rng.choice(fonts), rng.randint(34, 60)
    y = rng.randint(100, 300)
    while y < 1700 - rng.random() * 500:
        x = rng.randint(80, 200)
        while x < 1250:
            word, face = rng.choice(WORDS), ImageFont.truetype(str(font), size + rng.randint(-4, 4))
            wide = int(face.getlength(word))
            mark = Image.new("L", (wide + 40, size * 3), 0)
            ImageDraw.Draw(mark).text((15, size // 2), word, fill=rng.randint(190, 255), font=face)
            sheet.paste(
                rng.choice((10, 30, 60)), (x, int(y + rng.gauss(0, 4))), mark.rotate(rng.uniform(-4, 4))
            )
            x += wide + rng.randint(14, 34)
        y += int(size * rng.uniform(1.3, 1.9))
    pen = ImageDraw.Draw(sheet)
    if rng.random() < 0.4:
        pen.text((90, 30), "PROGRESS NOTES   Kettle Creek Hospital", fill=0, font=ImageFont.load_default(26))
    for row in range(150, 1800, 70) if rng.random() < 0.4 else ():
        pen.line((60, row, 1400, row), fill=120, width=2)
    return np.asarray(sheet)


def drawn(seed: int, *, traces: bool) -> Pixels:
    """Return strips of an ECG, or outlines and scribbles, with a few captions."""
    noise = np.random.default_rng(seed)
    sheet = np.full(PAGE_SHAPE_PX, 255, np.uint8)
    for row in range(int(noise.integers(2, 8))):
        if traces:
            x = np.arange(60, 1400)
            beat = (x % noise.uniform(60, 130)) / 100
            y = (
                200
                + row * 210
                - 90 * np.exp(-(((beat - 0.4) / 0.02) ** 2))
                - 20 * np.exp(-(((beat - 0.7) / 0.06) ** 2))
            )
            path = np.column_stack([x, y + noise.normal(0, 2, len(x))])
        else:
            center, axes = noise.integers(300, 1100, 2).tolist(), noise.integers(60, 400, 2).tolist()
            cv2.ellipse(
                sheet, center, axes, float(noise.uniform(0, 180)), 0, int(noise.integers(150, 360)), 0, 3
            )
            path = np.cumsum(noise.normal(0, 40, (60, 2)), axis=0) + noise.integers(300, 1100, 2)
        cv2.polylines(sheet, [path.astype(np.int32)], False, 0, 3)
    image = Image.fromarray(sheet)
    for caption in noise.choice(
        ["Fig. 2", "left", "25 mm/s", "aVF", "10 mm/mV", "tender here"], noise.integers(0, 6)
    ):
        ImageDraw.Draw(image).text(
            noise.integers(60, 1100, 2).tolist(), str(caption), fill=0, font=ImageFont.load_default(28)
        )
    return np.asarray(image)


def photographed(seed: int, half: int) -> Image.Image:
    """Return a part of a photograph, alone or on white paper. The two halves have one photograph each."""
    from sklearn.datasets import load_sample_images

    noise = np.random.default_rng(seed)
    whole = load_sample_images().images[half]
    high, wide = (int(side * noise.uniform(0.4, 1)) for side in whole.shape[:2])
    y, x = (
        int(noise.integers(0, side - part + 1))
        for side, part in zip(whole.shape[:2], (high, wide), strict=True)
    )
    part = cv2.resize(
        whole[y : y + high, x : x + wide], (1100, 1100 * high // wide), interpolation=cv2.INTER_CUBIC
    )[:1700]
    sheet = np.full((*PAGE_SHAPE_PX, 3), 255, np.uint8)
    sheet[60 : 60 + len(part), 150:1250] = part
    return Image.fromarray(part if noise.random() < 0.3 else sheet)


def worn(seed: int) -> tuple[Pixels, str]:
    """Return print that is too coarse, soft or noisy to be read well, and its words."""
    noise = np.random.default_rng(seed)
    gray, text = page(seed)
    factor = noise.uniform(0.28, 0.7)
    small = cv2.GaussianBlur(pixels.resize(gray, factor), (0, 0), noise.uniform(0.4, 1.4))
    bad = np.clip(small + noise.normal(0, noise.uniform(3, 40), small.shape), 0, 255).astype(np.uint8)
    return (
        np.where(bad < noise.uniform(90, 215), 0, 255).astype(np.uint8) if noise.random() < 0.5 else bad
    ), text


def cases(forms: Path, fonts: list[Path], half: int, count: int) -> Iterator[Case]:
    """Yield the pages of one half."""
    for number in range(count):
        seed = 1000 * (half + 1) + number
        if fonts:
            yield Case("handwriting", Image.fromarray(handwritten(seed, fonts[half::2])))
        yield Case("drawing", Image.fromarray(drawn(seed, traces=number % 2 == 0)))
        yield Case("photograph", photographed(seed, half))
        gray, text = page(seed)
        scanned = scan(random.Random(seed), gray, SCANNERS[number % len(SCANNERS)])
        yield Case("print", Image.fromarray(scanned.pixels), text)
        gray, text = worn(seed)
        yield Case("worn print", Image.fromarray(gray), text)
    for file in sorted(forms.glob("*.gt.txt"))[half::2][:count]:
        yield Case(
            "print (forms)",
            Image.open(file.with_name(file.name.replace(".gt.txt", ".png"))),
            file.read_text(),
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("forms", type=Path)
    parser.add_argument("--fonts", type=Path)
    parser.add_argument("--half", type=int, default=1, choices=(0, 1))
    parser.add_argument("--count", type=int, default=14, help="pages of each kind")
    args = parser.parse_args()
    settings = load_settings().ocr.model_copy(update={"second_engine": "never"})
    fonts = sorted(args.fonts.iterdir()) if args.fonts else []
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    scored: list[tuple[float, float]] = []
    for case in cases(args.forms, fonts, args.half, args.count):
        read = read_page_image(
            Page(scan="", number=1, image="x"), pixels.page_image_from_pil(case.picture), settings
        ).page
        counts[case.content_kind][read.content_kind] += 1
        if case.text is not None:
            truth, found = tokens(case.text), tokens(read.text)
            scored.append((read.confidence, 2 * (truth & found).total() / (truth.total() + found.total())))
    for content_kind, answers in counts.items():
        print(f"{content_kind:14} n={answers.total()} {dict(answers.most_common())}")
    for level in CONFIDENCE_LEVELS:
        right = sum(confidence < level and f1 < MAX_BAD_F1 for confidence, f1 in scored)
        shown, bad = (
            sum(confidence < level for confidence, _ in scored),
            sum(f1 < MAX_BAD_F1 for _, f1 in scored),
        )
        print(f"below {level}: {shown} of {len(scored)} pages of print shown, {right} of {bad} bad ones")


if __name__ == "__main__":
    main()
