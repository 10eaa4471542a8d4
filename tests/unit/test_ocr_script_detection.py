"""Pages in another script than the configured one: detected if they are poorly read,
then read with the installed languages.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from pipeline.config import load_settings
from pipeline.ocr.engines import tesseract
from pipeline.ocr.engines.engine import OcrWord
from pipeline.ocr.image.pixels import GrayImage
from pipeline.ocr.read_page import read_page
from pipeline.ocr.recognition.script_detection import installed_script_languages, is_poorly_read
from pipeline.records import Page
from pipeline.synthetic.page import font_files

RUSSIAN = (
    "Выписной эпикриз. Больная поступила с жалобами на боли в груди",
    "и одышку при ходьбе. Состояние удовлетворительное, температура",
    "нормальная. Назначено лечение, рекомендован осмотр через месяц.",
)


def letter(lines: tuple[str, ...]) -> GrayImage:
    page = Image.new("L", (1240, 1500), 255)
    draw, font = ImageDraw.Draw(page), ImageFont.truetype(str(font_files()["DejaVuSans"]), 28)
    for number in range(24):
        draw.text((100, 100 + 54 * number), lines[number % len(lines)], fill=0, font=font)
    return np.asarray(page)


def test_scripts_are_tried_in_their_installed_languages_unless_one_is_configured() -> None:
    installed = frozenset({"eng", "deu", "rus", "ukr", "ell", "osd"})
    assert installed_script_languages("eng", installed) == ["rus+ukr", "ell"]
    assert installed_script_languages("eng+ukr", installed) == ["ell"]
    assert installed_script_languages("eng", frozenset({"eng", "deu", "osd"})) == []


def test_the_script_of_a_page_with_few_or_confident_words_is_not_detected() -> None:
    def words(count: int, confidence: float) -> list[OcrWord]:
        return [
            OcrWord(text="Bpinncka", box=(0, 0, 9, 9), confidence=confidence, block=1, paragraph=1, line=1)
            for _ in range(count)
        ]

    assert is_poorly_read(words(20, 0.3))
    assert not is_poorly_read(words(20, 0.9))
    assert not is_poorly_read(words(3, 0.3))


@pytest.mark.skipif(
    "rus" not in tesseract.installed_languages(), reason="Tesseract's Russian is not installed"
)
@pytest.mark.skipif("DejaVuSans" not in font_files(), reason="no font with Cyrillic letters")
def test_a_russian_page_is_read_as_russian_if_the_settings_name_english(tmp_path: Path) -> None:
    file = tmp_path / "page.png"
    Image.fromarray(letter(RUSSIAN)).save(file)
    settings = load_settings().ocr.model_copy(update={"languages": "eng"})
    text = read_page(Page(scan="", number=1, image="0" * 64), file, settings).page.text
    assert "Состояние удовлетворительное" in text
