"""Every letter on a page is read or reported as unread: rules, the account of ink, the search for lines."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from pipeline.config import load_settings
from pipeline.ocr.engines.engine import OcrWord, StripWord
from pipeline.ocr.engines.text_detector import find_lines, get_detector
from pipeline.ocr.image.pixels import GrayImage
from pipeline.ocr.image.rules import rule_mask
from pipeline.ocr.read_page import read_page
from pipeline.ocr.recognition.ink_account import fits_its_box, group_letters, measure_ink, unexplained_letters
from pipeline.ocr.recognition.line_search import (
    LineReading,
    doubtful_lines,
    merge_lines,
    search_bands,
    sideways_reading,
    split_rows,
    uncovered_spans,
)
from pipeline.ocr.recognition.unread_text import find_unread_text
from pipeline.records import Box, OcrPage, Page
from pipeline.synthetic.ruled_pages import LAYOUTS, RuledPage, ruled_page

LINE_Y = (200, 300, 400)
TEXT = "Potassium was repeated and remains within normal limits"


def word(
    text: str, box: Box, confidence: float = 0.95, second: float | None = None, line: int = 1
) -> OcrWord:
    return OcrWord(
        text=text, box=box, confidence=confidence, second_confidence=second, block=1, paragraph=1, line=line
    )


def page_of_lines(*, rules: bool = False) -> tuple[GrayImage, list[list[OcrWord]]]:
    """Return a page of three lines, on rules that touch the letters if asked, and the words of each line."""
    picture = Image.new("L", (1000, 600), 255)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(30)
    lines = []
    for number, y in enumerate(LINE_Y):
        x, words = 60, []
        for text in TEXT.split():
            box = tuple(round(side) for side in draw.textbbox((x, y), text, font=font))
            draw.text((x, y), text, fill=0, font=font)
            words.append(word(text, (box[0], box[1], box[2], box[3]), line=number))
            x = int(box[2]) + 12
        if rules:
            draw.line((40, y + 35, 960, y + 35), fill=0, width=3)
        lines.append(words)
    return np.asarray(picture), lines


def letters_of(gray: GrayImage, words: list[OcrWord], explained_by: list[OcrWord]) -> int:
    ink = measure_ink(gray, words)
    return int(unexplained_letters(ink, explained_by).sum())


def test_rules_are_removed_and_the_letters_on_them_stay_whole() -> None:
    plain, _ = page_of_lines()
    ruled, _ = page_of_lines(rules=True)
    plain_ink, ink = (np.where(page < 128, np.uint8(255), np.uint8(0)) for page in (plain, ruled))
    rules = rule_mask(ink, 20.0)
    drawn_rules = cv2.subtract(ink, plain_ink)
    assert (rules[drawn_rules > 0] > 0).mean() > 0.95
    assert (rules[plain_ink > 0] > 0).mean() < 0.03


def test_a_page_of_print_has_no_rules() -> None:
    plain, _ = page_of_lines()
    assert not rule_mask(np.where(plain < 128, np.uint8(255), np.uint8(0)), 20.0).any()


@pytest.mark.parametrize("rules", [False, True])
def test_letters_of_a_line_without_words_are_unexplained_and_others_are_not(rules: bool) -> None:
    page, lines = page_of_lines(rules=rules)
    everything = [each for line in lines for each in line]
    assert letters_of(page, everything, everything) == 0
    without_second_line = [*lines[0], *lines[2]]
    ink = measure_ink(page, everything)
    groups = group_letters(ink, unexplained_letters(ink, without_second_line))
    assert sum(group.letters for group in groups) >= 0.9 * len(TEXT.replace(" ", ""))
    assert all(LINE_Y[1] - 5 < group.box[1] < group.box[3] < LINE_Y[1] + 50 for group in groups)


def test_a_word_whose_box_does_not_fit_its_letters_explains_nothing() -> None:
    page, lines = page_of_lines()
    bogus = word("a", (40, 190, 960, 450))
    assert not fits_its_box(bogus)
    assert letters_of(page, lines[0], [bogus]) == letters_of(page, lines[0], []) > 100


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ("l", (0, 0, 3, 24)),
        ("potassium", (0, 0, 110, 24)),
        ("ABC", (0, 0, 120, 22)),
        ("4471902", (0, 0, 22, 110)),
    ],
)
def test_words_of_usual_shape_fit_their_box(text: str, box: Box) -> None:
    assert fits_its_box(word(text, box))


def test_the_detector_finds_every_line_of_a_page_where_it_is() -> None:
    page, lines = page_of_lines(rules=True)
    found = [line.box for line in get_detector().detect(page)]
    for number, words in enumerate(lines):
        left, right = words[0].box[0], words[-1].box[2]
        on_line = [box for box in found if box[1] < LINE_Y[number] + 18 < box[3]]
        assert min(box[0] for box in on_line) <= left + 5
        assert max(box[2] for box in on_line) >= right - 5
    assert get_detector().detect(np.full((320, 320), 255, np.uint8)) == []


def test_bands_of_an_image_give_the_lines_of_the_whole_image() -> None:
    page, _ = page_of_lines()
    tall = np.vstack([page] * 4)
    tops = sorted({round(line.box[1], -1) for line in get_detector().detect(tall)})
    expected = [y + 600 * number for number in range(4) for y in LINE_Y]
    assert len(tops) == len(expected)
    assert all(abs(top - y) < 20 for top, y in zip(tops, expected, strict=True))


def test_cores_of_lines_are_expanded_and_weak_ones_dropped() -> None:
    probabilities = np.zeros((100, 200), np.float32)
    probabilities[40:50, 20:120] = 0.9
    probabilities[70:80, 20:120] = 0.35
    (line,) = find_lines(probabilities)
    assert line.probability == pytest.approx(0.9, abs=0.1)
    left, top, right, bottom = line.box
    assert (left < 20, top < 40, right > 120, bottom > 50) == (True, True, True, True)


def test_a_line_is_doubtful_if_two_fifths_of_it_is_under_no_credible_word() -> None:
    line = (0, 0, 400, 30)
    covered = [word("complete", (10, 4, 390, 26))]
    assert doubtful_lines([line], covered) == []
    assert doubtful_lines([line], [word("half", (10, 4, 180, 26))]) == [line]
    assert doubtful_lines([line], [word("garbage", (10, 4, 390, 26), 0.2)]) == [line]
    assert uncovered_spans(line, [word("half", (10, 4, 200, 26))]) == [(200, 388.0)]


def test_bands_to_search_are_joined_if_they_touch() -> None:
    assert search_bands([(0, 100, 9, 120), (50, 130, 60, 150), (0, 900, 9, 920)], 30, 930) == [
        (70, 180),
        (870, 930),
    ]


def test_a_line_that_was_dropped_is_inserted_and_no_word_is_doubled() -> None:
    first, third = word("first", (10, 10, 90, 30), line=1), word("third", (10, 110, 90, 130), line=2)
    second = [word("second", (10, 60, 90, 80), 0.0, 0.98), word("line", (100, 60, 160, 80), 0.0, 0.98)]
    partly = word("secomd", (10, 60, 90, 80), 0.3, line=3)
    reading = LineReading(box=(5, 55, 170, 85), words=tuple(second))
    for before in ([first, third], [first, partly, third]):
        merged = merge_lines(before, [reading])
        assert [each.text for each in merged] == ["first", "second", "line", "third"]
        assert merged[1].line_key == merged[2].line_key


def test_words_on_a_line_that_read_better_are_kept_and_agreement_is_noted() -> None:
    own = [word("Glucose", (10, 10, 90, 30), 0.97), word("145", (100, 10, 140, 30), 0.96)]
    reading = LineReading(
        box=(5, 5, 150, 35),
        words=(word("Glucose", (11, 5, 91, 35), 0.0, 0.99), word("l4S", (100, 5, 140, 35), 0.0, 0.4)),
    )
    merged = merge_lines(own, [reading])
    assert [(each.text, each.second_confidence) for each in merged] == [("Glucose", 0.99), ("145", 0.0)]


def test_a_word_of_another_line_is_not_read_twice() -> None:
    above = word("SIGNATURE", (100, 10, 200, 30), 0.97)
    worse = word("SICNIATURE", (102, 14, 201, 40), 0.0, 0.6)
    box = (90, 20, 400, 46)
    assert [w.text for w in merge_lines([above], [LineReading(box=box, words=(worse,))])] == ["SIGNATURE"]
    unsure = replace(above, text="S1CNA", confidence=0.2)
    better = replace(worse, text="SIGNATURE", second_confidence=0.99)
    assert [w.text for w in merge_lines([unsure], [LineReading(box=box, words=(better,))])] == ["SIGNATURE"]


def test_two_lines_that_the_detector_has_joined_are_read_apart() -> None:
    page, lines = page_of_lines()
    close = np.vstack([page[190:245], page[190:245]])
    ink = measure_ink(close, lines[0])
    upper, lower = split_rows((40, 2, 960, 106), ink)
    assert upper[3] <= 55 <= lower[1]
    assert split_rows((40, 2, 960, 54), ink) == [(40, 2, 960, 54)]


def test_sideways_text_is_read_in_the_direction_that_gives_words() -> None:
    box = (100, 200, 130, 400)
    good, bad = (
        [StripWord(text="77905433", start=0.1, end=0.9, confidence=0.97)],
        [StripWord(text="i", start=0.1, end=0.2, confidence=0.4)],
    )
    down, up = sideways_reading(box, good, bad), sideways_reading(box, bad, good)
    assert [each.text for each in (*down.words, *up.words)] == ["77905433", "77905433"]
    assert down.words[0].box == (100, 220, 130, 380)
    assert sideways_reading(box, bad, bad).words == ()


def test_print_of_a_line_without_words_is_reported_and_rules_are_not() -> None:
    page, lines = page_of_lines(rules=True)
    everything = [each for line in lines for each in line]
    ink = measure_ink(page, everything)
    boxes = [(40, y - 8, 960, y + 46) for y in LINE_Y]
    assert find_unread_text(ink, everything, boxes) == []
    half = [*lines[0], *lines[1][:3], *lines[2]]
    found = find_unread_text(ink, half, boxes)
    assert {text.kind for text in found} == {"print"}
    assert all(LINE_Y[1] - 10 < text.box[1] and text.box[0] >= lines[1][2].box[2] for text in found)
    assert sum(text.letters for text in found) >= 0.7 * sum(len(each.text) for each in lines[1][3:])


def test_without_a_detector_letters_under_no_word_are_reported() -> None:
    page, lines = page_of_lines()
    ink = measure_ink(page, lines[0])
    found = find_unread_text(ink, [*lines[0], *lines[2]], None)
    assert sum(text.letters for text in found) >= 0.8 * len(TEXT.replace(" ", ""))


def read(ruled: RuledPage, folder: Path) -> OcrPage:
    ruled.picture.save(folder / "page.png")
    page = Page(scan="", number=1, image="0" * 64, dpi=float(ruled.dpi))
    return read_page(page, folder / "page.png", load_settings().ocr).page


def tokens(text: str) -> Counter[str]:
    return Counter(re.findall(r"[^\W_]+", text.lower()))


@pytest.mark.parametrize("kind", LAYOUTS)
def test_print_is_read_whatever_rules_boxes_and_colors_are_around_it(kind: str, tmp_path: Path) -> None:
    ruled = ruled_page(18 + list(LAYOUTS).index(kind))
    page = read(ruled, tmp_path)
    expected = tokens(ruled.text)
    least_recall = 0.85 if kind == "dropout color" else 0.93
    assert (expected & tokens(page.text)).total() >= least_recall * expected.total()


def test_a_page_that_is_half_lost_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.ocr.recognition import recognize

    ruled = ruled_page(18)
    whole = read(ruled, tmp_path)
    monkeypatch.setattr(recognize, "read_lines", lambda *_: [])
    original = recognize.first_pass

    def half_lost(*args: object) -> recognize.FirstPass:
        first = original(*args)  # type: ignore[arg-type]
        return replace(first, words=[w for w in first.words if w.box[1] < first.image.shape[0] / 2])

    monkeypatch.setattr(recognize, "first_pass", half_lost)
    half = read(ruled, tmp_path)
    assert whole.confidence > 0.85
    assert half.confidence < 0.6
    lost = [text for text in half.unread if text.box[1] > half.height / 2]
    assert sum(text.letters for text in lost) > 0.3 * sum(len(each.text) for each in whole.words)
