"""Train the network that estimates a page's orientation (models/orientation.md). It takes a few minutes on
one core, and the result is the same every time.

Letters are drawn in every TrueType font of the system, in the mixture of a form (sentences, capitals,
digits), degraded as by a scanner and a fax machine, rotated by right angles and a few degrees, and cut out by
the code that cuts out a page's letters.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pipeline.ocr.image.orientation import ROTATIONS_DEGREES, letter_patches
from pipeline.ocr.image.pixels import GrayImage

TRAINING_PAGES = 2400
SEED = 4
FONT_FOLDER = Path("/usr/share/fonts/truetype")
ENGLISH_LETTERS = (
    "eeeeeeeeeeeetttttttttaaaaaaaaooooooooiiiiiiinnnnnnnsssssshhh"
    "hhhrrrrrrddddlllluuucccmmmwwffggyyppbbvvkxjqz"
)
"""Letters in about their frequency in English."""


def draw_page(random: np.random.Generator, fonts: list[Path]) -> GrayImage:
    """Return a degraded part of a page, 900 x 900 pixels."""
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
    """Return words of English letters in their usual frequency."""
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
    """Skew a page slightly, blur it, thin or thicken it and add noise; often make it bilevel."""
    rotation = cv2.getRotationMatrix2D((450, 450), float(random.uniform(-4, 4)), 1.0)
    out = np.asarray(cv2.warpAffine(gray, rotation, (900, 900), borderValue=255), np.float64)
    out = np.asarray(cv2.GaussianBlur(out, (0, 0), float(random.uniform(0.3, 1.6))), np.float64)
    out += random.normal(0, float(random.uniform(2, 25)), out.shape)
    if random.random() < 0.6:
        out = np.where(out < random.uniform(110, 215), 0.0, 255.0)
    return np.asarray(out.clip(0, 255), np.uint8)


def make_examples(
    random: np.random.Generator, fonts: list[Path], pages: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return letters of random pages.

    Returns:
        The patches, shape (letters, PATCH_SIDE_PX ** 2), and the index into ROTATIONS_DEGREES of the rotation
        that makes each letter upright, shape (letters,).
    """
    patches, rotations = [], []
    for _ in range(pages):
        number = int(random.integers(4))
        rotated = np.ascontiguousarray(np.rot90(draw_page(random, fonts), ROTATIONS_DEGREES[number] // 90))
        page_patches, _ = letter_patches(rotated, max_letters=120)
        patches.append(page_patches)
        rotations.append(np.full(len(page_patches), number))
    return np.concatenate(patches), np.concatenate(rotations)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedOrientation:
    """The result of a training.

    Attributes:
        arrays: The arrays of the model file: w1, b1, w2, b2.
        letters: Letters that the network was trained on.
        held_out_letters: Letters of new pages.
        accuracy: Share of the held-out letters whose rotation is right.
    """

    arrays: dict[str, NDArray[np.float16]]
    letters: int
    held_out_letters: int
    accuracy: float


def train_orientation() -> TrainedOrientation:
    """Train the network and evaluate it on new pages."""
    from sklearn.neural_network import MLPClassifier

    random = np.random.default_rng(SEED)
    fonts = sorted(font for font in FONT_FOLDER.rglob("*.ttf") if "Math" not in font.name)
    patches, rotations = make_examples(random, fonts, TRAINING_PAGES)
    network = MLPClassifier(
        (96,), max_iter=40, early_stopping=True, random_state=SEED, alpha=1e-4, batch_size=512
    )
    network.fit(patches, rotations)
    new_patches, truth = make_examples(random, fonts, TRAINING_PAGES // 10)
    (w1, w2), (b1, b2) = network.coefs_, network.intercepts_
    arrays = {"w1": w1, "b1": b1, "w2": w2, "b2": b2}
    return TrainedOrientation(
        arrays={name: values.astype(np.float16) for name, values in arrays.items()},
        letters=len(patches),
        held_out_letters=len(new_patches),
        accuracy=round(float(network.score(new_patches, truth)), 3),
    )


def write_weights(path: Path, arrays: dict[str, NDArray[np.float16]]) -> None:
    """Write the arrays as a compressed .npz file, whatever the path's suffix is."""
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
