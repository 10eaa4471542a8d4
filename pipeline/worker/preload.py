"""Importing what every worker needs, once, before they are forked: it is then in memory once."""

from __future__ import annotations

import gc

from pipeline.config import Settings, document_types


def warm_up(settings: Settings) -> None:
    """Import the stages and load what they load. Raises MissingDependency or ConfigurationError where a page could not
    be read here.
    """
    from pipeline.classify.types import predict_types
    from pipeline.ocr.engines import rapidocr_engine, tesseract
    from pipeline.worker import scan_stages, worker  # noqa: F401

    tesseract.get_engine(settings.ocr.languages)
    if settings.ocr.second_engine != "never":
        rapidocr_engine.get_engine()
    document_types()
    predict_types("")
    gc.freeze()  # what is loaded stays: the workers' collector need not look through it page after page
