"""Name everything besides the page that an OCR result depends on, for the OCR cache.

A cached result is used only under the key of the engines, models and settings that would produce it now.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pipeline.config import OcrSettings, TesseractInterfaceChoice
from pipeline.ocr.engines import rapidocr_engine, tesseract, text_detector
from pipeline.ocr.image.orientation import MODEL_FILE as ORIENTATION_MODEL
from pipeline.ocr.recognition.script_detection import installed_script_languages
from pipeline.ocr.recognition.word_confidence import MODEL_FILE as WORD_CONFIDENCE_MODEL
from pipeline.resources import model_path

READER_REVISION = 18
"""Revision of this project's own code for reading. Raise it with every change that reads the same page
differently.
"""
PACKAGES = ("tesserocr", "opencv-python-headless", "pillow", "zxing-cpp")
"""Packages whose version may change a result: decoding, cleanup and barcodes."""
SECOND_ENGINE_PACKAGES = ("rapidocr", "onnxruntime")
NEUTRAL_SETTINGS = {"page_timeout_seconds", "tesseract"}
"""Settings that do not change a result. How Tesseract is called is part of the key as what it leads to."""


def engine_key(settings: OcrSettings) -> str:
    """Return a short name for the engines, models, settings and code revision that produce a result.

    The key is computed once per process and settings, because models are loaded once per process.

    Raises:
        MissingDependency: Tesseract has no data for a configured language.
        ConfigurationError: The second engine is not installed.
    """
    return _engine_key(
        settings.model_dump_json(exclude=NEUTRAL_SETTINGS),
        settings.languages,
        settings.second_engine,
        settings.tesseract,
    )


@cache
def _engine_key(settings: str, languages: str, second_engine: str, choice: TesseractInterfaceChoice) -> str:
    has_second_engine = second_engine != "never"
    packages = PACKAGES + (SECOND_ENGINE_PACKAGES if has_second_engine else ())
    files = [model_path(ORIENTATION_MODEL), model_path(WORD_CONFIDENCE_MODEL), *_traineddata_files(languages)]
    if has_second_engine:
        files += [rapidocr_engine.model_file(), text_detector.model_file()]
    dependencies = {
        "revision": READER_REVISION,
        "settings": settings,
        "tesseract": _tesseract_versions(languages, choice),
        "packages": {name: _package_version(name) for name in packages},
        "models": [[file.name, _file_hash(file)] for file in files],
    }
    return hashlib.sha256(json.dumps(dependencies, sort_keys=True).encode()).hexdigest()[:16]


def _tesseract_versions(languages: str, choice: TesseractInterfaceChoice) -> list[list[str]]:
    """Return how Tesseract is called for the configured languages, with its version, and the versions that
    may recognize the other scripts, which are not loaded for this.
    """
    interface = tesseract.get_interface(languages, choice)
    other_scripts = installed_script_languages(languages, tesseract.installed_languages())
    return [
        [interface.name, interface.version()],
        *(tesseract.possible_versions(group, choice) for group in other_scripts),
    ]


def _traineddata_files(languages: str) -> Iterator[Path]:
    """Yield the files of the configured languages and of the other scripts that a poorly read page is tried
    in.
    """
    for group in (languages, *installed_script_languages(languages, tesseract.installed_languages())):
        for language in group.split("+"):
            yield Path(tesseract.tessdata_folder(language)) / f"{language}.traineddata"


def _package_version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _file_hash(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
