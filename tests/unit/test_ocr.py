"""Read drawn pages: words, angles and PDFs."""

from __future__ import annotations

import io
import struct
import subprocess
from functools import cache
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import pikepdf
import pypdf
import pytest
from PIL import Image, ImageDraw, ImageFont

from pipeline.config import OcrSettings, load_settings
from pipeline.ocr.engines import rapidocr_engine
from pipeline.ocr.engines.engine import OcrWord, StripWord
from pipeline.ocr.image import deskew, pixels
from pipeline.ocr.image.cleanup import invert_dark_areas, remove_specks_and_checkboxes
from pipeline.ocr.image.orientation import estimate_orientation
from pipeline.ocr.image.pixels import GrayImage
from pipeline.ocr.output import glyphless_font, searchable_pdf
from pipeline.ocr.read_page import Reading, plausible_dpi, read_page
from pipeline.ocr.recognition.embedded_text import usable_embedded_text
from pipeline.ocr.recognition.missed_text import find_missed_text
from pipeline.ocr.recognition.second_pass import (
    MIN_EXPECTED_ERRORS_PER_1000_PX,
    expected_errors_per_1000_px,
    merge_readings,
)
from pipeline.ocr.recognition.word_confidence import calibrate, word_probability
from pipeline.records import Page, Word

LINES = (
    "Patient: Amelia Hartwell    MRN: 4471902",
    "Date of birth: 03/14/1961   Date of service: 10/02/2026",
    "The patient was seen for a follow-up of her blood pressure.",
    "She reports no chest pain, no headache and no dizziness.",
    "Lisinopril 10 mg was continued; potassium was 4.1 mmol/L.",
    "Plan: return in three months with a home pressure diary.",
)


def drawn_page(
    lines: tuple[str, ...] = LINES, size: int = 36, shape: tuple[int, int] = (1700, 1300)
) -> GrayImage:
    page = Image.new("L", (shape[1], shape[0]), 255)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(size)
    for number in range(18):
        draw.text((110, 110 + number * size * 2), lines[number % len(lines)], fill=0, font=font)
    return np.asarray(page)


def turned(gray: GrayImage, degrees: float) -> GrayImage:
    """Rotate the content counter-clockwise."""
    height, width = gray.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    return np.asarray(cv2.warpAffine(gray, matrix, (width, height), borderValue=255), np.uint8)


def settings(**changes: object) -> OcrSettings:
    return load_settings().ocr.model_copy(update={"second_engine": "never", **changes})


def read(gray: GrayImage, folder: Path, **changes: object) -> Reading:
    path = folder / "page.png"
    Image.fromarray(gray).save(path)
    return read_page(Page(scan="", number=1, image="0" * 64, dpi=150.0), path, settings(**changes))


@cache
def default_reading() -> Reading:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        return read(drawn_page(), Path(folder))


@pytest.mark.parametrize("degrees", [-14.3, -2.2, 0.4, 7.75])
def test_skew_is_found_to_a_tenth_of_a_degree(degrees: float) -> None:
    assert deskew.estimate_skew(turned(drawn_page(), degrees)) == pytest.approx(degrees, abs=0.1)


def test_a_level_page_is_not_rotated() -> None:
    assert deskew.estimate_skew(drawn_page()) == 0.0


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_the_rotation_that_makes_a_page_upright_is_estimated_from_its_letters(rotation: int) -> None:
    found = estimate_orientation(np.ascontiguousarray(np.rot90(drawn_page(), rotation // 90)))
    assert (found.rotation, found.is_confident) == (rotation, True)


def test_removing_skew_keeps_every_corner() -> None:
    page = np.full((600, 400), 255, np.uint8)
    page[:8, :8] = 0
    levelled = deskew.remove_skew(page, 5.0)
    assert (levelled < 128).sum() == pytest.approx(64, rel=0.3)


def test_a_page_that_is_upside_down_and_skewed_is_read() -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        page = read(turned(np.ascontiguousarray(np.rot90(drawn_page(), 2)), 3.0), Path(folder)).page
    assert page.rotation == 180
    assert page.skew == pytest.approx(3.0, abs=0.1)
    assert "Amelia Hartwell" in page.text
    assert "potassium was 4.1" in page.text


def test_every_word_has_its_box_over_its_ink_and_a_confidence() -> None:
    page, ink = default_reading().page, drawn_page() < 128
    assert len(page.words) > 100
    for word in page.words:
        x0, y0, x1, y1 = word.box
        assert 0 <= x0 < x1 <= page.width
        assert 0 <= y0 < y1 <= page.height
        assert ink[y0:y1, x0:x1].any()
        assert 0 < word.confidence <= 1


def test_a_line_of_the_page_is_a_line_of_the_text() -> None:
    assert "She reports no chest pain, no headache and no dizziness." in default_reading().page.text.split(
        "\n"
    )


def test_the_page_pdf_is_valid_and_its_text_is_over_the_ink(tmp_path: Path) -> None:
    file = tmp_path / "page.pdf"
    file.write_bytes(searchable_pdf.document_pdf([default_reading().pdf], title="Chart"))
    with pikepdf.open(file) as document:
        assert document.check_pdf_syntax() == []
    text = subprocess.run(
        ["pdftotext", "-bbox", str(file), "-"], check=True, capture_output=True, text=True
    ).stdout
    assert ">Hartwell<" in text
    matching_line = next(line for line in text.split("\n") if ">Hartwell<" in line)
    left = float(matching_line.split('xMin="')[1].split('"')[0])
    box = next(word.box for word in default_reading().page.words if word.text == "Hartwell")
    assert left == pytest.approx(box[0] * 72 / 150, abs=1.0)


def test_the_tables_of_the_blank_font_have_the_lengths_and_the_glyph_widths_that_readers_expect() -> None:
    """A reader that finds a short `hhea` table has no widths, and shows a gap after every letter."""
    program = glyphless_font.font_program()
    tables = {
        tag: program[offset : offset + length]
        for tag, _, offset, length in (
            struct.unpack(">4sIII", program[12 + 16 * n : 28 + 16 * n])
            for n in range(struct.unpack(">H", program[4:6])[0])
        )
    }
    lengths = {b"OS/2": 96, b"head": 54, b"hhea": 36, b"maxp": 32, b"post": 32}
    assert {tag: len(tables[tag]) for tag in lengths} == lengths
    metric_data_format, metric_count = struct.unpack(">hH", tables[b"hhea"][-4:])
    glyph_count = struct.unpack(">H", tables[b"maxp"][4:6])[0]
    assert (metric_data_format, metric_count) == (0, glyph_count)
    widths = struct.unpack(f">{2 * metric_count}H", tables[b"hmtx"])[::2]
    assert set(widths) == {glyphless_font.ADVANCE_WIDTH}


def test_two_programs_extract_the_same_words_from_a_page_pdf(tmp_path: Path) -> None:
    file = tmp_path / "page.pdf"
    file.write_bytes(default_reading().pdf)
    by_poppler = subprocess.run(
        ["pdftotext", str(file), "-"], check=True, capture_output=True, text=True
    ).stdout.split()
    expected = sorted(word.text for word in default_reading().page.words)
    assert sorted(by_poppler) == expected
    assert sorted(pypdf.PdfReader(file).pages[0].extract_text().split()) == expected


def test_a_document_pdf_follows_the_rules_of_pdf_a() -> None:
    made = searchable_pdf.document_pdf(
        [default_reading().pdf] * 2, title="A chart", subject="Progress note", keywords=["11506-3"]
    )
    with pikepdf.open(io.BytesIO(made)) as document:
        assert len(document.pages) == 2
        with document.open_metadata() as meta:
            assert (meta["pdfaid:part"], meta["pdfaid:conformance"]) == ("2", "B")
            assert meta["dc:title"] == document.docinfo["/Title"] == "A chart"
        intent = document.Root.OutputIntents[0]
        assert intent.S == "/GTS_PDFA1"
        assert intent.DestOutputProfile.N == 3
        assert not document.is_encrypted
        assert document.trailer.get("/ID") is not None
        fonts = {font.objgen for page in document.pages for font in page.obj.Resources.Font.values()}
        assert len(fonts) == 1
        for page in document.pages:
            descendant = page.obj.Resources.Font.Blank.DescendantFonts[0]
            assert "/FontFile2" in descendant.FontDescriptor
            assert descendant.DW == glyphless_font.ADVANCE_WIDTH


def test_a_filed_document_names_its_type_its_code_and_its_original(tmp_path: Path) -> None:
    page, made = tmp_path / "page.pdf", tmp_path / "made.pdf"
    page.write_bytes(default_reading().pdf)
    metadata: dict[str, Any] = {
        "title": "Progress note",
        "subject": "Scan 7, pages 1 to 1",
        "keywords": ["LOINC 11506-3"],
        "source": "ab" * 32,
    }
    searchable_pdf.document_file([page], made, **metadata)
    with pikepdf.open(made) as document, document.open_metadata() as meta:
        assert meta["dc:title"] == document.docinfo["/Title"] == "Progress note"
        assert meta["dc:description"] == document.docinfo["/Subject"] == "Scan 7, pages 1 to 1"
        assert meta["pdf:Keywords"] == document.docinfo["/Keywords"] == "LOINC 11506-3"
        assert meta["dc:source"] == "urn:sha256:" + "ab" * 32


def test_a_skewed_page_is_level_in_its_pdf_with_its_pixels_unchanged(tmp_path: Path) -> None:
    skewed = np.where(turned(drawn_page(), 4.0) < 128, np.uint8(0), np.uint8(255))
    file = tmp_path / "page.pdf"
    file.write_bytes(read(skewed, tmp_path).pdf)
    with pikepdf.open(file) as document:
        image = pikepdf.PdfImage(
            cast("pikepdf.Stream", document.pages[0].Resources.XObject.Page)
        ).as_pil_image()
        assert np.array_equal(np.asarray(image.convert("L")), skewed)
    subprocess.run(
        ["pdftoppm", "-r", "150", "-gray", "-singlefile", str(file), str(tmp_path / "shown")], check=True
    )
    shown = np.asarray(Image.open(tmp_path / "shown.pgm"))
    assert deskew.estimate_skew(shown) == pytest.approx(0.0, abs=0.1)


def test_a_blank_page_is_blank_and_a_page_with_three_words_is_not(tmp_path: Path) -> None:
    empty = np.full((1700, 1300), 255, np.uint8)
    assert read(empty, tmp_path).page.blank
    image = Image.fromarray(empty)
    ImageDraw.Draw(image).text((300, 600), "See other side", fill=0, font=ImageFont.load_default(40))
    assert not read(np.asarray(image), tmp_path).page.blank


def test_the_back_of_a_punched_page_with_a_dark_border_is_blank_and_a_drawing_is_not(tmp_path: Path) -> None:
    back = np.full((1700, 1300), 255, np.uint8)
    back[:, :14] = 0
    for y in (300, 850, 1400):
        cv2.circle(back, (70, y), 22, 0, -1)
    assert read(back, tmp_path).page.blank
    cv2.ellipse(back, (650, 850), (300, 200), 20, 0, 360, 0, 6)
    assert not read(back, tmp_path).page.blank


def test_a_page_that_could_not_be_opened_becomes_a_placeholder_page() -> None:
    reading = read_page(Page(scan="", number=7, image=None, problem="The page is damaged."), None, settings())
    assert reading.page.problem == "The page is damaged."
    with pikepdf.open(io.BytesIO(reading.pdf)) as document:
        assert len(document.pages) == 1


def test_an_image_that_cannot_be_decoded_is_a_page_with_a_problem(tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n nothing more")
    assert read_page(Page(scan="", number=1, image="0" * 64), broken, settings()).page.problem


def test_a_resolution_that_implies_an_implausible_paper_size_is_ignored() -> None:
    assert plausible_dpi(96.0, 2000, 2589) == pytest.approx(235.4, abs=0.1)
    assert plausible_dpi(204.0, 1734, 2244) == 204.0


def test_white_print_on_a_dark_band_is_inverted_and_a_photograph_is_not() -> None:
    page = drawn_page().copy()
    page[100:190, 100:1200] = 255 - page[100:190, 100:1200]
    assert np.median(invert_dark_areas(page, 24)[105:185, 110:1190]) > 200
    photo = np.full((1700, 1300), 255, np.uint8)
    photo[300:900, 300:900] = np.random.default_rng(1).integers(0, 90, (600, 600))
    assert np.array_equal(invert_dark_areas(photo, 24), photo)


def test_empty_checkboxes_and_specks_are_removed_and_decimal_points_stay() -> None:
    page = np.full((400, 400), 255, np.uint8)
    cv2.rectangle(page, (50, 50), (80, 80), 0, 2)
    cv2.rectangle(page, (150, 50), (180, 80), 0, 2)
    cv2.line(page, (152, 52), (178, 78), 0, 3)
    page[200:202, 200:202] = 0
    page[300:304, 300:304] = 0
    cleaned = remove_specks_and_checkboxes(page, 20)
    assert (cleaned[45:85, 45:85] == 255).all()
    assert (cleaned[45:85, 145:185] < 128).any()
    assert (cleaned[195:210, 195:210] == 255).all()
    assert (cleaned[295:310, 295:310] < 128).sum() == 16


def word(text: str, confidence: float, other: float | None = None, x: int = 0) -> OcrWord:
    box = (x, 0, x + 10 * len(text), 20)
    return OcrWord(
        text=text, box=box, confidence=confidence, second_confidence=other, block=1, paragraph=1, line=1
    )


def test_a_word_that_both_engines_read_is_more_probable_than_one_they_read_differently() -> None:
    assert word_probability(word("Hartwell", 0.8, 0.9)) > word_probability(word("Hartwell", 0.8, 0.0)) > 0
    assert word_probability(word("Hartwell", 0.0, 0.4)) < 0.5


def test_words_that_are_noise_are_omitted() -> None:
    assert [word.text for word in calibrate([word("Hartwell", 0.96), word("~,", 0.01, 0.0)])] == ["Hartwell"]


def test_two_readings_of_a_segment_are_merged_word_by_word() -> None:
    words = [word("VARTANCE", 0.6), word("FORM", 0.95, x=100)]
    pieces = [
        StripWord(text="VARIANCE", start=0.0, end=0.5, confidence=0.98),
        StripWord(text="F0RM", start=0.6, end=1.0, confidence=0.7),
    ]
    merged = merge_readings(words, pieces, (0, 0, 140, 20))
    assert [(word.text, word.box) for word in merged] == [
        ("VARIANCE", (0, 0, 80, 20)),
        ("FORM", (100, 0, 140, 20)),
    ]


def test_print_under_no_word_is_found() -> None:
    page = drawn_page()
    words = [word for word in default_reading().page.words if word.box[1] > 200]
    lines = [OcrWord(text=w.text, box=w.box, confidence=0.9, block=1, paragraph=1, line=1) for w in words]
    found = find_missed_text(page, lines)
    assert found
    assert all(box[1] < 200 for box in found)


def test_a_first_letter_half_outside_its_words_box_is_not_read_again() -> None:
    words = default_reading().page.words
    short = [(w.box[0] + (w.box[3] - w.box[1]) // 3, *w.box[1:]) if len(w.text) > 3 else w.box for w in words]
    lines = [
        OcrWord(text="x", box=(x0, y0, x1, y1), confidence=0.9, block=1, paragraph=1, line=1)
        for x0, y0, x1, y1 in short
    ]
    assert find_missed_text(drawn_page(), lines) == []


def test_embedded_text_is_used_if_it_is_over_the_ink_and_not_if_it_is_junk() -> None:
    words = default_reading().page.words
    assert usable_embedded_text(words, drawn_page()) is not None
    shifted = [
        Word(text=w.text, box=(w.box[0], w.box[1] + 31, w.box[2], w.box[3] + 31), confidence=1.0)
        for w in words[:60]
    ]
    assert usable_embedded_text(shifted, drawn_page()) is None
    garbled = [Word(text="\ue012\ue044\ue001", box=w.box, confidence=1.0) for w in words]
    assert usable_embedded_text(garbled, drawn_page()) is None
    assert usable_embedded_text(words[:20], drawn_page()) is None


def test_the_second_engine_reads_what_the_first_is_uncertain_of(tmp_path: Path) -> None:
    small = np.asarray(cv2.resize(drawn_page(), None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA), np.uint8)
    text = read(small, tmp_path, second_engine="always").page.text
    assert "potassium" in text
    assert "Hartwell" in text


def test_the_network_without_its_last_layer_reads_the_same() -> None:
    import onnxruntime

    strip = drawn_page()[80:170, 80:900]
    whole = onnxruntime.InferenceSession(
        str(rapidocr_engine.model_file()), providers=["CPUExecutionProvider"]
    )
    picture = np.repeat(rapidocr_engine.normalize_strip(strip)[None, None], 3, axis=1)
    picture = np.pad(picture, ((0, 0), (0, 0), (0, 0), (0, -picture.shape[3] % 8)))
    best = whole.run(None, {whole.get_inputs()[0].name: picture})[0][0].argmax(axis=1)
    characters = ["", *whole.get_modelmeta().custom_metadata_map["character"].split("\n"), " "]
    text = "".join(characters[b] for n, b in enumerate(best) if b and (n == 0 or b != best[n - 1]))
    assert [piece.text for piece in rapidocr_engine.get_engine().read([strip])[0]] == text.split()


def test_a_long_line_with_one_uncertain_word_is_not_read_again_and_a_short_uncertain_one_is() -> None:
    certain = [word("continued", 0.97, x=n * 90) for n in range(8)]
    assert (
        expected_errors_per_1000_px([*certain, word("daily", 0.94, x=720)], (0, 0, 780, 20))
        < MIN_EXPECTED_ERRORS_PER_1000_PX
        < expected_errors_per_1000_px([word("dally", 0.6)], (0, 0, 80, 20))
    )
    assert expected_errors_per_1000_px([word("--", 0.1)], (0, 0, 80, 20)) == 0


def test_transparency_is_white_paper_and_sixteen_bits_become_eight() -> None:
    clear = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    assert (pixels.page_image_from_pil(clear).gray == 255).all()
    deep = Image.fromarray(np.full((40, 40), 65535, np.uint16))
    assert (pixels.page_image_from_pil(deep).gray == 255).all()


@pytest.mark.parametrize("shape", [(1, 1), (3000, 3), (5, 4000)])
def test_an_image_of_an_extreme_shape_is_a_page_without_words(shape: tuple[int, int], tmp_path: Path) -> None:
    page = read(np.zeros(shape, np.uint8), tmp_path).page
    assert page.words == ()


def test_a_page_that_exceeds_the_time_limit_keeps_its_image_and_has_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: object) -> list[OcrWord]:
        raise TimeoutError("Tesseract took more than 120 s on a page.")

    monkeypatch.setattr("pipeline.ocr.read_page.recognize_words", slow)
    reading = read(drawn_page(), tmp_path)
    assert "120 s" in (reading.page.problem or "")
    assert not reading.page.blank
    with pikepdf.open(io.BytesIO(reading.pdf)) as document:
        assert document.pages[0].Resources.XObject.Ink.SMask.Width == drawn_page().shape[1]
