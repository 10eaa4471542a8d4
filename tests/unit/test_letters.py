"""PDF reports: which letters they can print, their tables and their page numbers."""

import io

import pikepdf
from pypdf import PdfReader

from pipeline.letters import Letter


def lines_of(pdf: bytes) -> list[list[str]]:
    return [
        [line.strip() for line in page.extract_text().splitlines()]
        for page in PdfReader(io.BytesIO(pdf)).pages
    ]


def test_names_of_many_languages_are_printed() -> None:
    names = ["Иванов", "Łukasz", "Nguyễn Đặng", "Ελένη", "O'Brien & <Sons>", "Ærø"]
    letter = Letter("Names")
    for name in names:
        letter.paragraph(name)
    assert set(names) <= set(lines_of(letter.pdf())[0])


def test_accents_are_composed_and_other_scripts_are_question_marks() -> None:
    letter = Letter("Names")
    letter.paragraph("Re\u0301sume\u0301 漢字")
    assert "Résumé ??" in lines_of(letter.pdf())[0]


def test_a_long_table_repeats_its_head_and_pages_are_counted() -> None:
    letter = Letter("Rows")
    letter.heading("All rows")
    letter.table(("row", "text"), [(i, f"text {i}") for i in range(1_000, 1_200)], (1, 4))
    pages = lines_of(letter.pdf())
    assert len(pages) > 2
    assert all("row" in page and "text" in page for page in pages)
    assert "1,199" in pages[-1]
    footers = [" ".join(page) for page in pages]
    assert all(f"Page {i} of" in footer for i, footer in enumerate(footers, 1))
    assert all(str(len(pages)) in page for page in pages)


def test_a_table_may_be_empty_and_a_cell_longer_than_a_page() -> None:
    letter = Letter("Cells")
    letter.table(("code", "count"), [], (1, 1))
    letter.table(("text",), [("word " * 6_000,)], (1,))
    assert len(lines_of(letter.pdf())) > 1


def test_rows_link_to_their_targets() -> None:
    letter = Letter("Links")
    letter.table(("name",), [("first",), ("second",)], (1,), links=["page:1", "page:2"])
    with pikepdf.open(io.BytesIO(letter.pdf())) as pdf:
        annotations = pdf.pages[0].Annots.as_list()
        assert [str(annotation.A.URI) for annotation in annotations] == ["page:1", "page:2"]


def test_every_font_in_use_is_embedded() -> None:
    letter = Letter("Fonts")
    letter.table(("a",), [("b",)], (1,))
    with pikepdf.open(io.BytesIO(letter.pdf())) as pdf:
        used = [font for font in pdf.objects if isinstance(font, pikepdf.Dictionary) and "/FontFile2" in font]
        assert len(used) == 2
