"""Detect the languages of a poorly recognized page: is it in another script for which a language is
installed?

A part of the page is recognized in each such script, and the most confident result decides. Tesseract's own
script detection was tried for this: it names the correct script of a Russian letter at one size, and none or
another one at four thirds of that size.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.config import OcrSettings
from pipeline.ocr.engines import tesseract
from pipeline.ocr.engines.engine import OcrWord
from pipeline.ocr.image.pixels import GrayImage
from pipeline.ocr.preprocess import densest_band
from pipeline.ocr.recognition.second_pass import mean_confidence

MAX_POOR_CONFIDENCE = 0.6
"""Mean confidence of Tesseract's words, weighted by length, below which the page may be in another script.
Latin recognized as Latin has more, Russian recognized as English 0.3.
"""
MIN_CHARACTERS = 60
"""Recognized characters a page needs: a stamp and a scribble are not a page in another script."""
MIN_CONFIDENCE_GAIN = 0.15
"""Rise of the mean confidence at which another script is accepted. Russian recognized as Russian has 0.94."""
MAX_SCRIPTS, MAX_LANGUAGES_PER_SCRIPT = 4, 3
"""Scripts tried on a page, and languages recognized together. Each script costs a quarter of the page's
recognition time, each language recognizes every word again.
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
"""Tesseract's languages of each script except Latin, the most common first. Latin pages are recognized as the
settings say.
"""


def detect_other_languages(
    words: Sequence[OcrWord], image: GrayImage, dpi: float, settings: OcrSettings
) -> str | None:
    """Return the languages to use for a poorly recognized page, or None if the configured languages are
    right.

    Args:
        words: The page's words in the configured languages.
        image: The upright page as recognized, shape (height, width).
        dpi: Resolution reported to Tesseract.
        settings: The configured languages.

    Raises:
        TimeoutError: Tesseract exceeded its time limit.
    """
    scripts = installed_script_languages(settings.languages, tesseract.installed_languages())
    if not scripts or not is_poorly_read(words):
        return None
    band = densest_band(image)
    confidences = {
        languages: mean_confidence(
            tesseract.recognize(
                [band],
                languages,
                psm=6,
                dpi=dpi,
                seconds=settings.page_timeout_seconds,
                choice=settings.tesseract,
            )[0]
        )
        for languages in scripts
    }
    best = max(confidences, key=lambda languages: confidences[languages])
    return (
        f"{best}+{settings.languages}"
        if confidences[best] > mean_confidence(words) + MIN_CONFIDENCE_GAIN
        else None
    )


def is_poorly_read(words: Sequence[OcrWord]) -> bool:
    """Return whether the page has enough characters and their confidence is low."""
    return (
        sum(len(word.text) for word in words) >= MIN_CHARACTERS
        and mean_confidence(words) < MAX_POOR_CONFIDENCE
    )


def installed_script_languages(languages: str, installed: frozenset[str]) -> list[str]:
    """Return the installed languages, joined by +, of each script that no configured language uses."""
    configured = set(languages.split("+"))
    scripts = (
        [language for language in script_languages if language in installed]
        for script_languages in LANGUAGES_BY_SCRIPT.values()
        if not configured & set(script_languages)
    )
    return ["+".join(available[:MAX_LANGUAGES_PER_SCRIPT]) for available in scripts if available][
        :MAX_SCRIPTS
    ]
