"""The reading order of a page: cells as wholes, columns of prose one after the other, else row by row."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np

from pipeline.ocr.engines.engine import OcrWord
from pipeline.ocr.image.contact_sheet import contact_sheet, shrink_for_sheet
from pipeline.ocr.image.pixels import GrayImage
from pipeline.ocr.layout.reading_order import order_words
from pipeline.ocr.layout.tables import Table, find_tables
from pipeline.ocr.read_page import text_from_words

HIGH, WIDE = 20, 12
"""A drawn word's height and the width of a letter, in pixels."""


def words(*lines: tuple[int, int, str]) -> list[OcrWord]:
    """Return the words of lines of text, each with its left edge and its top. Lines with the same top are one
    line for the engine.
    """
    found = []
    for x, y, text in lines:
        for word in text.split():
            box = (x, y, x + WIDE * len(word), y + HIGH)
            found.append(OcrWord(text=word, box=box, confidence=0.9, block=1, paragraph=1, line=y))
            x = box[2] + 8
    return found


def read(seen: list[OcrWord], *found: Table) -> str:
    return text_from_words(order_words(seen, found))


def ruled(rows: list[int], columns: list[int], shape: tuple[int, int] = (900, 1000)) -> GrayImage:
    """Return a page with horizontal and vertical rules at these pixels."""
    page = np.full(shape, 255, np.uint8)
    for y in rows:
        cv2.line(page, (columns[0], y), (columns[-1], y), 0, 2)
    for x in columns:
        cv2.line(page, (x, rows[0]), (x, rows[-1]), 0, 2)
    return page


def grid(rows: list[int], columns: list[int]) -> Table:
    cells = tuple((x0, y0, x1, y1) for y0, y1 in pairwise(rows) for x0, x1 in pairwise(columns))
    return Table(box=(columns[0], rows[0], columns[-1], rows[-1]), cells=cells)


def test_the_cells_of_a_ruled_table_are_found_even_if_a_fax_broke_the_rules() -> None:
    page = ruled([100, 200, 300], [100, 400, 700])
    page[100:103, 250:254] = 255
    page[240:243, 399:402] = 255
    (table,) = find_tables(page, 20.0)
    assert len(table.cells) == 4
    assert all(abs(a - b) <= 6 for a, b in zip(table.box, (100, 100, 700, 300), strict=True))


def test_a_page_of_print_with_a_line_for_the_signature_has_no_table() -> None:
    page = np.full((900, 1000), 255, np.uint8)
    for y in range(100, 700, 50):
        cv2.putText(
            page, "the patient was seen in the clinic today", (80, y), cv2.FONT_HERSHEY_SIMPLEX, 1.0, 0, 2
        )
    cv2.line(page, (100, 800), (500, 800), 0, 2)
    assert find_tables(page, 20.0) == []


def test_a_cell_of_several_lines_is_read_before_the_cell_to_its_right() -> None:
    seen = words(
        (110, 110, "Full name:"), (410, 110, "Date of birth:"),
        (110, 140, "Dorothy Ingram"), (410, 140, "01/17/1938"),
        (110, 215, "Phone: 5550100"), (410, 215, "Sex: F"),
    )  # fmt: skip
    text = read(seen, grid([100, 200, 250], [100, 400, 700]))
    assert (
        " ".join(text.split()) == "Full name: Dorothy Ingram Date of birth: 01/17/1938 Phone: 5550100 Sex: F"
    )
    assert "Phone: 5550100 Sex: F" in text, "a row of single lines stays one line"


def test_a_ledger_of_tall_columns_is_read_across() -> None:
    rows = [(110 + 30 * n, f"visit {n}", f"{n}0.50") for n in range(6)]
    seen = words(*((x, y, text) for y, left, right in rows for x, text in ((110, left), (410, right))))
    assert read(seen, grid([100, 300], [100, 400, 700])).split() == [word.text for word in seen]


def test_lists_in_tall_cells_are_read_one_list_after_the_other() -> None:
    lists = (
        ["Hitting", "Kicking", "Biting", "Swiping", "Pushing"],
        ["Crying", "Licking", "Pica", "Screaming", "Vomiting"],
    )
    seen = words(
        *((x, 110 + 30 * n, item) for n in range(5) for x, item in ((110, lists[0][n]), (410, lists[1][n])))
    )
    assert read(seen, grid([100, 300], [100, 400, 700])).split() == [*lists[0], *lists[1]]


def test_text_typed_across_the_rules_keeps_its_order() -> None:
    seen = words(
        (110, 110, "this is your authorization to provide the tests"),
        (110, 140, "and to charge them to this account"),
    )
    assert read(seen, grid([100, 200], [100, 260, 420, 700])) == text_from_words(order_words(seen, []))


def test_columns_of_prose_that_the_engine_read_across_are_separated_and_the_title_stays_first() -> None:
    left = [f"left {n} the lungs were clear" for n in range(8)]
    right = [f"right {n} no swelling was found" for n in range(8)]
    body = ((x, 200 + 30 * n, text) for n in range(8) for x, text in ((50, left[n]), (600, right[n])))
    title, foot = "Report of the examination", "signed by the physician in charge of the ward"
    text = read(words((300, 100, title), *body, (50, 500, foot)))
    assert " ".join(text.split()) == " ".join((title, *left, *right, foot))


def test_columns_that_the_engine_has_recognized_keep_their_order() -> None:
    left = [(50, 200 + 30 * n, f"left {n} the lungs were clear") for n in range(8)]
    right = [(600, 200 + 30 * n, f"right {n} no swelling was found") for n in range(8)]
    seen = [*words(*left), *words(*right)]
    assert order_words(seen, []) == seen


def test_columns_around_a_picture_are_not_mixed_at_its_caption() -> None:
    pictured = range(8, 12)
    left = [
        (50, 200 + 30 * n, f"{n} the lungs" if n in pictured else f"{n} the lungs were clear and dry")
        for n in range(20)
    ]
    right = [(720 if n in pictured else 560, 200 + 30 * n, f"{n} no swelling was found") for n in range(20)]
    caption = [(400, 470 + 30 * n, "the ward in 1931") for n in range(2)]
    seen = [*words(*left), *words(*caption), *words(*right)]
    assert order_words(seen, []) == seen


def test_labels_that_the_engine_read_as_a_column_are_each_read_before_their_value() -> None:
    labels, values = (
        ["Project code", "Project name", "Requested by"],
        ["PMRM", "Regular menthol", "R. S. Sprinkle"],
    )
    left, right = (
        [
            replace(word, block=block)
            for word in words(*((x, 200 + 60 * n + slope, text) for n, text in enumerate(texts)))
        ]
        for block, (x, slope, texts) in enumerate(((50, 0, labels), (400, 8, values)))
    )
    assert read([*left, *right]) == "\n".join(map("\n".join, zip(labels, values, strict=True)))


def test_columns_of_prose_that_the_engine_has_recognized_are_not_read_across_below_a_label() -> None:
    left, right = (
        [(x, 200 + 30 * n, f"{n} the lungs were clear and dry") for n in range(8)] for x in (50, 600)
    )
    seen = [*words((50, 100, "Ward 4"), *left), *words((600, 100, "Bed 2"), *right)]
    assert order_words(seen, []) == seen


def test_a_table_in_one_of_two_columns_is_read_across_and_the_columns_one_after_the_other() -> None:
    left, right = (
        [(x, 100 + 30 * n, f"{n} the lungs were clear and dry") for n in range(many)]
        for x, many in ((50, 8), (600, 14))
    )
    names, values = (
        [(x, 400 + 30 * n, text) for n, text in enumerate(texts)] for x, texts in ((50, "abc"), (350, "123"))
    )
    text = read(words(*left, *names, *values, *right))
    assert (
        text.split()
        == " ".join(
            text
            for *_, text in (
                *left,
                *(cell for row in zip(names, values, strict=True) for cell in row),
                *right,
            )
        ).split()
    )


def test_a_table_without_rules_is_not_split_into_columns() -> None:
    seen = words(
        *(
            (x, 200 + 30 * n, text)
            for n in range(8)
            for x, text in ((50, f"sodium {n}"), (600, f"{130 + n} mmol"))
        )
    )
    assert order_words(seen, []) == seen


def test_ordering_neither_loses_nor_duplicates_words() -> None:
    random = np.random.default_rng(3)
    seen = words(
        *(
            (int(random.integers(0, 800)), int(random.integers(0, 900)), f"word{n} and more")
            for n in range(120)
        )
    )
    ordered = order_words(seen, [grid([100, 300, 500], [100, 400, 700])])
    assert sorted((word.text, word.box) for word in ordered) == sorted((word.text, word.box) for word in seen)


def test_the_contact_sheet_shows_each_page_before_and_after() -> None:
    page = np.full((1800, 1400), 255, np.uint8)
    page[900] = 0
    sheet = contact_sheet(
        [
            ("one", shrink_for_sheet(page), shrink_for_sheet(page)),
            ("two", shrink_for_sheet(page), shrink_for_sheet(page)),
            ("three", shrink_for_sheet(page), shrink_for_sheet(page)),
        ]
    )
    assert sheet.shape[1] > 4 * 600
    assert (sheet[:, 300] < 150).sum() >= 2, "a rule of one pixel is still seen on both rows"
