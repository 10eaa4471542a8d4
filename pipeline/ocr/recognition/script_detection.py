"""The languages of a page that was read badly: is it in another script, of which a language is installed?

A part of the page is read in each such script, and the surest reading says which it is. Tesseract's own
detection of scripts was tried for this: it names the right script of a Russian letter at one size and none or
another at four thirds of it."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.config import OcrSettings
from pipeline.ocr.engines import tesseract
from pipeline.ocr.engines.engine import OcrWord
from pipeline.ocr.image.pixels import GrayImage
from pipeline.ocr.preprocess import densest_band
from pipeline.ocr.recognition.second_pass import mean_confidence

MAX_POOR_CONFIDENCE = 0.6
"""Mean confidence of Tesseract's words, by letters, below which the page may be in another script: Latin read
as such has more, Russian read as English .3."""
MIN_CHARACTERS = 60
"""Characters that must have been read: a stamp and a scribble are no page of another script."""
MIN_CONFIDENCE_GAIN = 0.15
"""By how much the mean confidence must rise for another script to be taken for the page's: Russian read as
such has .94.
"""
MAX_SCRIPTS, MAX_LANGUAGES_PER_SCRIPT = 4, 3
"""Tried on a page, and read together: each script costs a quarter of the page's reading, each language one
more of every word.
"""
LANGUAGES_BY_SCRIPT: dict[str, tuple[str, ...]] = {
    "Cyrillic": ("rus", "ukr", "bul", "srp", "bel", "mkd"),
    "Greek": ("ell",),
    "Arabic": ("ara", "fas", "urd"),
    "Hebrew": ("heb", "yid"),
    "Chinese": ("chi_sim", "chi_tra"),
    "Japanese": ("jpn",),
    "Korean": ("kor",),
    "Thai": ("tha",),
    "Devanagari": ("hin", "nep", "mar"),
    "Bengali": ("ben",),
    "Tamil": ("tam",),
    "Telugu": ("tel",),
    "Gujarati": ("guj",),
    "Gurmukhi": ("pan",),
    "Kannada": ("kan",),
    "Malayalam": ("mal",),
    "Armenian": ("hye",),
    "Georgian": ("kat",),
    "Khmer": ("khm",),
    "Lao": ("lao",),
    "Burmese": ("mya",),
    "Ethiopic": ("amh", "tir"),
}
"""Tesseract's languages of each script but Latin, the commonest first. Latin pages are read as the settings
say.
"""


def detect_other_languages(
    seen: Sequence[OcrWord], picture: GrayImage, dpi: float, settings: OcrSettings
) -> str | None:
    """The languages to read a page with that was read badly as `seen`; None where the usual ones are right.

    `picture`: upright, as it was read. Raises TimeoutError.
    """
    scripts = installed_script_languages(settings.languages, tesseract.installed_languages())
    if not scripts or not is_poorly_read(seen):
        return None
    band = densest_band(picture)
    sure = {
        languages: mean_confidence(
            tesseract.recognize([band], languages, psm=6, dpi=dpi, seconds=settings.page_timeout_seconds)[0]
        )
        for languages in scripts
    }
    best = max(sure, key=lambda languages: sure[languages])
    return (
        f"{best}+{settings.languages}" if sure[best] > mean_confidence(seen) + MIN_CONFIDENCE_GAIN else None
    )


def is_poorly_read(seen: Sequence[OcrWord]) -> bool:
    """Whether the page has characters enough, and the engine doubts them."""
    return (
        sum(len(word.text) for word in seen) >= MIN_CHARACTERS and mean_confidence(seen) < MAX_POOR_CONFIDENCE
    )


def installed_script_languages(languages: str, installed: frozenset[str]) -> list[str]:
    """The installed languages of each script that the usual languages do not cover, joined by +."""
    usual = set(languages.split("+"))
    scripts = (
        [one for one in written if one in installed]
        for written in LANGUAGES_BY_SCRIPT.values()
        if not usual & set(written)
    )
    return ["+".join(found[:MAX_LANGUAGES_PER_SCRIPT]) for found in scripts if found][:MAX_SCRIPTS]
