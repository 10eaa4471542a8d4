"""Fits models/word_confidence.json: `python -m bench.read_confidence DIR... [--limit N] [--write]`.

Each DIR holds pictures and same-stem .gt.txt files. A word is right if its letters and digits still stand in
the page's truth. Half of the files (by the hash of their name) fit the weights, the other half give the
reliability tables that are printed, one for each folder. Every page is read once by Tesseract and judged with
the second engine and without it. Folders of forms, where sure words are wrong most often, may be named again
to count more: `funsd funsd funsd faxes` is how the shipped weights were made."""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from pipeline.config import OcrSettings, load_settings
from pipeline.ocr.engines.engine import OcrWord
from pipeline.ocr.image import pixels
from pipeline.ocr.image.ink_separation import separate_inks
from pipeline.ocr.preprocess import preprocess
from pipeline.ocr.read_page import plausible_dpi
from pipeline.ocr.recognition import recognize, word_confidence
from pipeline.resources import trained_model_path

CONFIDENCE_LEVELS = (0.0, 0.2, 0.5, 0.8, 0.9, 0.95, 0.98, 1.01)
HIGH_CONFIDENCE = 0.95
SECOND_ENGINE_SETTINGS = ("never", "low_confidence")
Row = tuple[list[float], bool]


def tokens(text: str) -> Counter[str]:
    return Counter(re.findall(r"[^\W_]+", text.lower()))


def name_hash(path: Path) -> int:
    return int(hashlib.sha1(path.name.encode()).hexdigest(), 16)


def labeled_features(found: Sequence[OcrWord], left: Counter[str]) -> Iterator[Row]:
    """Features of each word, and whether it is right: what it needs is taken from what is `left` of the
    truth.
    """
    for word in found:
        needed = tokens(word.text)
        if needed:
            yield word_confidence.features(word), all(left[token] >= count for token, count in needed.items())
            left -= needed


def rows_from_file(image: Path, truth: str, settings: OcrSettings) -> list[Row]:
    """The judged words of a file's pages, as each engine setting reads them."""
    rows: list[Row] = []
    left = {engine: tokens(truth) for engine in SECOND_ENGINE_SETTINGS}
    with Image.open(image) as frames:
        for frame in ImageSequence.Iterator(frames):
            page = pixels.page_image_from_pil(frame.copy())
            ready = preprocess(page, separate_inks(page), settings)
            height, width = ready.page.shape
            first = recognize.first_pass(
                ready.dewarped.image, ready.letter_size, plausible_dpi(None, width, height), settings
            )
            for engine in SECOND_ENGINE_SETTINGS:
                rows += labeled_features(
                    recognize.second_pass(first, settings.model_copy(update={"second_engine": engine})),
                    left[engine],
                )
    return rows


def labeled_files(folder: Path, limit: int) -> Iterator[tuple[Path, str]]:
    """(picture, truth) of a folder, in an order that says nothing."""
    for truth in sorted(folder.glob("*.gt.txt"), key=name_hash)[:limit]:
        stem = truth.name.removesuffix(".gt.txt")
        image = next(
            file for file in sorted(folder.glob(f"{stem}.*")) if file.suffix in (".png", ".tif", ".jpg")
        )
        yield image, truth.read_text(encoding="utf-8", errors="replace")


def print_reliability_table(name: str, claimed: NDArray[np.float64], right: NDArray[np.bool_]) -> None:
    """Print how often words were right at each level of what was claimed."""
    print(f"{name}: {len(right)} held-out words")
    for low, high in pairwise(CONFIDENCE_LEVELS):
        here = (claimed >= low) & (claimed < high)
        if here.any():
            claim, share = claimed[here].mean(), right[here].mean()
            print(f"  {low:.2f}-{min(high, 1):.2f} n={here.sum():6} claimed {claim:.3f} right {share:.3f}")
    sure = claimed > HIGH_CONFIDENCE
    print(
        f"  above {HIGH_CONFIDENCE}: {sure.mean():.3f} of the words, {right[sure].mean() if sure.any() else 0:.4f} right",
        flush=True,
    )


def main() -> None:
    from sklearn.linear_model import LogisticRegression

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--limit", type=int, default=1000, help="files of each folder")
    parser.add_argument("--write", action="store_true", help="write the weights")
    args = parser.parse_args()
    settings, weight = load_settings().ocr, Counter(args.folders)
    rows = [
        (folder, name_hash(image) % 2, *row)
        for folder in weight
        for image, truth in labeled_files(folder, args.limit)
        for row in rows_from_file(image, truth, settings)
    ]
    folders = np.array([folder.name for folder, *_ in rows])
    half, features, right = (np.array([row[column] for row in rows]) for column in (1, 2, 3))
    counts = np.array([float(weight[folder]) for folder, *_ in rows])
    fits = half == 0
    model = LogisticRegression(fit_intercept=False, max_iter=2000).fit(
        features[fits], right[fits], sample_weight=counts[fits]
    )
    claimed = model.predict_proba(features)[:, 1]
    for name in dict.fromkeys(folders):
        print_reliability_table(
            str(name), claimed[~fits & (folders == name)], right[~fits & (folders == name)]
        )
    print_reliability_table("all", claimed[~fits], right[~fits])
    weights = [round(float(value), 4) for value in model.coef_[0]]
    print(json.dumps({"weights": weights}))
    if args.write:
        path = trained_model_path("word_confidence.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"weights": weights}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
