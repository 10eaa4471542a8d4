"""PDFs open as their pages: a page that is one image is extracted unchanged, any other page is rendered."""

from __future__ import annotations

import io
from pathlib import Path

import pikepdf
import pytest
from PIL import Image, ImageChops

from pipeline.config import IntakeSettings
from pipeline.ingest.parsing.open_scan import open_scan
from pipeline.store.scratch import Scratch
from tests.support.scan_files import (
    SHA,
    Opens,
    appended,
    draw_page,
    edited,
    image_of,
    is_same_image,
    is_similar_image,
    jpeg,
    pdf_of,
)


def test_a_jpeg_page_of_a_pdf_is_extracted_unchanged_with_its_resolution(
    tmp_path: Path, scratch: Scratch, opens: Opens
) -> None:
    data = jpeg(draw_page(mode="RGB"))
    (page,) = opens(pdf_of(tmp_path / "a.pdf", data))
    assert page.image is not None
    assert scratch.path(page.image).read_bytes() == data
    assert page.dpi == pytest.approx(150, abs=0.5)


def test_a_fax_page_of_a_pdf_is_extracted_without_loss(
    tmp_path: Path, scratch: Scratch, opens: Opens
) -> None:
    out = io.BytesIO()
    draw_page(mode="1").save(out, "TIFF", compression="group4")
    (page,) = opens(pdf_of(tmp_path / "a.pdf", out.getvalue()))
    assert image_of(scratch, page).mode == "1"
    assert is_same_image(image_of(scratch, page), draw_page(mode="1"))


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_uncompressed_samples_are_extracted_without_loss(
    mode: str, tmp_path: Path, scratch: Scratch, opens: Opens
) -> None:
    out = io.BytesIO()
    picture = draw_page(mode=mode)
    if mode == "RGB":
        picture.paste((200, 10, 10), (500, 500, 600, 600))
    picture.save(out, "PNG")
    file = pdf_of(tmp_path / "a.pdf", out.getvalue())
    (page,) = opens(file)
    assert is_same_image(image_of(scratch, page), picture)


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_pages_own_rotation_is_applied(turn: int, tmp_path: Path, scratch: Scratch, opens: Opens) -> None:
    file = edited(
        pdf_of(tmp_path / "a.pdf", jpeg(draw_page())), lambda pdf: pdf.pages[0].rotate(turn, relative=False)
    )
    (page,) = opens(file)
    assert is_similar_image(image_of(scratch, page), draw_page().rotate(-turn, expand=True))


def test_inverted_images_and_stencil_masks_are_extracted_black_on_white(
    tmp_path: Path, scratch: Scratch, opens: Opens
) -> None:
    out = io.BytesIO()
    draw_page(mode="1").save(out, "TIFF", compression="group4")
    plain = pdf_of(tmp_path / "a.pdf", out.getvalue())

    def invert(pdf: pikepdf.Pdf) -> None:
        (image,) = pdf.pages[0].get_images().values()
        image.Decode = pikepdf.Array([1, 0])

    def stencil(pdf: pikepdf.Pdf) -> None:
        (image,) = pdf.pages[0].get_images().values()
        image.ImageMask = True
        del image["/ColorSpace"]

    expected = image_of(scratch, opens(plain)[0])
    masked = edited(Path(plain.rename(tmp_path / "b.pdf")), stencil)
    assert is_similar_image(image_of(scratch, opens(masked)[0]), rendered(masked, tmp_path))
    inverted = edited(pdf_of(tmp_path / "c.pdf", out.getvalue()), invert)
    assert is_similar_image(image_of(scratch, opens(inverted)[0]), rendered(inverted, tmp_path))
    assert is_same_image(expected, draw_page(mode="1"))


def rendered(file: Path, folder: Path) -> Image.Image:
    """Return the first page as poppler renders it."""
    from pdf2image import convert_from_path

    return convert_from_path(
        file, dpi=150, output_folder=folder, first_page=1, last_page=1, use_cropbox=True
    )[0]


def test_a_scan_with_an_invisible_text_layer_is_extracted(
    tmp_path: Path, scratch: Scratch, opens: Opens
) -> None:
    data = jpeg(draw_page())
    file = edited(
        pdf_of(tmp_path / "a.pdf", data),
        lambda pdf: appended(pdf, b"BT 3 Tr /F 20 Tf 100 100 Td (hidden words) Tj ET"),
    )
    (page,) = opens(file)
    assert page.image is not None
    assert scratch.path(page.image).read_bytes() == data
    assert page.words == ()


@pytest.mark.parametrize(
    "mark", [b"BT /F 20 Tf 100 100 Td (RECEIVED) Tj ET", b"1 0 0 RG 10 w 100 100 m 300 300 l S"]
)
def test_a_stamp_over_a_scan_is_visible(mark: bytes, tmp_path: Path, scratch: Scratch, opens: Opens) -> None:
    file = edited(pdf_of(tmp_path / "a.pdf", jpeg(draw_page())), lambda pdf: appended(pdf, mark))
    (page,) = opens(file)
    assert not nearly_white(image_of(scratch, page).crop((200, 1000, 640, 1560)))
    assert page.words == (), "the page is a picture: its few words are not its text"


def nearly_white(picture: Image.Image) -> bool:
    return picture.convert("L").getextrema()[0] > 200  # type: ignore[operator]


def test_an_annotation_over_a_scan_is_visible(tmp_path: Path, scratch: Scratch, opens: Opens) -> None:
    def annotate(pdf: pikepdf.Pdf) -> None:
        look = pdf.make_stream(
            b"0 0 0 rg 0 0 100 100 re f",
            Type=pikepdf.Name.XObject,
            Subtype=pikepdf.Name.Form,
            BBox=[0, 0, 100, 100],
        )
        note = pikepdf.Dictionary(
            Type=pikepdf.Name.Annot,
            Subtype=pikepdf.Name.Stamp,
            Rect=[200, 200, 300, 300],
            F=4,
            AP=pikepdf.Dictionary(N=look),
        )
        pdf.pages[0].Annots = pdf.make_indirect(pikepdf.Array([pdf.make_indirect(note)]))

    (page,) = opens(edited(pdf_of(tmp_path / "a.pdf", jpeg(draw_page())), annotate))
    assert not nearly_white(image_of(scratch, page).crop((400, 1100, 640, 1350)))


def test_what_the_crop_box_hides_stays_hidden(tmp_path: Path, scratch: Scratch, opens: Opens) -> None:
    def crop(pdf: pikepdf.Pdf) -> None:
        pdf.pages[0].cropbox = pikepdf.Array([300, 0, 595.2, 300])

    (page,) = opens(edited(pdf_of(tmp_path / "a.pdf", jpeg(draw_page())), crop))
    assert image_of(scratch, page).width == pytest.approx(295.2 / 72 * (page.dpi or 0), abs=2)
    assert nearly_white(image_of(scratch, page))


def test_a_born_digital_page_is_rendered_at_300_dpi_with_its_words_in_their_places(
    tmp_path: Path, scratch: Scratch, opens: Opens
) -> None:
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(612, 792))
        appended(pdf, b"BT /F 40 Tf 72 700 Td (Hello) Tj ET")
        pdf.save(tmp_path / "a.pdf")
    (page,) = opens(tmp_path / "a.pdf")
    assert page.dpi == 300
    assert image_of(scratch, page).size == (2550, 3300)
    (word,) = page.words
    assert word.text == "Hello"
    ink = ImageChops.invert(image_of(scratch, page).convert("L")).getbbox()
    assert ink is not None
    assert word.box[0] - 10 <= ink[0] < ink[2] <= word.box[2] + 10
    assert word.box[1] - 10 <= ink[1] < ink[3] <= word.box[3] + 10


def test_words_of_a_rotated_and_cropped_page_are_over_its_print(
    tmp_path: Path, scratch: Scratch, opens: Opens
) -> None:
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(612, 792))
        appended(pdf, b"BT /F 40 Tf 172 600 Td (Hello) Tj ET")
        pdf.pages[0].cropbox = pikepdf.Array([100, 500, 500, 700])
        pdf.pages[0].rotate(90, relative=False)
        pdf.save(tmp_path / "a.pdf")
    (page,) = opens(tmp_path / "a.pdf")
    (word,) = page.words
    ink = ImageChops.invert(image_of(scratch, page).convert("L")).getbbox()
    assert ink is not None
    assert all(abs(a - b) < 60 for a, b in zip(word.box, ink, strict=True)), (word.box, ink)


def test_a_giant_page_is_rendered_smaller_with_a_note(tmp_path: Path, scratch: Scratch, opens: Opens) -> None:
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(14400, 14400))
        appended(pdf, b"0 0 0 rg 5000 5000 100 100 re f")
        pdf.save(tmp_path / "a.pdf")
    (page,) = opens(tmp_path / "a.pdf", max_render_pixels=4_000_000)
    width, height = image_of(scratch, page).size
    assert width * height <= 4_100_000
    assert [note.code for note in page.notes] == ["page_downscaled"]


def test_the_same_file_gives_the_same_hashes(tmp_path: Path, opens: Opens) -> None:
    file = edited(
        pdf_of(tmp_path / "a.pdf", jpeg(draw_page()), jpeg(draw_page((500, 500)))),
        lambda pdf: appended(pdf, b"0 0 9 9 re f"),
    )
    assert [page.image for page in opens(file)] == [page.image for page in opens(file)]


def test_a_range_of_pages_is_opened_without_the_others(
    tmp_path: Path, scratch: Scratch, limits: IntakeSettings
) -> None:
    file = pdf_of(tmp_path / "a.pdf", *(jpeg(draw_page((300 + n, 300))) for n in range(5)))
    pages = list(open_scan(file, SHA, scratch, limits, range(2, 4)))
    assert [page.number for page in pages] == [2, 3]
    assert [image_of(scratch, page).width for page in pages] == [301, 302]


def test_pages_are_opened_one_by_one(tmp_path: Path, scratch: Scratch, limits: IntakeSettings) -> None:
    file = pdf_of(tmp_path / "a.pdf", *(jpeg(draw_page((300 + n, 300))) for n in range(5)))
    pages = open_scan(file, SHA, scratch, limits)

    def waiting() -> list[Path]:
        return [file for file in scratch.folder.iterdir() if file.is_file()]

    for number in range(1, 4):
        page = next(pages)
        assert page.image is not None
        assert waiting() == [scratch.path(page.image)]
        scratch.remove(page.image)
        assert waiting() == [], f"after page {number}"
    pages.close()  # type: ignore[attr-defined]
    assert list(scratch.folder.iterdir()) == []
