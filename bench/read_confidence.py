"""Fits models/word_confidence.json: `python -m bench.read_confidence DIR...`, each with images and same-stem .gt.txt files.

A word is right if its letters and digits still stand in the page's truth. Half of the pages (by the hash of their name) fit the
weights, the other half give the reliability table that is printed. Pages are read with the second engine and without it.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image, ImageSequence

from pipeline.config import MODELS, load_settings
from pipeline.ocr import confidence, pixels, upright, words
from pipeline.ocr.engines import Seen
from pipeline.ocr.orientation import orientation
from pipeline.ocr.reading import believable_dpi

LEVELS = (0.0, 0.2, 0.5, 0.8, 0.9, 0.95, 0.98, 1.01)


def tokens(text: str) -> Counter[str]:
    return Counter(re.findall(r"[^\W_]+", text.lower()))


def judged(image: Path, truth: str, engine: str) -> Iterator[tuple[list[float], bool]]:
    """Features of each word of a file, and whether it is right."""
    settings = load_settings().ocr.model_copy(update={"second_engine": engine})
    left = tokens(truth)
    with Image.open(image) as frames:
        for frame in ImageSequence.Iterator(frames):
            page = pixels.from_image(frame.copy())
            flat = upright.level(page.grey, upright.skew(page.grey))
            dpi = believable_dpi(None, flat.shape[1], flat.shape[0])
            for word in raw_words(flat, orientation(page.grey).size, dpi, settings):
                needed = tokens(word.text)
                if needed:
                    yield confidence.features(word), all(left[t] >= n for t, n in needed.items())
                    left -= needed


def raw_words(flat: pixels.Grey, size: float, dpi: float, settings: object) -> list[Seen]:
    """The words before they are judged."""
    keep, words.calibrated = words.calibrated, list  # type: ignore[assignment]
    try:
        return words.read_words(flat, size, dpi, settings)  # type: ignore[arg-type]
    finally:
        words.calibrated = keep


def main() -> None:
    from sklearn.linear_model import LogisticRegression

    rows: list[tuple[int, list[float], bool]] = []
    for folder in map(Path, sys.argv[1:]):
        for truth in sorted(folder.glob("*.gt.txt")):
            stem = truth.name.removesuffix(".gt.txt")
            image = next(file for file in sorted(folder.glob(f"{stem}.*")) if file.suffix in (".png", ".tif", ".jpg"))
            half = int(hashlib.sha1(image.name.encode()).hexdigest(), 16) % 2
            for engine in ("never", "doubtful"):
                rows += [(half, *row) for row in judged(image, truth.read_text(encoding="utf-8"), engine)]
    half, features, right = (np.array(column) for column in zip(*rows, strict=True))
    model = LogisticRegression(fit_intercept=False, max_iter=2000).fit(features[half == 0], right[half == 0])
    claimed = model.predict_proba(features)[:, 1]
    for low, high in pairwise(LEVELS):
        here = (half == 1) & (claimed >= low) & (claimed < high)
        if here.any():
            share = right[here].mean()
            print(f"{low:.2f}-{min(high, 1):.2f} n={here.sum():6} claimed {claimed[here].mean():.3f} right {share:.3f}")
    weights = [round(float(weight), 4) for weight in model.coef_[0]]
    (MODELS / "word_confidence.json").write_text(json.dumps({"weights": weights}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
