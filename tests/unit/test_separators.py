"""Sheets between documents: drawn, put through what offices do to paper, found again, and never leaking into documents."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.classify import sheets
from pipeline.classify.separators import meaning_of
from pipeline.classify.sorting import sort
from pipeline.config import load_settings
from pipeline.errors import BadInput
from pipeline.flow import account_for
from pipeline.ocr.barcodes import read_barcodes
from pipeline.records import Barcode, OcrPage
from tests.unit.test_fields import page

Grey = NDArray[np.uint8]
SETTINGS = load_settings().classify


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Grey]:
    """A separator, a patient cover and a batch cover at 150 dpi."""
    if shutil.which("pdftoppm") is None:
        pytest.skip("poppler is not installed")
    folder: Path = tmp_path_factory.mktemp("sheets")
    wanted = {
        "separator": sheets.separator(),
        "patient": sheets.patient_cover("409-7394"),
        "batch": sheets.batch_cover("Ward 3", 2, 12, 40),
    }
    (folder / "s.pdf").write_bytes(sheets.sheets_pdf(list(wanted.values())))
    subprocess.run(["pdftoppm", "-r", "150", "-gray", "-png", "s.pdf", "s"], cwd=folder, check=True)
    pictures = [cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) for file in sorted(folder.glob("s-*.png"))]
    return {name: np.asarray(picture, np.uint8) for name, picture in zip(wanted, pictures, strict=True)}


def turned(picture: Grey, degrees: float) -> Grey:
    height, width = picture.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 0.9)
    return np.asarray(cv2.warpAffine(picture, matrix, (width, height), borderValue=255), np.uint8)


def faxed(picture: Grey) -> Grey:
    """204 x 98 dots an inch, pure black and white, speckled, every fortieth line lost."""
    height, width = picture.shape
    across, down = round(width * 204 / 150), round(height * 98 / 150)
    small = cv2.resize(picture, (across, down), interpolation=cv2.INTER_AREA).astype(float)
    noise = np.random.default_rng(3).normal(0, 45, small.shape)
    black = ((small + noise) > 128).astype(np.uint8) * 255
    black[::40] = 255
    return np.asarray(
        cv2.resize(black, (round(width * 204 / 150), round(height * 204 / 150)), interpolation=cv2.INTER_NEAREST), np.uint8
    )


FLAWS = {
    "as printed": lambda picture: picture,
    "upside down": lambda picture: np.ascontiguousarray(picture[::-1, ::-1]),
    "on its side": lambda picture: np.ascontiguousarray(np.rot90(picture)),
    "crooked by 3 degrees": lambda picture: turned(picture, 3),
    "crooked by 8 degrees": lambda picture: turned(picture, -8),
    "faxed": faxed,
    "faxed on its side": lambda picture: np.ascontiguousarray(np.rot90(faxed(picture), 3)),
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_every_sheet_is_understood_however_it_comes_through_the_scanner(drawn: dict[str, Grey], flaw: str) -> None:
    told = {}
    for name, picture in drawn.items():
        codes = read_barcodes(FLAWS[flaw](picture))
        meaning = meaning_of(OcrPage(number=1, image="0", barcodes=codes))
        told[name] = (meaning.kind, meaning.mrn, meaning.expected) if meaning else None
    assert told == {
        "separator": ("separator", None, None),
        "patient": ("patient", "409-7394", None),
        "batch": ("batch", None, 12),
    }


def patch_sheet(bars: str) -> Grey:
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
def test_patch_t_is_told_from_the_other_patches_in_every_position(flaw: str) -> None:
    assert [code.text for code in read_barcodes(FLAWS[flaw](patch_sheet("NWNW")))] == ["T"]
    assert [code.text for code in read_barcodes(FLAWS[flaw](patch_sheet("WWNN")))] == ["1"]


def test_text_and_ruled_forms_are_no_codes() -> None:
    picture = np.full((2200, 1700), 255, np.uint8)
    for row in range(40):
        cv2.putText(picture, "The patient tolerated the procedure well and left.", (150, 200 + 45 * row), 0, 1.1, 0, 2)
        cv2.line(picture, (140, 210 + 45 * row), (1500, 210 + 45 * row), 0, 1 + row % 6)
    assert read_barcodes(picture) == ()
    assert read_barcodes(np.full((2200, 1700), 255, np.uint8)) == ()


def sheet(number: int, text: str, form: str = "QRCode") -> OcrPage:
    return OcrPage(number=number, image="0", blank=True, barcodes=(Barcode(format=form, text=text, box=(1, 2, 3, 4)),))


def note(number: int, mrn: str) -> OcrPage:
    lines = (f"Patient Name: Aaron Avila   MRN: {mrn}", "PROGRESS NOTE", *["The patient is stable and was seen today."] * 12)
    return page(*lines, number=number)


def test_sheets_and_blanks_are_in_no_document_and_every_page_is_accounted_for() -> None:
    pages = [note(1, "1111111"), sheet(2, "CHARTLOOM:SEPARATOR"), OcrPage(number=3, image="0", blank=True), note(4, "1111111")]
    sorting = account_for(pages, sort(pages, SETTINGS))
    assert [document.pages for document in sorting.documents] == [(1,), (4,)]
    assert (sorting.blank, sorting.separators) == ((3,), (2,))


@pytest.mark.parametrize(
    ("form", "text"), [("QRCode", "CHARTLOOM:SEPARATOR"), ("Code128", "CHARTLOOM:SEPARATOR"), ("PatchCode", "T")]
)
def test_every_kind_of_separator_cuts(form: str, text: str) -> None:
    pages = [note(1, "1111111"), sheet(2, text, form), note(3, "1111111")]
    assert [document.pages for document in sort(pages, SETTINGS).documents] == [(1,), (3,)]


def test_a_sheet_whose_code_was_lost_is_known_by_its_words_but_names_no_patient() -> None:
    told = page("Patient cover sheet", "CHARTLOOM:PATIENT:409-7394", number=2)
    meaning = meaning_of(told)
    assert meaning is not None
    assert (meaning.kind, meaning.mrn) == ("separator", None)


def test_a_page_of_text_that_bears_a_separators_code_stays_a_document() -> None:
    from dataclasses import replace

    coded = replace(note(2, "1111111"), barcodes=sheet(2, "CHARTLOOM:SEPARATOR").barcodes)
    assert sort([note(1, "1111111"), coded], SETTINGS).separators == ()


def test_a_patient_cover_sheet_names_the_patient_of_its_documents_and_of_no_later_one() -> None:
    bare = page("PROGRESS NOTE", *["The patient is stable and was seen today."] * 12, number=2)
    after = page("PROGRESS NOTE", *["Nothing new was found at this visit."] * 12, number=4)
    pages = [sheet(1, "CHARTLOOM:PATIENT:409-7394"), bare, sheet(3, "CHARTLOOM:SEPARATOR"), after]
    first, second = sort(pages, SETTINGS).documents
    named = first.field("mrn")
    assert named is not None
    assert (named.value, named.page) == ("409-7394", 1)
    assert second.field("mrn") is None


def test_a_cover_sheet_that_contradicts_its_document_raises_the_mixed_patient_alarm() -> None:
    (document,) = sort([sheet(1, "CHARTLOOM:PATIENT:409-7394"), note(2, "5550001")], SETTINGS).documents
    assert "mixed_patients" in {doubt.code for doubt in document.doubts}


def test_a_record_number_that_no_code_can_hold_is_refused_with_what_to_do() -> None:
    with pytest.raises(BadInput, match="letters, digits"):
        sheets.patient_cover("12 34;x")


def thumbnail(*dark: tuple[int, int], light_falls_off: bool = False) -> bytes:
    """64 x 80 grey values of a white page with dark cells at (row, column)."""
    grey = np.full((80, 64), 250, np.float64)
    if light_falls_off:
        grey -= np.linspace(0, 90, 64)
    for row, column in dark:
        grey[row, column] -= 60
    return grey.astype(np.uint8).tobytes()


def test_a_back_with_punch_holes_and_shadow_is_blank_and_one_with_a_scribble_is_not() -> None:
    holes = OcrPage(number=1, image="0", thumbnail=thumbnail((3, 20), (3, 44), light_falls_off=True))
    scribble = OcrPage(number=2, image="0", thumbnail=thumbnail(*((40, column) for column in range(20, 28))))
    unread = OcrPage(number=3, image=None, problem="The page is damaged.")
    sorting = sort([holes, scribble, unread], SETTINGS)
    assert sorting.blank == (1,)
    assert sorted(n for document in sorting.documents for n in document.pages) == [2, 3]
