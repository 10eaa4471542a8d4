"""Fit the weights of the word confidence (models/word_confidence.md).

A folder contains images and same-stem .gt.txt files. A word is correct if its letters and digits occur in the
rest of the page's ground truth. Half of the files (by the hash of their name) fit the weights; the other half
is held out and yields the reliability tables, one for each folder. Every page is recognized once by Tesseract
and evaluated with the second engine and without it. A folder that is named several times counts several
times: `funsd funsd funsd faxes` is how the shipped weights were made, because confident words are wrong most
often on forms.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from pipeline.config import OcrSettings
from pipeline.ocr.engines.engine import OcrWord
from pipeline.ocr.image import pixels
from pipeline.ocr.image.ink_separation import separate_inks
from pipeline.ocr.preprocess import preprocess
from pipeline.ocr.read_page import plausible_dpi
from pipeline.ocr.recognition import recognize, word_confidence

CONFIDENCE_LEVELS = (0.0, 0.2, 0.5, 0.8, 0.9, 0.95, 0.98, 1.01)
HIGH_CONFIDENCE = 0.95
SECOND_ENGINE_SETTINGS = ("never", "low_confidence")
IMAGE_SUFFIXES = (".png", ".tif", ".jpg")

LabeledRow = tuple[list[float], bool]
"""The features of a word, and whether it is correct."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedConfidence:
    """The result of a training.

    Attributes:
        weights: For `word_confidence.features`.
        reliability: Per folder, and for all: a reliability table of the held-out words.
    """

    weights: list[float]
    reliability: dict[str, dict[str, object]]


def fit_word_confidence(
    folders: Sequence[Path], limit: int, settings: OcrSettings, advance: Callable[[float], object]
) -> FittedConfidence:
    """Fit the weights and evaluate them on held-out files.

    Args:
        folders: Folders with images and ground truth; one that is named n times counts n times.
        limit: Files of each folder.
        settings: The languages and the engines.
        advance: Called with 1 for each file.
    """
    from sklearn.linear_model import LogisticRegression

    folder_weights = Counter(folders)
    rows: list[tuple[Path, int, list[float], bool]] = []
    for folder in folder_weights:
        for image, truth in labeled_files(folder, limit):
            half = name_hash(image) % 2
            rows += [(folder, half, *row) for row in rows_from_file(image, truth, settings)]
            advance(1)
    names = np.array([folder.name for folder, *_ in rows])
    features = np.array([row[2] for row in rows])
    is_correct = np.array([row[3] for row in rows])
    sample_weights = np.array([float(folder_weights[folder]) for folder, *_ in rows])
    is_training = np.array([half == 0 for _, half, *_ in rows])
    model = LogisticRegression(fit_intercept=False, max_iter=2000).fit(
        features[is_training], is_correct[is_training], sample_weight=sample_weights[is_training]
    )
    predicted = model.predict_proba(features)[:, 1]
    groups = {str(name): ~is_training & (names == name) for name in dict.fromkeys(names)}
    groups["all"] = ~is_training
    return FittedConfidence(
        weights=[round(float(weight), 4) for weight in model.coef_[0]],
        reliability={
            name: reliability_table(predicted[group], is_correct[group]) for name, group in groups.items()
        },
    )


def tokens(text: str) -> Counter[str]:
    """Return the lower-case runs of letters and digits, with their counts."""
    return Counter(re.findall(r"[^\W_]+", text.lower()))


def name_hash(path: Path) -> int:
    """Return a stable hash of a file's name."""
    return int(hashlib.sha1(path.name.encode(), usedforsecurity=False).hexdigest(), 16)


def labeled_features(words: Sequence[OcrWord], remaining: Counter[str]) -> Iterator[LabeledRow]:
    """Yield the features of each word, and whether it is correct. Its tokens are then removed from the
    `remaining` ground truth.
    """
    for word in words:
        needed = tokens(word.text)
        if needed:
            is_correct = all(remaining[token] >= count for token, count in needed.items())
            yield word_confidence.features(word), is_correct
            remaining -= needed


def rows_from_file(image: Path, truth: str, settings: OcrSettings) -> list[LabeledRow]:
    """Return the labeled words of a file's pages, as recognized with each setting of the second engine."""
    rows: list[LabeledRow] = []
    remaining = {setting: tokens(truth) for setting in SECOND_ENGINE_SETTINGS}
    with Image.open(image) as frames:
        for frame in ImageSequence.Iterator(frames):
            page = pixels.page_image_from_pil(frame.copy())
            prepared = preprocess(page, separate_inks(page), settings)
            height, width = prepared.page.shape
            first = recognize.first_pass(
                prepared.dewarped.image, prepared.letter_size, plausible_dpi(None, width, height), settings
            )
            for setting in SECOND_ENGINE_SETTINGS:
                second = recognize.second_pass(first, settings.model_copy(update={"second_engine": setting}))
                rows += labeled_features(second.words, remaining[setting])
    return rows


def labeled_files(folder: Path, limit: int) -> Iterator[tuple[Path, str]]:
    """Yield (image, ground truth) of a folder, in the order of the hashes of the names."""
    for truth in sorted(folder.glob("*.gt.txt"), key=name_hash)[:limit]:
        stem = truth.name.removesuffix(".gt.txt")
        candidates = sorted(folder.glob(f"{stem}.*"))
        image = next(file for file in candidates if file.suffix in IMAGE_SUFFIXES)
        yield image, truth.read_text(encoding="utf-8", errors="replace")


def reliability_table(predicted: NDArray[np.float64], is_correct: NDArray[np.bool_]) -> dict[str, object]:
    """Return how often words were correct at each level of predicted confidence.

    Args:
        predicted: Confidence of each word.
        is_correct: Whether each word is correct.
    """
    levels = []
    for low, high in pairwise(CONFIDENCE_LEVELS):
        in_level = (predicted >= low) & (predicted < high)
        if in_level.any():
            levels.append(
                {
                    "from": low,
                    "to": min(high, 1.0),
                    "words": int(in_level.sum()),
                    "mean_confidence": round(float(predicted[in_level].mean()), 3),
                    "correct": round(float(is_correct[in_level].mean()), 3),
                }
            )
    is_high = predicted > HIGH_CONFIDENCE
    return {
        "words": len(predicted),
        "levels": levels,
        "share_above": {str(HIGH_CONFIDENCE): round(float(is_high.mean()), 3) if len(is_high) else 0.0},
        "correct_above": {
            str(HIGH_CONFIDENCE): round(float(is_correct[is_high].mean()), 4) if is_high.any() else 0.0
        },
    }
