"""Tesseract as a program, started by pytesseract: a process of its own, which is ended after a time limit.

All images of a call are recognized by one process, because loading the network takes 0.1 s of CPU. The files
that it reads and writes hold a patient's page: they are in a folder that only this user can read, and are
removed after the call.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Literal

from pipeline.ocr.engines.engine import OcrWord, RecognitionFailed
from pipeline.ocr.engines.tesseract_tsv import TESSERACT_VARIABLES, parse_tsv, timeout_message
from pipeline.ocr.image.pixels import GrayImage

MIN_TIMEOUT_SECONDS = 0.001
"""pytesseract takes 0 as no limit."""
_program_lock = Lock()  # pytesseract keeps the program's path in a variable of its module


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramInterface:
    """The program with some languages.

    Attributes:
        languages: Joined by +, such as "eng+spa".
        tessdata: The folder of their traineddata files.
        program: Path of the program.
    """

    languages: str
    tessdata: str
    program: str

    @property
    def name(self) -> Literal["program"]:
        """Return how Tesseract is called."""
        return "program"

    def version(self) -> str:
        """Return the program's version, such as "5.3.0"."""
        return program_version(self.program)

    def recognize(
        self, images: Sequence[GrayImage], psm: int, dpi: float, seconds: float
    ) -> list[list[OcrWord]]:
        """Return the words of each image. See TesseractInterface.recognize."""
        with TemporaryDirectory(prefix="tesseract-") as folder:
            listed, output = Path(folder) / "images.txt", Path(folder) / "words"
            files = [_write_pgm(image, Path(folder) / f"{n}.pgm") for n, image in enumerate(images)]
            listed.write_text("".join(f"{file}\n" for file in files), encoding="utf-8")
            self._run(listed, output, psm, dpi, seconds)
            return parse_tsv(output.with_suffix(".tsv").read_text(encoding="utf-8"), len(images))

    def _run(self, listed: Path, output: Path, psm: int, dpi: float, seconds: float) -> None:
        from pytesseract import pytesseract

        variables = {"tessedit_create_tsv": "1", **TESSERACT_VARIABLES}
        options = ["--tessdata-dir", self.tessdata, "--psm", str(psm), "--dpi", str(round(dpi))]
        for name, value in variables.items():
            options += ["-c", f"{name}={value}"]
        with _program_lock:
            pytesseract.tesseract_cmd = self.program
            try:
                pytesseract.run_tesseract(
                    str(listed),
                    str(output),
                    extension="tsv",
                    lang=self.languages,
                    config=shlex.join(options),
                    timeout=max(MIN_TIMEOUT_SECONDS, seconds),
                )
            except pytesseract.TesseractError as error:
                raise RecognitionFailed(
                    f"Tesseract stopped on this page (status {error.status})."
                ) from None  # its message may quote the page
            except RuntimeError:  # pytesseract has ended the process
                raise TimeoutError(timeout_message(seconds)) from None


@cache
def program_version(program: str) -> str:
    """Return the version that a program of Tesseract states, such as "5.3.0"."""
    stated = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return (stated.stdout or stated.stderr).split("\n", 1)[0].removeprefix("tesseract ").strip()


def _write_pgm(image: GrayImage, file: Path) -> Path:
    """Write an image of shape (height, width) as a PGM file (Netpbm's P5), which needs no compression."""
    height, width = image.shape
    with file.open("wb") as stream:
        stream.write(b"P5\n%d %d\n255\n" % (width, height))
        stream.write(image.tobytes())
    return file
