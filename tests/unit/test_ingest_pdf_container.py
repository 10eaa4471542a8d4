"""A PDF with other files in it opens as the pages of all of them, and its notes say so."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pikepdf
import pytest
from PIL import Image

from pipeline.classify.file_issues import add_file_issues
from pipeline.config import IntakeSettings
from pipeline.ingest.parsing.open_scan import inspect
from pipeline.ingest.parsing.pdf_container import CHUNK_BYTES, pdf_starts
from pipeline.records import Document, Page, Reason, Segmentation
from pipeline.store.scratch import Scratch
from tests.support.scan_files import Opens, draw_page, edited, image_of, is_same_image, jpeg, pdf_of


def shaded(value: int) -> bytes:
    """Return the JPEG of a page in one shade, so that pages can be told apart."""
    return jpeg(Image.new("L", (600, 800), value))


def shades(scratch: Scratch, pages: list[Page]) -> list[int]:
    return [int(np.asarray(image_of(scratch, page).convert("L"))[400, 300]) // 10 for page in pages]


def notes_of(file: Path, scratch: Scratch, limits: IntakeSettings) -> dict[str, str]:
    return {note.code: note.detail for note in inspect(file, scratch, limits).notes}


def test_attached_pdfs_and_images_are_pages_in_order_and_named(
    tmp_path: Path, scratch: Scratch, limits: IntakeSettings, opens: Opens
) -> None:
    lab = pdf_of(tmp_path / "lab.pdf", shaded(60), shaded(90)).read_bytes()

    def attach(pdf: pikepdf.Pdf) -> None:
        pdf.attachments["a lab.pdf"] = lab
        pdf.attachments["b photo.jpg"] = shaded(120)
        pdf.attachments["c data.xml"] = b"<lab/>"

    file = edited(pdf_of(tmp_path / "cover.pdf", shaded(30)), attach)
    assert shades(scratch, opens(file)) == [3, 6, 9, 12]
    assert notes_of(file, scratch, limits) == {
        "attachments": "The file has attachments: a lab.pdf (pages 2 to 3), b photo.jpg (page 4), c data.xml."
        " Not shown as pages, but kept in the original: c data.xml."
    }


def test_a_file_that_is_attached_to_a_place_on_a_page_is_found_once(
    tmp_path: Path, scratch: Scratch, limits: IntakeSettings, opens: Opens
) -> None:
    def attach(pdf: pikepdf.Pdf) -> None:
        stream = pdf.make_stream(pdf_of(tmp_path / "b.pdf", shaded(90)).read_bytes())
        specification = pikepdf.Dictionary(
            Type=pikepdf.Name.Filespec, UF="b.pdf", EF=pikepdf.Dictionary(F=stream)
        )
        note = pikepdf.Dictionary(
            Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.FileAttachment, Rect=[0, 0, 9, 9], FS=specification
        )
        pdf.pages[0].Annots = pikepdf.Array([note, note])

    file = edited(pdf_of(tmp_path / "a.pdf", shaded(30)), attach)
    assert len(opens(file)) == 2
    assert "b.pdf (page 2)" in notes_of(file, scratch, limits)["attachments"]


def test_attachments_within_attachments_are_taken_out_and_damaged_ones_are_named(
    tmp_path: Path, scratch: Scratch, limits: IntakeSettings, opens: Opens
) -> None:
    inner = edited(
        pdf_of(tmp_path / "inner.pdf", shaded(60)),
        lambda pdf: pdf.attachments.__setitem__("deep.pdf", pdf_of(tmp_path / "c", shaded(90)).read_bytes()),
    ).read_bytes()

    def attach(pdf: pikepdf.Pdf) -> None:
        pdf.attachments["inner.pdf"] = inner
        pdf.attachments["torn.pdf"] = b"%PDF-1.4\ngarbage"

    file = edited(pdf_of(tmp_path / "a.pdf", shaded(30)), attach)
    assert shades(scratch, opens(file)) == [3, 6, 9]
    detail = notes_of(file, scratch, limits)["attachments"]
    assert "deep.pdf" in detail
    assert "kept in the original: torn.pdf" in detail


def test_pages_that_must_be_rendered_are_rendered_in_every_part(
    tmp_path: Path, scratch: Scratch, opens: Opens
) -> None:
    def drawn(name: str) -> bytes:
        pdf = pikepdf.new()
        pdf.add_blank_page(page_size=(612, 792))
        pdf.pages[0].Contents = pdf.make_stream(b"100 100 200 300 re f")
        if name == "a.pdf":
            pdf.attachments["b.pdf"] = drawn("b.pdf")
        pdf.save(tmp_path / name)
        return (tmp_path / name).read_bytes()

    (tmp_path / "all.pdf").write_bytes(drawn("a.pdf") + drawn("c.pdf"))
    pages = opens(tmp_path / "all.pdf")
    assert [page.problem for page in pages] == [None, None, None]


@pytest.mark.parametrize("between", [b"", b"\n\0\0", b"\x1b%-12345X@PJL EOJ\r\n"])
def test_two_pdfs_in_one_file_are_both_shown(
    between: bytes, tmp_path: Path, scratch: Scratch, limits: IntakeSettings, opens: Opens
) -> None:
    parts = [pdf_of(tmp_path / f"{n}.pdf", shaded(n)).read_bytes() for n in (30, 60, 90)]
    file = tmp_path / "all.pdf"
    file.write_bytes(between.join(parts))
    assert shades(scratch, opens(file)) == [3, 6, 9]
    assert "3 PDFs" in notes_of(file, scratch, limits)["concatenated_pdfs"]


def test_the_beginning_of_the_second_pdf_is_found_across_blocks(tmp_path: Path) -> None:
    for length in range(CHUNK_BYTES - 12, CHUNK_BYTES + 3):
        file = tmp_path / "a.pdf"
        file.write_bytes(b"%PDF-1.4".ljust(length - 6) + b"%%EOF\n%PDF-1.7 second %%EOF")
        assert pdf_starts(file) == [0, length]


def test_a_pdf_that_was_saved_again_or_has_an_uncompressed_attachment_is_one_pdf(tmp_path: Path) -> None:
    out = io.BytesIO()
    with pikepdf.open(pdf_of(tmp_path / "a.pdf", jpeg(draw_page()))) as pdf:
        for name in ("a.pdf", "b.pdf"):
            pdf.attachments[name] = (tmp_path / "a.pdf").read_bytes()
        pdf.save(out, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.all)
    (tmp_path / "b.pdf").write_bytes(out.getvalue() + b"1 0 obj\nnull\nendobj\nstartxref\n9\n%%EOF\n")
    assert pdf_starts(tmp_path / "b.pdf") == [0]


def test_an_ordinary_pdf_has_no_note(
    tmp_path: Path, scratch: Scratch, limits: IntakeSettings, opens: Opens
) -> None:
    file = pdf_of(tmp_path / "a.pdf", jpeg(draw_page()))
    assert notes_of(file, scratch, limits) == {}
    (page,) = opens(file)
    assert is_same_image(image_of(scratch, page), Image.open(io.BytesIO(jpeg(draw_page()))))


def test_a_form_that_scripts_build_is_noted(tmp_path: Path, scratch: Scratch, limits: IntakeSettings) -> None:
    def make_form(pdf: pikepdf.Pdf) -> None:
        pdf.Root.AcroForm = pikepdf.Dictionary(Fields=5, XFA=pdf.make_stream(b"<xdp/>"))

    file = edited(pdf_of(tmp_path / "a.pdf", jpeg(draw_page())), make_form)
    assert set(notes_of(file, scratch, limits)) == {"xfa_form"}


def test_every_document_of_an_unusual_file_is_reviewed() -> None:
    documents = tuple(Document(pages=(n,), type="other", type_probability=1.0) for n in (1, 2))
    attached, signed = Reason(code="attachments", detail="a.pdf"), Reason(code="signed", detail="")
    marked = add_file_issues(Segmentation(documents=documents), [signed, attached])
    assert [document.issues for document in marked.documents] == [(attached,), (attached,)]
    plain = add_file_issues(Segmentation(documents=documents), [signed])
    assert [document.issues for document in plain.documents] == [(), ()]
