"""Compare Tesseract as a library with Tesseract as a program: CPU time, wall time and words of each page.

    python -m bench.tesseract_interfaces FILE... [--second-engine low_confidence]

Reads each page image (PNG, JPEG, one-page TIFF) both ways in turn: completely, as a worker does, and with
Tesseract alone on the gray image. The engines are loaded before, with the first page.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from bench.throughput import cpu
from pipeline.config import OcrSettings, TesseractInterfaceChoice, load_settings
from pipeline.ocr.engines import tesseract
from pipeline.ocr.image.pixels import load_page_image
from pipeline.ocr.read_page import read_page
from pipeline.records import Page
from pipeline.worker.launcher import limit_to_one_thread

CHOICES: tuple[TesseractInterfaceChoice, ...] = ("library", "program")
DPI = 200.0
PAGE_SEGMENTATION_MODE = 3


def measured(call: Callable[[], list[object]]) -> tuple[float, float, list[object]]:
    """Return the CPU seconds, the wall seconds and the result of a call."""
    cpu_before, wall_before = cpu(), time.monotonic()
    result = call()
    return cpu() - cpu_before, time.monotonic() - wall_before, result


def page_words(file: Path, settings: OcrSettings) -> list[object]:
    """Return the words of a page, read completely."""
    return list(read_page(Page(scan="", number=1, image=file.name), file, settings).page.words)


def engine_words(file: Path, choice: TesseractInterfaceChoice) -> list[object]:
    """Return the words that Tesseract alone recognizes on a page."""
    gray = np.ascontiguousarray(load_page_image(file).gray)
    return list(tesseract.recognize([gray], "eng", PAGE_SEGMENTATION_MODE, DPI, 120.0, choice)[0])


def main() -> None:
    """Measure every file and print the means and the number of pages with equal words."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--second-engine", default="never", choices=("never", "low_confidence", "always"))
    arguments = parser.parse_args()
    limit_to_one_thread()
    base = load_settings().ocr.model_copy(update={"second_engine": arguments.second_engine})
    settings = {choice: base.model_copy(update={"tesseract": choice}) for choice in CHOICES}
    for choice in CHOICES:
        page_words(arguments.files[0], settings[choice])
    seconds: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    equal: dict[str, int] = defaultdict(int)
    for file in arguments.files:
        for what in ("complete page", "Tesseract alone"):
            words = []
            for choice in CHOICES:
                call = (
                    partial(page_words, file, settings[choice])
                    if what == "complete page"
                    else partial(engine_words, file, choice)
                )
                result = measured(call)
                seconds[what, choice].append(result[:2])
                words.append(result[2])
            equal[what] += words[0] == words[1]
    for (what, name), spent in seconds.items():
        cpu_mean, wall_mean = np.mean(spent, axis=0)
        print(f"{what:16} {name:8} {cpu_mean:6.3f} s of CPU, {wall_mean:6.3f} s in all, per page")
    for what, count in equal.items():
        print(f"{what:16} the same words, boxes and confidences on {count} of {len(arguments.files)} pages")
    versions = ", ".join(f"{choice} {tesseract.get_interface('eng', choice).version()}" for choice in CHOICES)
    print(f"Tesseract: {versions}")


if __name__ == "__main__":
    main()
