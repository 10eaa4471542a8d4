"""Separator sheets: drawn, degraded as in offices, recognized, and never part of a document."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.classify import barcode_rules, separator_sheets
from pipeline.classify.barcode_rules import BarcodeRule, sheet_meaning
from pipeline.classify.segmentation import segment_pages
from pipeline.config import load_settings
from pipeline.errors import InvalidInput
from pipeline.flow import check_page_accounting
from pipeline.ocr.barcodes.decode import read_barcodes
from pipeline.records import Barcode, OcrPage
from tests.unit.test_classify_fields import page

Gray = NDArray[np.uint8]
SETTINGS = load_settings().classify


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Gray]:
    """A separator, a patient cover and a batch cover at 150 dpi."""
    if shutil.which("pdftoppm") is None:
        pytest.skip("poppler is not installed")
    folder: Path = tmp_path_factory.mktemp("sheets")
    wanted = {
        "separator": separator_sheets.separator_sheet(),
        "patient": separator_sheets.patient_cover_sheet("409-7394"),
        "batch": separator_sheets.batch_cover_sheet("Ward 3", 2, 12, 40),
    }
    (folder / "s.pdf").write_bytes(separator_sheets.render_sheets_pdf(list(wanted.values())))
    subprocess.run(["pdftoppm", "-r", "150", "-gray", "-png", "s.pdf", "s"], cwd=folder, check=True)
    pictures = [cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) for file in sorted(folder.glob("s-*.png"))]
    return {name: np.asarray(picture, np.uint8) for name, picture in zip(wanted, pictures, strict=True)}


def turned(picture: Gray, degrees: float) -> Gray:
    height, width = picture.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 0.9)
    return np.asarray(cv2.warpAffine(picture, matrix, (width, height), borderValue=255), np.uint8)


def faxed(picture: Gray) -> Gray:
    """204 x 98 dots an inch, pure black and white, speckled, every fortieth line lost."""
    height, width = picture.shape
    across, down = round(width * 204 / 150), round(height * 98 / 150)
    small = cv2.resize(picture, (across, down), interpolation=cv2.INTER_AREA).astype(float)
    noise = np.random.default_rng(3).normal(0, 45, small.shape)
    black = ((small + noise) > 128).astype(np.uint8) * 255
    black[::40] = 255
    return np.asarray(
        cv2.resize(
            black, (round(width * 204 / 150), round(height * 204 / 150)), interpolation=cv2.INTER_NEAREST
        ),
        np.uint8,
    )


FLAWS: dict[str, Callable[[Gray], Gray]] = {
    "as printed": lambda picture: picture,
    "upside down": lambda picture: np.ascontiguousarray(picture[::-1, ::-1]),
    "on its side": lambda picture: np.ascontiguousarray(np.rot90(picture)),
    "crooked by 3 degrees": lambda picture: turned(picture, 3),
    "crooked by 8 degrees": lambda picture: turned(picture, -8),
    "faxed": faxed,
    "faxed on its side": lambda picture: np.ascontiguousarray(np.rot90(faxed(picture), 3)),
    "on its side, crooked by 15 degrees": lambda picture: turned(np.ascontiguousarray(np.rot90(picture)), 15),
    "upside down, crooked by 15 degrees, faxed": lambda picture: faxed(
        turned(np.ascontiguousarray(picture[::-1, ::-1]), -15)
    ),
    "pale": lambda picture: (150 + picture.astype(float) * 0.2).astype(np.uint8),
    "copied at 60 percent": lambda picture: smaller(picture, 0.6),
}


def smaller(picture: Gray, share: float) -> Gray:
    """Printed at that share of its size, on paper of the same size."""
    out = np.full_like(picture, 255)
    height, width = (round(side * share) for side in picture.shape)
    out[100 : 100 + height, 100 : 100 + width] = cv2.resize(
        picture, (width, height), interpolation=cv2.INTER_AREA
    )
    return out


@pytest.mark.parametrize("flaw", FLAWS)
def test_every_sheet_is_recognized_in_every_position_and_quality(drawn: dict[str, Gray], flaw: str) -> None:
    meanings = {}
    for name, picture in drawn.items():
        codes = read_barcodes(FLAWS[flaw](picture))
        meaning = sheet_meaning(OcrPage(number=1, image="0", barcodes=codes))
        meanings[name] = (meaning.kind, meaning.mrn, meaning.expected) if meaning else None
    assert meanings == {
        "separator": ("separator", None, None),
        "patient": ("patient", "409-7394", None),
        "batch": ("batch", None, 12),
    }


def patch_sheet(bars: str) -> Gray:
    """Kodak's patch code at both ends of a sheet of 200 dpi: bars of 40 and 16 pixels, spaces of 16."""
    picture = np.full((2200, 1700), 255, np.uint8)
    y = 120
    for bar in bars:
        thick = 40 if bar == "W" else 16
        picture[y : y + thick, 300:1400] = 0
        picture[2200 - y - thick : 2200 - y, 300:1400] = 0
        y += thick + 16
    return picture


@pytest.mark.parametrize("flaw", FLAWS)
def test_patch_t_is_distinguished_from_the_other_patches_in_every_position(flaw: str) -> None:
    assert [code.text for code in read_barcodes(FLAWS[flaw](patch_sheet("NWNW")))] == ["T"]
    assert [code.text for code in read_barcodes(FLAWS[flaw](patch_sheet("WWNN")))] == ["1"]


CODES = {
    "Code128": ("PT4097394", 2.0, 0.4),
    "Code39": ("FRM-1042", 2.5, 0.4),
    "QRCode": ("FORM:1042", 1.0, 1.0),
}
"""Format -> what a hospital's own form says with it, and the code's width and height in inches."""


def form(format: str) -> Gray:
    """A page of 200 dpi with forty lines and that code near its upper right corner."""
    import zxingcpp

    text, wide, high = CODES[format]
    picture = np.full((2200, 1700), 255, np.uint8)
    code = np.array(zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, format)).to_image(scale=8))
    size = (round(wide * 200), round(high * 200))
    picture[160 : 160 + size[1], 1500 - size[0] : 1500] = cv2.resize(code, size, interpolation=cv2.INTER_AREA)
    for row in range(40):
        cv2.putText(picture, "I was told of the risks and consent.", (150, 450 + 40 * row), 0, 1.0, 0, 2)
    return picture


@pytest.mark.parametrize("format", CODES)
@pytest.mark.parametrize(
    "flaw", [name for name in FLAWS if name != "copied at 60 percent" and "faxed" not in name]
)
def test_a_forms_own_code_is_read_in_every_position(format: str, flaw: str) -> None:
    assert [(code.format, code.text) for code in read_barcodes(FLAWS[flaw](form(format)))] == [
        (format, CODES[format][0])
    ]


@pytest.mark.parametrize("format", CODES)
def test_a_forms_own_code_is_read_through_a_fine_fax_on_its_side_and_crooked(format: str) -> None:
    crooked = turned(np.ascontiguousarray(np.rot90(form(format))), 7).astype(float)
    noisy = crooked + np.random.default_rng(1).normal(0, 40, crooked.shape)
    assert [code.text for code in read_barcodes(np.where(noisy > 128, 255, 0).astype(np.uint8))] == [
        CODES[format][0]
    ]


def test_text_and_ruled_forms_are_not_codes() -> None:
    picture = np.full((2200, 1700), 255, np.uint8)
    for row in range(40):
        cv2.putText(
            picture, "The patient tolerated the procedure well and left.", (150, 200 + 45 * row), 0, 1.1, 0, 2
        )
        cv2.line(picture, (140, 210 + 45 * row), (1500, 210 + 45 * row), 0, 1 + row % 6)
    assert read_barcodes(picture) == ()
    assert read_barcodes(np.full((2200, 1700), 255, np.uint8)) == ()


def sheet(number: int, text: str, form: str = "QRCode") -> OcrPage:
    return OcrPage(
        number=number, image="0", blank=True, barcodes=(Barcode(format=form, text=text, box=(1, 2, 3, 4)),)
    )


def note(number: int, mrn: str) -> OcrPage:
    lines = (
        f"Patient Name: Aaron Avila   MRN: {mrn}",
        "PROGRESS NOTE",
        *["The patient is stable and was seen today."] * 12,
    )
    return page(*lines, number=number)


def test_sheets_and_blanks_are_in_no_document_and_every_page_is_accounted_for() -> None:
    pages = [
        note(1, "1111111"),
        sheet(2, "CHARTLOOM:SEPARATOR"),
        OcrPage(number=3, image="0", blank=True),
        note(4, "1111111"),
    ]
    segmentation = segment_pages(pages, SETTINGS)
    check_page_accounting(pages, segmentation)
    assert [document.pages for document in segmentation.documents] == [(1,), (4,)]
    assert (segmentation.blank, segmentation.separators) == ((3,), (2,))


@pytest.mark.parametrize(
    ("form", "text"),
    [("QRCode", "CHARTLOOM:SEPARATOR"), ("Code128", "CHARTLOOM:SEPARATOR"), ("PatchCode", "T")],
)
def test_every_kind_of_separator_splits(form: str, text: str) -> None:
    pages = [note(1, "1111111"), sheet(2, text, form), note(3, "1111111")]
    assert [document.pages for document in segment_pages(pages, SETTINGS).documents] == [(1,), (3,)]


def test_a_sheet_without_a_readable_code_is_recognized_by_its_text_but_names_no_patient() -> None:
    uncoded = page("Patient cover sheet", "CHARTLOOM:PATIENT:409-7394", number=2)
    meaning = sheet_meaning(uncoded)
    assert meaning is not None
    assert (meaning.kind, meaning.mrn) == ("separator", None)


def test_a_page_of_text_with_a_separators_code_remains_a_document() -> None:
    coded = replace(note(2, "1111111"), barcodes=sheet(2, "CHARTLOOM:SEPARATOR").barcodes)
    assert segment_pages([note(1, "1111111"), coded], SETTINGS).separators == ()


def test_a_patient_cover_sheet_names_the_patient_of_its_documents_only() -> None:
    bare = page("PROGRESS NOTE", *["The patient is stable and was seen today."] * 12, number=2)
    after = page("PROGRESS NOTE", *["Nothing new was found at this visit."] * 12, number=4)
    pages = [sheet(1, "CHARTLOOM:PATIENT:409-7394"), bare, sheet(3, "CHARTLOOM:SEPARATOR"), after]
    first, second = segment_pages(pages, SETTINGS).documents
    named = first.field("mrn")
    assert named is not None
    assert (named.value, named.page) == ("409-7394", 1)
    assert second.field("mrn") is None


ENDS = {
    "a separator": ("CHARTLOOM:SEPARATOR", "QRCode", None),
    "a Patch T": ("T", "PatchCode", None),
    "a batch cover": ("CHARTLOOM/BATCH/1;name=Ward;documents=2", "QRCode", None),
    "another patient's cover": ("CHARTLOOM:PATIENT:555-0001", "QRCode", "555-0001"),
}


@pytest.mark.parametrize("ends", ENDS)
def test_every_kind_of_sheet_ends_the_cover_sheet_before_it(ends: str) -> None:
    text, form, mrn = ENDS[ends]
    bare = [
        page("PROGRESS NOTE", *["The patient is stable and was seen today."] * 12, number=number)
        for number in (2, 4)
    ]
    pages = [sheet(1, "CHARTLOOM:PATIENT:409-7394"), bare[0], sheet(3, text, form), bare[1]]
    first, second = (
        (found := document.field("mrn")) and found.value
        for document in segment_pages(pages, SETTINGS).documents
    )
    assert (first, second) == ("409-7394", mrn)


def test_a_cover_sheet_without_documents_does_not_apply_to_the_next_sheets_documents() -> None:
    bare = page("PROGRESS NOTE", *["The patient is stable and was seen today."] * 12, number=3)
    (document,) = segment_pages(
        [sheet(1, "CHARTLOOM:PATIENT:409-7394"), sheet(2, "CHARTLOOM:SEPARATOR"), bare], SETTINGS
    ).documents
    assert document.field("mrn") is None


def test_a_forms_code_gives_its_type_and_number_to_its_own_document_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rule = BarcodeRule(
        format="Code128", pattern=re.compile(r"PT(?P<mrn>\d{7})"), kind="form", type="consent_form"
    )
    monkeypatch.setattr(barcode_rules, "load_rules", lambda: (rule,))
    lines = ("CONSENT TO TREATMENT", *["I was told of the risks and consent."] * 12)
    label = Barcode(format="Code128", text="PT4097394", box=(1, 2, 3, 4))
    coded = replace(page(*lines, number=2), barcodes=(label,))
    after = page(
        "Lakeside Clinic", "LABORATORY REPORT", "Page 1 of 1", *["Sodium 140 mmol/L  136-145"] * 12, number=3
    )
    before, own, next_one = segment_pages([note(1, "1111111"), coded, after], SETTINGS).documents
    numbers = [(found := document.field("mrn")) and found.value for document in (before, own, next_one)]
    assert numbers == ["1111111", "4097394", None]
    assert (own.type, own.type_probability) == ("consent_form", 1.0)
    assert next_one.type == "laboratory_report"


def test_a_cover_sheet_that_contradicts_its_document_is_an_issue() -> None:
    (document,) = segment_pages(
        [sheet(1, "CHARTLOOM:PATIENT:409-7394"), note(2, "5550001")], SETTINGS
    ).documents
    assert "mixed_patients" in {issue.code for issue in document.issues}


def test_a_record_number_that_does_not_fit_into_a_code_is_rejected_with_a_remedy() -> None:
    with pytest.raises(InvalidInput, match="letters, digits"):
        separator_sheets.patient_cover_sheet("12 34;x")


def thumbnail(*dark: tuple[int, int], light_falls_off: bool = False) -> bytes:
    """64 x 80 gray values of a white page with dark cells at (row, column)."""
    gray = np.full((80, 64), 250, np.float64)
    if light_falls_off:
        gray -= np.linspace(0, 90, 64)
    for row, column in dark:
        gray[row, column] -= 60
    return gray.astype(np.uint8).tobytes()


def test_a_back_with_punch_holes_and_shadow_is_blank_and_one_with_a_scribble_is_not() -> None:
    holes = OcrPage(number=1, image="0", thumbnail=thumbnail((3, 20), (3, 44), light_falls_off=True))
    scribble = OcrPage(number=2, image="0", thumbnail=thumbnail(*((40, column) for column in range(20, 28))))
    unread = OcrPage(number=3, image=None, problem="The page is damaged.")
    segmentation = segment_pages([holes, scribble, unread], SETTINGS)
    assert segmentation.blank == (1,)
    assert sorted(n for document in segmentation.documents for n in document.pages) == [2, 3]


def test_a_batch_cover_sheet_prints_a_name_in_any_european_alphabet(tmp_path: Path) -> None:
    sheet = separator_sheets.batch_cover_sheet("Østfløyen Łódź Здравље Αθήνα", 3)
    file = tmp_path / "sheet.pdf"
    file.write_bytes(separator_sheets.render_sheets_pdf([sheet]))
    text = subprocess.run(["pdftotext", str(file), "-"], capture_output=True, text=True, check=True).stdout
    assert "Batch Østfløyen Łódź Здравље Αθήνα" in text
    assert "Expected: 3 files" in text


def test_a_long_name_stays_on_the_sheet(tmp_path: Path) -> None:
    file = tmp_path / "sheet.pdf"
    file.write_bytes(separator_sheets.render_sheets_pdf([separator_sheets.batch_cover_sheet("Ward " * 30)]))
    page = subprocess.run(["pdftotext", "-bbox", str(file), "-"], capture_output=True, text=True, check=True)
    edges = [float(edge) for edge in re.findall(r'xMax="([0-9.]+)"', page.stdout)]
    assert len(edges) > 30
    assert max(edges) <= separator_sheets.PAGE_WIDTH_PT - separator_sheets.MARGIN_PT + 1
