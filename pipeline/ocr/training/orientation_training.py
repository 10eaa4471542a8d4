"""Trains models/orientation.npz: `python -m pipeline.ocr.training.orientation_training`. A few minutes on one
core; the same every time.

Letters are drawn in every TrueType font of the system, in the mixture of a form (sentences, capitals,
figures), worn as a scanner and a fax machine wear them, turned by right angles and a few degrees, and cut out
by the code that cuts out a page's."""

from __future__ import annotations

import string
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pipeline.ocr.image.orientation import ROTATIONS_DEGREES, letter_patches
from pipeline.ocr.image.pixels import GrayImage
from pipeline.resources import trained_model_path

TRAINING_PAGES = 2400
SEED = 4
FONT_FOLDER = Path("/usr/share/fonts/truetype")
ENGLISH_LETTERS = "eeeeeeeeeeeetttttttttaaaaaaaaooooooooiiiiiiinnnnnnnsssssshhhhhhrrrrrrddddlllluuucccmmmwwffggyyppbbvvkxjqz"


def draw_page(random: np.random.Generator, fonts: list[Path]) -> GrayImage:
    """A piece of a page, 900 x 900, worn."""
    page = Image.new("L", (900, 900), 255)
    draw = ImageDraw.Draw(page)
    font = ImageFont.truetype(str(fonts[random.integers(len(fonts))]), int(random.integers(8, 44)))
    style = random.choice(["sentence", "capitals", "figures"], p=[0.6, 0.3, 0.1])
    y = 20.0
    while y < 850:
        draw.text((30, y), random_line(random, style), font=font, fill=int(random.integers(0, 60)))
        y += font.size * 1.35
    return wear(random, np.asarray(page))


def random_line(random: np.random.Generator, style: str) -> str:
    """Words that have English letters in their usual frequency."""
    words = []
    for _ in range(14):
        length = int(random.integers(2, 10))
        if style == "figures" or random.random() < 0.08:
            words.append(
                "".join(random.choice(list(string.digits), length)) + random.choice(["", ".", "/", "%"])
            )
            continue
        word = "".join(random.choice(list(ENGLISH_LETTERS), length))
        words.append(
            word.upper() if style == "capitals" else word.capitalize() if random.random() < 0.2 else word
        )
    return " ".join(words)


def wear(random: np.random.Generator, gray: GrayImage) -> GrayImage:
    """Skewed a little, blurred, thinned or thickened, with noise; often black and white."""
    turn = cv2.getRotationMatrix2D((450, 450), float(random.uniform(-4, 4)), 1.0)
    out = np.asarray(cv2.warpAffine(gray, turn, (900, 900), borderValue=255), np.float64)
    out = np.asarray(cv2.GaussianBlur(out, (0, 0), float(random.uniform(0.3, 1.6))), np.float64)
    out += random.normal(0, float(random.uniform(2, 25)), out.shape)
    if random.random() < 0.6:
        out = np.where(out < random.uniform(110, 215), 0.0, 255.0)
    return np.asarray(out.clip(0, 255), np.uint8)


def make_examples(
    random: np.random.Generator, fonts: list[Path], sheets: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Letters of that many sheets, and the turn (index into ROTATIONS_DEGREES) that makes each upright."""
    patches, turns = [], []
    for _ in range(sheets):
        number = int(random.integers(4))
        turned = np.ascontiguousarray(np.rot90(draw_page(random, fonts), ROTATIONS_DEGREES[number] // 90))
        found, _ = letter_patches(turned, most=120)
        patches.append(found)
        turns.append(np.full(len(found), number))
    return np.concatenate(patches), np.concatenate(turns)


def main() -> None:
    """Train, report, store."""
    from sklearn.neural_network import MLPClassifier

    random = np.random.default_rng(SEED)
    fonts = sorted(font for font in FONT_FOLDER.rglob("*.ttf") if "Math" not in font.name)
    patches, turns = make_examples(random, fonts, TRAINING_PAGES)
    network = MLPClassifier(
        (96,), max_iter=40, early_stopping=True, random_state=SEED, alpha=1e-4, batch_size=512
    )
    network.fit(patches, turns)
    fresh, truth = make_examples(random, fonts, TRAINING_PAGES // 10)
    print(
        f"{len(patches)} letters; single letters right on fresh sheets: {network.score(fresh, truth):.3f} of {len(fresh)}"
    )
    (w1, w2), (b1, b2) = network.coefs_, network.intercepts_
    arrays = {"w1": w1, "b1": b1, "w2": w2, "b2": b2}
    path = trained_model_path("orientation.npz")
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **{name: value.astype(np.float16) for name, value in arrays.items()})


if __name__ == "__main__":
    main()
