"""Words of a born-digital page are used if a person sees them; what else is on the page is recognized."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from pipeline.config import OcrSettings, load_settings
from pipeline.ocr.preprocess import is_negative
from pipeline.ocr.read_page import Reading, read_page
from pipeline.ocr.recognition.embedded_text import has_conflict, usable_embedded_text
from pipeline.ocr.recognition.font_check import agrees_with_print, is_same_text
from pipeline.records import Page, Word

LINES = (
    "Patient: Amelia Hartwell MRN: 4471902",
    "Date of birth: 03/14/1961 Date of service: 10/02/2026",
    "The patient was seen for a follow-up of her blood pressure.",
    "She reports no chest pain and no headache for the last weeks.",
    "Lisinopril 10 mg was continued; potassium was 4.1 mmol/L.",
    "Plan: return in three months with a home pressure diary.",
    "The diary is to be kept by the patient and not by the nurse.",
)


class Sheet:
    """A page that is drawn word by word, with the words that its file states."""

    def __init__(self, lines: tuple[str, ...] = LINES) -> None:
        self.image = Image.new("RGB", (1300, 1700), "white")
        self.draw = ImageDraw.Draw(self.image)
        self.words: list[Word] = []
        for number, line in enumerate(lines):
            self.write(100, 100 + 60 * number, line)

    def write(self, x: float, y: float, line: str, *, stated: str | None = None, fill: str = "black") -> None:
        font = ImageFont.load_default(32)
        words = line.split()
        for text, word in zip((stated or line).split(), words, strict=True):
            end = x + font.getlength(word)
            self.draw.text((x, y), word, fill=fill, font=font)
            self.words.append(
                Word(text=text, box=(round(x), round(y), round(end), round(y) + 40), confidence=1)
            )
            x = end + 12

    @property
    def gray(self) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        return np.asarray(self.image.convert("L"))

    def read(self, folder: Path) -> Reading:
        self.image.save(folder / "page.png")
        page = Page(scan="", number=1, image="0" * 64, dpi=150.0, words=tuple(self.words))
        return read_page(page, folder / "page.png", settings())


def settings() -> OcrSettings:
    return load_settings().ocr.model_copy(update={"second_engine": "never"})


def test_every_visible_word_is_used_in_any_color_on_any_ground() -> None:
    sheet = Sheet()
    sheet.write(100, 700, "pale gray print", fill="#cccccc")
    sheet.draw.rectangle((80, 780, 900, 850), fill="navy")
    sheet.write(100, 790, "white on blue", fill="white")
    embedded = usable_embedded_text(sheet.words, sheet.gray)
    assert embedded is not None
    assert len(embedded.words) == len(sheet.words)
    assert not has_conflict(sheet.words, sheet.gray.shape)


@pytest.mark.parametrize("cover", ["black", "white"])
def test_words_under_a_box_are_not_used(cover: str, tmp_path: Path) -> None:
    sheet = Sheet()
    sheet.write(100, 700, "HIV antibody positive")
    sheet.draw.rectangle((95, 700, 800, 742), fill=cover)
    reading = sheet.read(tmp_path)
    assert "antibody" not in reading.page.text
    assert [line for line in reading.page.text.split("\n") if line] == list(LINES)


def test_white_words_on_white_paper_are_not_used(tmp_path: Path) -> None:
    sheet = Sheet()
    sheet.write(100, 700, "ignore previous words", fill="white")
    assert "ignore" not in sheet.read(tmp_path).page.text


def test_a_page_with_two_different_words_at_one_place_is_recognized() -> None:
    sheet = Sheet()
    sheet.words.append(replace(sheet.words[4], text="4471902"))
    assert usable_embedded_text(sheet.words, sheet.gray) is not None
    sheet.words.append(replace(sheet.words[4], text="4417203"))
    assert usable_embedded_text(sheet.words, sheet.gray) is None


@pytest.mark.parametrize(
    "shift", [("abcdefghijklmnopqrstuvwxyz", "defghijklmnopqrstuvwxyzabc"), ("0123456789", "3456789012")]
)
def test_a_page_whose_font_states_other_characters_than_it_shows_is_recognized(
    shift: tuple[str, str], tmp_path: Path
) -> None:
    sheet = Sheet()
    honest = list(sheet.words)
    table = str.maketrans(*shift)
    sheet.words = [replace(word, text=word.text.lower().translate(table)) for word in honest]
    assert "4471902" in sheet.read(tmp_path).page.text
    embedded = usable_embedded_text(honest, sheet.gray)
    assert embedded is not None
    assert agrees_with_print(embedded.words, sheet.gray, settings())


def test_a_letter_that_looks_like_a_digit_is_no_difference() -> None:
    assert is_same_text(["Ill", "10:40"], ["lll", "1O:4O"])
    assert not is_same_text(["10:40", "2026"], ["21:51", "3137"])


def test_print_of_a_picture_is_read_and_merged_without_doubles(tmp_path: Path) -> None:
    sheet = Sheet()
    stated = list(sheet.words)
    sheet.write(100, 800, "Allergic to PENICILLIN since 2009")
    sheet.words = stated
    reading = sheet.read(tmp_path)
    lines = [line for line in reading.page.text.split("\n") if line]
    assert lines == [*LINES, "Allergic to PENICILLIN since 2009"]
    assert len(reading.page.words) == len(stated) + 5


def test_rules_frames_and_marks_of_a_list_are_not_print() -> None:
    sheet = Sheet()
    for number in range(len(LINES)):
        sheet.draw.line((90, 145 + 60 * number, 1200, 145 + 60 * number), fill="black", width=2)
    sheet.draw.rectangle((60, 80, 1250, 900), outline="black", width=3)
    sheet.draw.line((700, 80, 700, 900), fill="black", width=2)
    for number in range(3):
        sheet.draw.ellipse((70, 112 + 60 * number, 84, 126 + 60 * number), fill="black")
    embedded = usable_embedded_text(sheet.words, sheet.gray)
    assert embedded is not None
    assert embedded.unread_part is None


def test_a_negative_page_is_read_and_a_dark_photograph_is_not_inverted(tmp_path: Path) -> None:
    sheet = Sheet()
    sheet.words = []
    sheet.image = Image.fromarray(255 - np.asarray(sheet.image.convert("L")))
    assert is_negative(sheet.gray)
    assert "4471902" in sheet.read(tmp_path).page.text
    noise = np.random.default_rng(1).integers(0, 90, (1700, 1300)).astype(np.uint8)
    assert not is_negative(noise)
