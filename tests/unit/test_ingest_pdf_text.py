"""Text of a PDF page is the page's own only if a person sees it, and a page has the size of its paper."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pikepdf
import pytest
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from pipeline.ingest.parsing.pdf_geometry import displayed_rect, paper_scale
from pipeline.records import Page
from pipeline.store.scratch import Scratch
from tests.support.scan_files import Opens, draw_page, edited, image_of


def canvas_of(file: Path) -> Canvas:
    return Canvas(str(file), pagesize=(612, 792))


def texts(page: Page) -> set[str]:
    return {word.text for word in page.words}


def test_a_page_with_invisible_text_has_no_text_of_its_own(tmp_path: Path, opens: Opens) -> None:
    canvas = canvas_of(tmp_path / "a.pdf")
    canvas.drawString(72, 700, "Visible words")
    text = canvas.beginText(72, 600)
    text.setTextRenderMode(3)
    text.textLine("hidden words")
    canvas.drawText(text)
    canvas.save()
    (page,) = opens(tmp_path / "a.pdf")
    assert page.words == ()


@pytest.mark.parametrize("bands", [1, 12])
def test_text_over_a_picture_is_not_the_pages_own_however_the_picture_is_stored(
    bands: int, tmp_path: Path, opens: Opens
) -> None:
    canvas, picture = canvas_of(tmp_path / "a.pdf"), draw_page(mode="L").resize((612, 300))
    for band in range(bands):
        part = picture.crop((0, band * 300 // bands, 612, (band + 1) * 300 // bands))
        canvas.drawImage(ImageReader(part), 0, 300 - (band + 1) * 300 // bands, 612, 300 // bands)
    canvas.drawString(72, 700, "Beside")
    canvas.drawString(72, 100, "Over")
    canvas.save()
    (page,) = opens(tmp_path / "a.pdf")
    assert texts(page) == {"Beside"}


def test_text_over_an_inline_image_is_not_the_pages_own(tmp_path: Path, opens: Opens) -> None:
    canvas = canvas_of(tmp_path / "a.pdf")
    canvas.drawInlineImage(draw_page(mode="L").resize((60, 80)), 50, 50, 300, 400)
    canvas.drawString(72, 700, "Beside")
    canvas.drawString(72, 100, "Over")
    canvas.save()
    (page,) = opens(tmp_path / "a.pdf")
    assert texts(page) == {"Beside"}


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_the_place_of_a_picture_follows_the_rotation_of_its_page(
    turn: int, tmp_path: Path, opens: Opens
) -> None:
    canvas = canvas_of(tmp_path / "a.pdf")
    canvas.drawImage(ImageReader(draw_page(mode="L").resize((60, 80))), 50, 50, 150, 100)
    canvas.drawString(300, 700, "Beside")
    canvas.drawString(72, 100, "Over")
    canvas.save()
    file = edited(tmp_path / "a.pdf", lambda pdf: pdf.pages[0].rotate(turn, relative=False))
    (page,) = opens(file)
    assert texts(page) == {"Beside"}
    left, top, right, bottom = displayed_rect((0, 0, 10, 20), (0, 0, 612, 792), turn, 2.0)
    assert (right - left, bottom - top) == ((40, 20) if turn % 180 else (20, 40))


@pytest.mark.parametrize(("unit", "size"), [(72.0, (8.5, 11.0)), (1.0, (8.5, 11.0)), (1.0, (2550.0, 3300.0))])
def test_a_page_in_inches_or_in_pixels_is_rendered_at_the_size_of_its_paper(
    unit: float, size: tuple[float, float], tmp_path: Path, scratch: Scratch, opens: Opens
) -> None:
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=size)
    canvas.scale(size[0] / 612, size[1] / 792)
    canvas.drawString(72, 700, "Words")
    canvas.save()
    (tmp_path / "a.pdf").write_bytes(out.getvalue())

    def state_unit(pdf: pikepdf.Pdf) -> None:
        pdf.pages[0].obj.UserUnit = unit

    (page,) = opens(edited(tmp_path / "a.pdf", state_unit, min_version="1.6"))
    assert page.dpi == pytest.approx(300, abs=1)
    width, height = image_of(scratch, page).size
    assert (width / 300, height / 300) == pytest.approx((8.5, 11.0), abs=0.02)
    (word,) = page.words
    assert word.box[0] / 300 == pytest.approx(1.0, abs=0.02)


def test_ordinary_paper_from_a_label_to_a_ledger_keeps_its_size() -> None:
    for inches in ((2.0, 1.5), (8.5, 11.0), (11.0, 17.0), (8.5, 100.0), (23.4, 33.1)):
        assert paper_scale((72 * inches[0], 72 * inches[1]), 1.0) == 1.0


def test_the_value_of_a_form_field_follows_its_label(tmp_path: Path, opens: Opens) -> None:
    canvas = canvas_of(tmp_path / "a.pdf")
    for number, (label, value) in enumerate((("Name:", "Hartwell"), ("MRN:", "4471902"))):
        canvas.drawString(72, 700 - 30 * number, label)
        canvas.acroForm.textfield(
            name=label, value=value, x=200, y=692 - 30 * number, width=150, height=22, fieldFlags=""
        )
    canvas.drawString(72, 600, "Signature")
    canvas.save()
    (page,) = opens(tmp_path / "a.pdf")
    assert [word.text for word in page.words] == ["Name:", "Hartwell", "MRN:", "4471902", "Signature"]


def test_the_text_of_a_sticky_note_is_printed_below_the_page(
    tmp_path: Path, scratch: Scratch, opens: Opens
) -> None:
    canvas = canvas_of(tmp_path / "a.pdf")
    canvas.drawString(72, 700, "Words of the page")
    canvas.save()

    def add_note(pdf: pikepdf.Pdf) -> None:
        note = pikepdf.Dictionary(
            Type=pikepdf.Name.Annot,
            Subtype=pikepdf.Name.Text,
            Rect=[500, 700, 520, 720],
            Contents="ALLERGY ALERT: penicillin " * 6,
        )
        pdf.pages[0].obj.Annots = pikepdf.Array([pdf.make_indirect(note)])

    (page,) = opens(edited(tmp_path / "a.pdf", add_note))
    assert [word.text for word in page.words][:6] == ["Words", "of", "the", "page", "Note:", "ALLERGY"]
    image = image_of(scratch, page).convert("L")
    assert image.height > 3300
    for word in page.words[4:]:
        assert word.box[1] >= 3300
        assert word.box[2] <= image.width
        assert np.asarray(image.crop(word.box)).min() < 64
