"""Opening scans: what is taken out as it is, what is rendered, what a person sees, and what hostile files may cost."""

from __future__ import annotations

import errno
import io
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import img2pdf
import pikepdf
import psutil
import pytest
from PIL import Image, ImageChops, ImageDraw, ImageStat

from pipeline.config import IntakeSettings, load_settings
from pipeline.errors import BadInput, MissingProgram
from pipeline.ingest import parser
from pipeline.ingest.opening import inspect, open_scan
from pipeline.records import Page
from pipeline.store.scratch import NoRoom, Scratch

SHA = "0" * 64
A5 = (1240, 1748)  # at 150 dpi... of A4, so that files stay small


@pytest.fixture(scope="module")
def settings() -> IntakeSettings:
    return load_settings().intake


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    return Scratch(tmp_path / "scratch")


@pytest.fixture(scope="module", autouse=True)
def no_parser_is_left() -> Iterator[None]:
    yield
    parser.end_idle()


Opens = Callable[..., list[Page]]


@pytest.fixture
def opens(scratch: Scratch, settings: IntakeSettings) -> Opens:
    def open_all(file: Path, **changed: object) -> list[Page]:
        return list(open_scan(file, SHA, scratch, settings.model_copy(update=changed)))

    return open_all


def drawn(size: tuple[int, int] = A5, mode: str = "L") -> Image.Image:
    """A page with a black mark at its top left: turned or mirrored it looks different."""
    picture = Image.new(mode, size, "white" if mode != "1" else 1)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((50, 50, 400, 120), fill=0)
    draw.rectangle((50, 200, 100, 1000), fill=0)
    return picture


def of(scratch: Scratch, page: Page) -> Image.Image:
    assert page.image is not None, page.problem
    return Image.open(scratch.path(page.image))


def same(left: Image.Image, right: Image.Image) -> bool:
    return left.size == right.size and ImageChops.difference(left.convert("L"), right.convert("L")).getbbox() is None


def nearly(left: Image.Image, right: Image.Image) -> bool:
    return left.size == right.size and ImageStat.Stat(ImageChops.difference(left.convert("L"), right.convert("L"))).mean[0] < 3


def jpeg(picture: Image.Image, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=85, **options)
    return out.getvalue()


def saved(folder: Path, picture: Image.Image, name: str, **options: object) -> Path:
    picture.save(folder / name, **options)  # type: ignore[arg-type]
    return folder / name


def pdf_of(file: Path, *pictures: bytes) -> Path:
    layout = img2pdf.get_fixed_dpi_layout_fun((150, 150))
    file.write_bytes(img2pdf.convert(*pictures, layout_fun=layout))
    return file


def edited(file: Path, change: Callable[[pikepdf.Pdf], object], **options: object) -> Path:
    with pikepdf.open(file, allow_overwriting_input=True) as pdf:
        change(pdf)
        pdf.save(file, **options)  # type: ignore[arg-type]
    return file


def appended(pdf: pikepdf.Pdf, content: bytes) -> None:
    """More drawing on the first page, with a font at hand."""
    page = pdf.pages[0]
    page.Resources.Font = pikepdf.Dictionary(
        F=pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
    )
    page.contents_add(pdf.make_stream(content))


# --- one picture that is the page


def test_a_jpeg_page_of_a_pdf_stays_the_very_same_jpeg_with_its_resolution(
    tmp_path: Path, scratch: Scratch, opens: Opens
) -> None:
    data = jpeg(drawn(mode="RGB"))
    (page,) = opens(pdf_of(tmp_path / "a.pdf", data))
    assert page.image is not None
    assert scratch.path(page.image).read_bytes() == data
    assert page.dpi == pytest.approx(150, abs=0.5)


def test_a_fax_page_of_a_pdf_is_taken_out_without_loss(tmp_path: Path, scratch: Scratch, opens: Opens) -> None:
    out = io.BytesIO()
    drawn(mode="1").save(out, "TIFF", compression="group4")
    (page,) = opens(pdf_of(tmp_path / "a.pdf", out.getvalue()))
    assert of(scratch, page).mode == "1"
    assert same(of(scratch, page), drawn(mode="1"))


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_plain_samples_are_taken_out_without_loss(mode: str, tmp_path: Path, scratch: Scratch, opens: Opens) -> None:
    out = io.BytesIO()
    picture = drawn(mode=mode)
    if mode == "RGB":
        picture.paste((200, 10, 10), (500, 500, 600, 600))
    picture.save(out, "PNG")
    file = pdf_of(tmp_path / "a.pdf", out.getvalue())
    (page,) = opens(file)
    assert same(of(scratch, page), picture)


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_pages_own_rotation_is_applied(turn: int, tmp_path: Path, scratch: Scratch, opens: Opens) -> None:
    file = edited(pdf_of(tmp_path / "a.pdf", jpeg(drawn())), lambda pdf: pdf.pages[0].rotate(turn, relative=False))
    (page,) = opens(file)
    assert nearly(of(scratch, page), drawn().rotate(-turn, expand=True))


def test_inverted_decode_and_stencil_masks_come_out_black_on_white(tmp_path: Path, scratch: Scratch, opens: Opens) -> None:
    out = io.BytesIO()
    drawn(mode="1").save(out, "TIFF", compression="group4")
    plain = pdf_of(tmp_path / "a.pdf", out.getvalue())

    def invert(pdf: pikepdf.Pdf) -> None:
        (image,) = pdf.pages[0].get_images().values()
        image.Decode = pikepdf.Array([1, 0])

    def stencil(pdf: pikepdf.Pdf) -> None:
        (image,) = pdf.pages[0].get_images().values()
        image.ImageMask = True
        del image["/ColorSpace"]

    expected = of(scratch, opens(plain)[0])
    masked = edited(Path(plain.rename(tmp_path / "b.pdf")), stencil)
    assert nearly(of(scratch, opens(masked)[0]), rendered(masked, tmp_path))
    inverted = edited(pdf_of(tmp_path / "c.pdf", out.getvalue()), invert)
    assert nearly(of(scratch, opens(inverted)[0]), rendered(inverted, tmp_path))
    assert same(expected, drawn(mode="1"))


def rendered(file: Path, folder: Path) -> Image.Image:
    """How poppler shows the first page."""
    from pdf2image import convert_from_path

    return convert_from_path(file, dpi=150, output_folder=folder, first_page=1, last_page=1, use_cropbox=True)[0]


def test_an_invisible_text_layer_does_not_keep_a_scan_from_being_taken_out(
    tmp_path: Path, scratch: Scratch, opens: Opens
) -> None:
    data = jpeg(drawn())
    file = edited(
        pdf_of(tmp_path / "a.pdf", data), lambda pdf: appended(pdf, b"BT 3 Tr /F 20 Tf 100 100 Td (hidden words) Tj ET")
    )
    (page,) = opens(file)
    assert page.image is not None
    assert scratch.path(page.image).read_bytes() == data
    assert page.words == ()


@pytest.mark.parametrize("mark", [b"BT /F 20 Tf 100 100 Td (RECEIVED) Tj ET", b"1 0 0 RG 10 w 100 100 m 300 300 l S"])
def test_a_stamp_over_a_scan_is_seen(mark: bytes, tmp_path: Path, scratch: Scratch, opens: Opens) -> None:
    file = edited(pdf_of(tmp_path / "a.pdf", jpeg(drawn())), lambda pdf: appended(pdf, mark))
    (page,) = opens(file)
    assert not nearly_white(of(scratch, page).crop((200, 1000, 640, 1560)))
    assert page.words == (), "the page is a picture: its few words are not its text"


def nearly_white(picture: Image.Image) -> bool:
    return picture.convert("L").getextrema()[0] > 200  # type: ignore[operator]


def test_an_annotation_over_a_scan_is_seen(tmp_path: Path, scratch: Scratch, opens: Opens) -> None:
    def annotate(pdf: pikepdf.Pdf) -> None:
        look = pdf.make_stream(
            b"0 0 0 rg 0 0 100 100 re f", Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Form, BBox=[0, 0, 100, 100]
        )
        note = pikepdf.Dictionary(
            Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Stamp, Rect=[200, 200, 300, 300], F=4, AP=pikepdf.Dictionary(N=look)
        )
        pdf.pages[0].Annots = pdf.make_indirect(pikepdf.Array([pdf.make_indirect(note)]))

    (page,) = opens(edited(pdf_of(tmp_path / "a.pdf", jpeg(drawn())), annotate))
    assert not nearly_white(of(scratch, page).crop((400, 1100, 640, 1350)))


def test_what_the_crop_box_hides_stays_hidden(tmp_path: Path, scratch: Scratch, opens: Opens) -> None:
    def crop(pdf: pikepdf.Pdf) -> None:
        pdf.pages[0].cropbox = pikepdf.Array([300, 0, 595.2, 300])

    (page,) = opens(edited(pdf_of(tmp_path / "a.pdf", jpeg(drawn())), crop))
    assert of(scratch, page).width == pytest.approx(295.2 / 72 * (page.dpi or 0), abs=2)
    assert nearly_white(of(scratch, page))


# --- pages that are drawn


def test_a_born_digital_page_is_rendered_at_300_dpi_with_its_words_where_they_stand(
    tmp_path: Path, scratch: Scratch, opens: Opens
) -> None:
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(612, 792))
        appended(pdf, b"BT /F 40 Tf 72 700 Td (Hello) Tj ET")
        pdf.save(tmp_path / "a.pdf")
    (page,) = opens(tmp_path / "a.pdf")
    assert page.dpi == 300
    assert of(scratch, page).size == (2550, 3300)
    (word,) = page.words
    assert word.text == "Hello"
    ink = ImageChops.invert(of(scratch, page).convert("L")).getbbox()
    assert ink is not None
    assert word.box[0] - 10 <= ink[0] < ink[2] <= word.box[2] + 10
    assert word.box[1] - 10 <= ink[1] < ink[3] <= word.box[3] + 10


def test_words_of_a_rotated_and_cropped_page_stand_on_its_ink(tmp_path: Path, scratch: Scratch, opens: Opens) -> None:
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(612, 792))
        appended(pdf, b"BT /F 40 Tf 172 600 Td (Hello) Tj ET")
        pdf.pages[0].cropbox = pikepdf.Array([100, 500, 500, 700])
        pdf.pages[0].rotate(90, relative=False)
        pdf.save(tmp_path / "a.pdf")
    (page,) = opens(tmp_path / "a.pdf")
    (word,) = page.words
    ink = ImageChops.invert(of(scratch, page).convert("L")).getbbox()
    assert ink is not None
    assert all(abs(a - b) < 60 for a, b in zip(word.box, ink, strict=True)), (word.box, ink)


def test_a_giant_page_is_rendered_smaller_and_says_so(tmp_path: Path, scratch: Scratch, opens: Opens) -> None:
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(14400, 14400))
        appended(pdf, b"0 0 0 rg 5000 5000 100 100 re f")
        pdf.save(tmp_path / "a.pdf")
    (page,) = opens(tmp_path / "a.pdf", page_pixels=4_000_000)
    width, height = of(scratch, page).size
    assert width * height <= 4_100_000
    assert [note.code for note in page.notes] == ["page_reduced"]


def test_the_same_file_gives_the_same_hashes(tmp_path: Path, opens: Opens) -> None:
    file = edited(pdf_of(tmp_path / "a.pdf", jpeg(drawn()), jpeg(drawn((500, 500)))), lambda pdf: appended(pdf, b"0 0 9 9 re f"))
    assert [page.image for page in opens(file)] == [page.image for page in opens(file)]


def test_a_range_of_pages_is_opened_without_the_others(tmp_path: Path, scratch: Scratch, settings: IntakeSettings) -> None:
    file = pdf_of(tmp_path / "a.pdf", *(jpeg(drawn((300 + n, 300))) for n in range(5)))
    pages = list(open_scan(file, SHA, scratch, settings, range(2, 4)))
    assert [page.number for page in pages] == [2, 3]
    assert [of(scratch, page).width for page in pages] == [301, 302]


def test_pages_come_one_by_one(tmp_path: Path, scratch: Scratch, settings: IntakeSettings) -> None:
    file = pdf_of(tmp_path / "a.pdf", *(jpeg(drawn((300 + n, 300))) for n in range(5)))
    pages = open_scan(file, SHA, scratch, settings)

    def waiting() -> list[Path]:
        return [file for file in scratch.folder.iterdir() if file.is_file()]

    for number in range(1, 4):
        page = next(pages)
        assert page.image is not None
        assert waiting() == [scratch.path(page.image)]
        scratch.drop(page.image)
        assert waiting() == [], f"after page {number}"
    pages.close()  # type: ignore[attr-defined]
    assert list(scratch.folder.iterdir()) == []


# --- picture files


def test_a_large_picture_is_not_kept_in_memory_while_its_page_is_read(
    tmp_path: Path, scratch: Scratch, settings: IntakeSettings
) -> None:
    Image.new("RGB", (3800, 3800), (200, 40, 40)).save(tmp_path / "a.png")  # 55 MB decoded
    parser.end_idle()
    pages = open_scan(tmp_path / "a.png", SHA, scratch, settings)
    assert next(pages).image is not None
    (child,) = psutil.Process().children()
    assert child.memory_info().rss < 50_000_000
    assert list(pages) == []


def test_every_page_of_a_tiff_comes_whatever_its_compression(tmp_path: Path, scratch: Scratch, opens: Opens) -> None:
    first, *rest = [drawn(mode="1"), drawn((800, 1100), "1")]
    file = saved(tmp_path, first, "a.dat", format="TIFF", save_all=True, append_images=rest, compression="group4", dpi=(200, 200))
    pages = opens(file)
    assert [page.dpi for page in pages] == [200, 200]
    assert all(same(of(scratch, page), picture) for page, picture in zip(pages, [first, *rest], strict=True))


@pytest.mark.parametrize("compression", ["jpeg", "tiff_lzw", "tiff_adobe_deflate", "packbits", "raw"])
def test_a_colour_tiff_is_read_in_each_compression(compression: str, tmp_path: Path, scratch: Scratch, opens: Opens) -> None:
    picture = drawn(mode="RGB")
    picture.paste((200, 10, 10), (500, 500, 600, 600))
    (page,) = opens(saved(tmp_path, picture, "a.tif", compression=compression))
    assert nearly(of(scratch, page), picture)


def test_a_standard_fax_gets_square_pixels(tmp_path: Path, scratch: Scratch, opens: Opens) -> None:
    (page,) = opens(saved(tmp_path, drawn((1728, 1078), "1"), "a.tif", compression="group4", dpi=(204, 98)))
    width, height = of(scratch, page).size
    assert (width, height) == (1728, pytest.approx(1078 * 204 / 98, abs=2))
    assert page.dpi == 204


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_stands_as_a_person_sees_it(orientation: int, tmp_path: Path, scratch: Scratch, opens: Opens) -> None:
    from PIL import ImageOps

    exif = Image.Exif()
    exif[274] = orientation
    file = tmp_path / "a.jpg"
    file.write_bytes(jpeg(drawn((600, 1100)), exif=exif.tobytes()))
    (page,) = opens(file)
    assert nearly(of(scratch, page), ImageOps.exif_transpose(Image.open(file)))
    assert of(scratch, page).getexif().get(274, 1) == 1


def test_sixteen_bits_palettes_transparency_and_cmyk_become_what_is_seen(tmp_path: Path, scratch: Scratch, opens: Opens) -> None:
    wide = Image.new("I;16", (100, 100), 65535)
    wide.paste(0, (10, 10, 30, 30))
    clear = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    clear.paste((0, 0, 0, 255), (10, 10, 30, 30))
    palette = drawn((100, 130)).convert("P")
    cmyk = Image.new("CMYK", (100, 100), (0, 0, 0, 0))
    cmyk.paste((0, 0, 0, 255), (10, 10, 30, 30))
    for name, picture in (("w.tif", wide), ("c.png", clear), ("p.gif", palette), ("k.tif", cmyk), ("k.jpg", cmyk)):
        (page,) = opens(saved(tmp_path, picture, name))
        seen = of(scratch, page).convert("L")
        assert seen.getpixel((5, 5)) >= 250, name  # type: ignore[operator]
        assert name == "p.gif" or seen.getpixel((20, 20)) <= 5, name  # type: ignore[operator]


def test_a_jpeg_2000_and_a_webp_are_taken(tmp_path: Path, scratch: Scratch, opens: Opens) -> None:
    for name in ("a.jp2", "a.webp", "a.bmp", "a.ppm"):
        (page,) = opens(saved(tmp_path, drawn((300, 400)), name))
        assert nearly(of(scratch, page), drawn((300, 400))), name


def test_a_picture_that_breaks_off_shows_what_it_has_and_says_so(tmp_path: Path, scratch: Scratch, opens: Opens) -> None:
    data = jpeg(drawn())
    (tmp_path / "a.jpg").write_bytes(data[: len(data) * 2 // 3])
    (page,) = opens(tmp_path / "a.jpg")
    assert page.problem is not None
    assert of(scratch, page).size == A5


# --- what is refused, and why


def refused(file: Path, opens: Opens, **changed: object) -> str:
    with pytest.raises(BadInput) as error:
        opens(file, **changed)
    assert error.value.remedy
    return error.value.code


def test_each_refusal_has_its_code(tmp_path: Path, opens: Opens) -> None:
    (tmp_path / "empty.pdf").touch()
    assert refused(tmp_path / "empty.pdf", opens) == "empty"
    (tmp_path / "text.pdf").write_text("Dear colleague")
    assert refused(tmp_path / "text.pdf", opens) == "unknown_kind"
    (tmp_path / "cut.pdf").write_bytes(b"%PDF-1.4\ngarbage")
    assert refused(tmp_path / "cut.pdf", opens) == "damaged"
    (tmp_path / "cut.tif").write_bytes(b"II*\0\x08\0\0\0")
    assert refused(tmp_path / "cut.tif", opens) == "damaged"
    two = pdf_of(tmp_path / "two.pdf", jpeg(drawn()), jpeg(drawn()))
    assert refused(two, opens, max_pages=1) == "too_many_pages"
    assert refused(two, opens, max_bytes=100) == "too_large"


def test_a_password_is_asked_for_only_where_one_is_needed(tmp_path: Path, opens: Opens) -> None:
    file = pdf_of(tmp_path / "a.pdf", jpeg(drawn()))
    locked = edited(Path(file), lambda _: None, encryption=pikepdf.Encryption(user="secret", owner="secret"))
    assert refused(locked, opens) == "encrypted"
    file = pdf_of(tmp_path / "b.pdf", jpeg(drawn()))
    open_to_all = edited(file, lambda _: None, encryption=pikepdf.Encryption(user="", owner="secret"))
    (page,) = opens(open_to_all)
    assert page.image is not None


def test_a_pdf_cut_in_the_middle_still_gives_its_pages(tmp_path: Path, scratch: Scratch, opens: Opens) -> None:
    file = pdf_of(tmp_path / "a.pdf", jpeg(drawn()))
    file.write_bytes(file.read_bytes()[:-60])
    (page,) = opens(file)
    assert page.image is not None


def test_signatures_attachments_and_scripts_are_said(tmp_path: Path, scratch: Scratch, settings: IntakeSettings) -> None:
    def dress(pdf: pikepdf.Pdf) -> None:
        pdf.attachments["a.txt"] = b"attached"
        pdf.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")
        pdf.Root.AcroForm = pikepdf.Dictionary(SigFlags=3, Fields=pikepdf.Array())

    file = edited(pdf_of(tmp_path / "a.pdf", jpeg(drawn())), dress)
    assert [note.code for note in inspect(file, scratch, settings).notes] == ["signed", "attachments", "javascript"]


# --- hostile files


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_a_picture_of_a_hundred_thousand_pixels_square_is_a_page_for_a_person(tmp_path: Path, opens: Opens) -> None:
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1_000_000), 9)
    (tmp_path / "bomb.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )
    assert refused(tmp_path / "bomb.png", opens) == "unreadable_pages"


def test_a_decompression_bomb_costs_one_page_and_not_the_file(tmp_path: Path, scratch: Scratch, opens: Opens) -> None:
    out = io.BytesIO()
    drawn().save(out, "PNG")
    file = pdf_of(tmp_path / "a.pdf", out.getvalue(), jpeg(drawn((300, 300))))

    def swell(pdf: pikepdf.Pdf) -> None:
        (image,) = pdf.pages[0].get_images().values()
        bomb = zlib.compress(zlib.compress(bytes(1 << 28), 9), 9)  # 256 MB of zeros in a few kB
        image.write(
            bomb,
            filter=pikepdf.Array([pikepdf.Name.FlateDecode, pikepdf.Name.FlateDecode]),
            decode_parms=pikepdf.Array([None, None]),
        )

    first, second = opens(edited(file, swell), open_memory_mb=300)
    assert first.image is None or not nearly(of(scratch, first), drawn())
    assert of(scratch, second).size == (300, 300)


def test_forms_that_draw_themselves_end(tmp_path: Path, opens: Opens) -> None:
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(200, 200))
        form = pdf.make_stream(
            b"/X Do 0 0 50 50 re f", Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Form, BBox=[0, 0, 200, 200]
        )
        form.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(X=form))
        pdf.pages[0].Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(X=form))
        pdf.pages[0].contents_add(pdf.make_stream(b"/X Do"))
        pdf.save(tmp_path / "a.pdf")
    assert len(opens(tmp_path / "a.pdf")) == 1


def test_a_page_that_takes_too_long_is_a_page_for_a_person_and_the_next_one_comes(tmp_path: Path, opens: Opens) -> None:
    with pikepdf.new() as pdf:
        for _ in range(2):
            pdf.add_blank_page(page_size=(2000, 2000))
        slow = b"q 0.5 g " + b"0 0 m 2000 2000 l 0 2000 l 2000 0 l 3 3 m 1900 1900 l S " * 300_000 + b"Q"
        pdf.pages[0].contents_add(pdf.make_stream(slow))
        pdf.pages[1].contents_add(pdf.make_stream(b"0 0 500 500 re f"))
        pdf.save(tmp_path / "a.pdf")
    first, second = opens(tmp_path / "a.pdf", page_seconds=1.0)
    assert first.image is None
    assert "seconds" in (first.problem or "") or "long" in (first.problem or "")
    assert second.image is not None


def test_a_parser_that_dies_is_replaced_and_the_file_goes_on(
    tmp_path: Path, opens: Opens, scratch: Scratch, settings: IntakeSettings
) -> None:
    file = pdf_of(tmp_path / "a.pdf", *(jpeg(drawn((300 + n, 300))) for n in range(3)))
    pages = open_scan(file, SHA, scratch, settings)
    assert next(pages).image
    pages.gi_frame.f_locals["opener"]._parser._process.kill()  # type: ignore[attr-defined]
    assert [page.image is not None for page in pages] == [True, True]


def test_a_child_of_another_version_is_our_fault_and_no_files(
    tmp_path: Path, scratch: Scratch, settings: IntakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = pdf_of(tmp_path / "a.pdf", jpeg(drawn((300, 300))))
    parser.end_idle()
    monkeypatch.setattr(parser, "SPEAKS", ["another version"])
    with pytest.raises(parser.ParserFault):
        inspect(file, scratch, settings)


def test_a_child_that_cannot_start_is_our_fault_and_no_files(
    tmp_path: Path, scratch: Scratch, settings: IntakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = pdf_of(tmp_path / "a.pdf", jpeg(drawn((300, 300))))
    parser.end_idle()
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(parser.ParserFault):
        inspect(file, scratch, settings)


def test_a_missing_poppler_is_named_with_what_installs_it_and_no_file_is_blamed(
    tmp_path: Path, scratch: Scratch, settings: IntakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.save(tmp_path / "a.pdf")
    parser.end_idle()
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MissingProgram, match="poppler-utils"):
        list(open_scan(tmp_path / "a.pdf", SHA, scratch, settings))
    parser.end_idle()


def test_a_full_disk_is_no_fault_of_the_file(tmp_path: Path, scratch: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(NoRoom):
        scratch.put(b"page")
    assert list(scratch.folder.iterdir()) == []


def test_a_child_that_reached_its_memory_limit_costs_the_page_alone(tmp_path: Path, opens: Opens) -> None:
    small, large = drawn((300, 300)), Image.new("RGB", (9000, 9000), "red")
    file = saved(tmp_path, small, "a.tif", save_all=True, append_images=[large, small])
    pages = opens(file, open_memory_mb=350)
    assert [page.image is not None for page in pages] == [True, False, True]
    assert pages[1].problem


def test_a_scan_in_a_pdf_that_breaks_off_is_shown_as_far_as_it_goes_and_goes_to_a_person(
    tmp_path: Path, scratch: Scratch, opens: Opens
) -> None:
    data = jpeg(drawn())

    def cut(pdf: pikepdf.Pdf) -> None:
        (image,) = pdf.pages[0].get_images().values()
        image.write(data[: len(data) // 2], filter=pikepdf.Name.DCTDecode)

    (page,) = opens(edited(pdf_of(tmp_path / "a.pdf", data), cut))
    assert "damaged" in (page.problem or "")
    assert of(scratch, page).size[0] > 1000


def test_a_clerk_is_told_what_the_file_is_instead(tmp_path: Path, opens: Opens) -> None:
    for content, said in ((b"\0\0\0\x18ftypheic", "telephone"), (b"PK\3\4word/", "office"), (b"Dear doctor", "plain text")):
        (tmp_path / "a.pdf").write_bytes(content)
        with pytest.raises(BadInput, match=said):
            opens(tmp_path / "a.pdf")
