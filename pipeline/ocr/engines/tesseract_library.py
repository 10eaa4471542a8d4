"""Tesseract as a library in this process, loaded once: text and boxes in one pass."""

from __future__ import annotations

import time
from collections.abc import Sequence
from threading import Lock
from typing import Literal

from pipeline.ocr.engines.engine import OcrWord
from pipeline.ocr.engines.tesseract_tsv import TESSERACT_VARIABLES, parse_tsv, timeout_message
from pipeline.ocr.image.pixels import GrayImage


class LibraryInterface:
    """Tesseract with some languages in memory.

    Args:
        languages: Joined by +, such as "eng+spa".
        tessdata: The folder of their traineddata files.

    Raises:
        ImportError: tesserocr is not installed.
        RuntimeError: The library cannot load the files.
    """

    name: Literal["library"] = "library"

    def __init__(self, languages: str, tessdata: str) -> None:
        import tesserocr

        self._api = tesserocr.PyTessBaseAPI(path=tessdata, lang=languages)
        self._lock = Lock()  # an engine holds one image
        for name, value in TESSERACT_VARIABLES.items():
            self._api.SetVariable(name, value)

    def version(self) -> str:
        """Return Tesseract's version, such as "5.5.4"."""
        return library_version()

    def recognize(
        self, images: Sequence[GrayImage], psm: int, dpi: float, seconds: float
    ) -> list[list[OcrWord]]:
        """Return the words of each image. See TesseractInterface.recognize."""
        deadline = time.monotonic() + seconds
        with self._lock:
            self._api.SetPageSegMode(psm)
            try:
                return [self._recognize_image(image, dpi, deadline, seconds) for image in images]
            finally:
                self._api.Clear()

    def _recognize_image(
        self, image: GrayImage, dpi: float, deadline: float, seconds: float
    ) -> list[OcrWord]:
        height, width = image.shape
        self._api.SetImageBytes(image.tobytes(), width, height, 1, width)
        self._api.SetSourceResolution(round(dpi))
        self._api.ClearAdaptiveClassifier()  # earlier pages must not change the result
        remaining = deadline - time.monotonic()
        if remaining <= 0 or (
            not self._api.Recognize(max(1, round(1000 * remaining))) and time.monotonic() >= deadline
        ):
            raise TimeoutError(timeout_message(seconds))
        return parse_tsv(self._api.GetTSVText(0))[0]


def library_version() -> str:
    """Return the library's version, such as "5.5.4".

    Raises:
        ImportError: tesserocr is not installed.
    """
    import tesserocr

    return str(tesserocr.tesseract_version()).split("\n", 1)[0].removeprefix("tesseract ")
