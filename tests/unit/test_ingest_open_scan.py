"""What is rejected and why, and the limits on hostile files, missing programs and dying parsers."""

from __future__ import annotations

import errno
import io
import struct
import sys
import zlib
from pathlib import Path

import pikepdf
import pytest
from PIL import Image

from pipeline.config import IntakeSettings
from pipeline.errors import InvalidInput, MissingDependency
from pipeline.ingest.parsing import parser_client
from pipeline.ingest.parsing.open_scan import inspect, open_scan
from pipeline.store.scratch import DiskFull, Scratch
from tests.support.scan_files import (
    SHA,
    Opens,
    draw_page,
    edited,
    image_of,
    is_similar_image,
    jpeg,
    pdf_of,
    rejection_code,
    saved,
)


def test_each_rejection_has_its_code(tmp_path: Path, opens: Opens) -> None:
    (tmp_path / "empty.pdf").touch()
    assert rejection_code(tmp_path / "empty.pdf", opens) == "empty"
    (tmp_path / "text.pdf").write_text("Dear colleague")
    assert rejection_code(tmp_path / "text.pdf", opens) == "unknown_kind"
    (tmp_path / "cut.pdf").write_bytes(b"%PDF-1.4\ngarbage")
    assert rejection_code(tmp_path / "cut.pdf", opens) == "damaged"
    (tmp_path / "cut.tif").write_bytes(b"II*\0\x08\0\0\0")
    assert rejection_code(tmp_path / "cut.tif", opens) == "damaged"
    two = pdf_of(tmp_path / "two.pdf", jpeg(draw_page()), jpeg(draw_page()))
    assert rejection_code(two, opens, max_pages=1) == "too_many_pages"
    assert rejection_code(two, opens, max_bytes=100) == "too_large"


def test_a_pdf_is_rejected_for_its_password_only_if_one_is_needed(tmp_path: Path, opens: Opens) -> None:
    file = pdf_of(tmp_path / "a.pdf", jpeg(draw_page()))
    locked = edited(Path(file), lambda _: None, encryption=pikepdf.Encryption(user="secret", owner="secret"))
    assert rejection_code(locked, opens) == "encrypted"
    file = pdf_of(tmp_path / "b.pdf", jpeg(draw_page()))
    open_to_all = edited(file, lambda _: None, encryption=pikepdf.Encryption(user="", owner="secret"))
    (page,) = opens(open_to_all)
    assert page.image is not None


def test_a_truncated_pdf_still_has_its_pages(tmp_path: Path, scratch: Scratch, opens: Opens) -> None:
    file = pdf_of(tmp_path / "a.pdf", jpeg(draw_page()))
    file.write_bytes(file.read_bytes()[:-60])
    (page,) = opens(file)
    assert page.image is not None


def test_signatures_attachments_and_scripts_are_reported(
    tmp_path: Path, scratch: Scratch, limits: IntakeSettings
) -> None:
    def dress(pdf: pikepdf.Pdf) -> None:
        pdf.attachments["a.txt"] = b"attached"
        pdf.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")
        pdf.Root.AcroForm = pikepdf.Dictionary(SigFlags=3, Fields=pikepdf.Array())

    file = edited(pdf_of(tmp_path / "a.pdf", jpeg(draw_page())), dress)
    assert [note.code for note in inspect(file, scratch, limits).notes] == [
        "signed",
        "javascript",
        "attachments",
    ]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_an_image_of_a_hundred_thousand_pixels_square_is_a_page_that_needs_review(
    tmp_path: Path, opens: Opens
) -> None:
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1_000_000), 9)
    (tmp_path / "bomb.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )
    assert rejection_code(tmp_path / "bomb.png", opens) == "unreadable_pages"


def test_a_decompression_bomb_fails_one_page_and_not_the_file(
    tmp_path: Path, scratch: Scratch, opens: Opens
) -> None:
    out = io.BytesIO()
    draw_page().save(out, "PNG")
    file = pdf_of(tmp_path / "a.pdf", out.getvalue(), jpeg(draw_page((300, 300))))

    def swell(pdf: pikepdf.Pdf) -> None:
        (image,) = pdf.pages[0].get_images().values()
        bomb = zlib.compress(zlib.compress(bytes(1 << 28), 9), 9)  # 256 MB of zeros in a few kB
        image.write(
            bomb,
            filter=pikepdf.Array([pikepdf.Name.FlateDecode, pikepdf.Name.FlateDecode]),
            decode_parms=pikepdf.Array([None, None]),
        )

    first, second = opens(edited(file, swell), open_memory_limit_mb=300)
    assert first.image is None or not is_similar_image(image_of(scratch, first), draw_page())
    assert image_of(scratch, second).size == (300, 300)


def test_forms_that_draw_themselves_end(tmp_path: Path, opens: Opens) -> None:
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(200, 200))
        form = pdf.make_stream(
            b"/X Do 0 0 50 50 re f",
            Type=pikepdf.Name.XObject,
            Subtype=pikepdf.Name.Form,
            BBox=[0, 0, 200, 200],
        )
        form.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(X=form))
        pdf.pages[0].Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(X=form))
        pdf.pages[0].contents_add(pdf.make_stream(b"/X Do"))
        pdf.save(tmp_path / "a.pdf")
    assert len(opens(tmp_path / "a.pdf")) == 1


def test_a_page_that_takes_too_long_needs_review_and_the_next_one_is_opened(
    tmp_path: Path, opens: Opens
) -> None:
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


def test_a_parser_that_dies_is_replaced_and_the_file_continues(
    tmp_path: Path, opens: Opens, scratch: Scratch, limits: IntakeSettings
) -> None:
    file = pdf_of(tmp_path / "a.pdf", *(jpeg(draw_page((300 + n, 300))) for n in range(3)))
    pages = open_scan(file, SHA, scratch, limits)
    assert next(pages).image
    pages.gi_frame.f_locals["opener"]._parser._process.kill()  # type: ignore[attr-defined]
    assert [page.image is not None for page in pages] == [True, True]


def test_a_parser_of_another_version_is_an_internal_error_and_not_the_files_fault(
    tmp_path: Path, scratch: Scratch, limits: IntakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = pdf_of(tmp_path / "a.pdf", jpeg(draw_page((300, 300))))
    parser_client.close_idle()
    monkeypatch.setattr(parser_client, "PROTOCOL", ["another version"])
    with pytest.raises(parser_client.ParserFault):
        inspect(file, scratch, limits)


def test_a_parser_that_cannot_start_is_an_internal_error_and_not_the_files_fault(
    tmp_path: Path, scratch: Scratch, limits: IntakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = pdf_of(tmp_path / "a.pdf", jpeg(draw_page((300, 300))))
    parser_client.close_idle()
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(parser_client.ParserFault):
        inspect(file, scratch, limits)


def test_a_missing_poppler_is_reported_with_what_installs_it_and_not_as_the_files_fault(
    tmp_path: Path, scratch: Scratch, limits: IntakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.save(tmp_path / "a.pdf")
    parser_client.close_idle()
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MissingDependency, match="poppler-utils"):
        list(open_scan(tmp_path / "a.pdf", SHA, scratch, limits))
    parser_client.close_idle()


def test_a_full_disk_is_not_the_files_fault(
    tmp_path: Path, scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(DiskFull):
        scratch.put(b"page")
    assert list(scratch.folder.iterdir()) == []


def test_a_parser_that_reached_its_memory_limit_fails_only_the_page(tmp_path: Path, opens: Opens) -> None:
    small, large = draw_page((300, 300)), Image.new("RGB", (9000, 9000), "red")
    file = saved(tmp_path, small, "a.tif", save_all=True, append_images=[large, small])
    pages = opens(file, open_memory_limit_mb=350)
    assert [page.image is not None for page in pages] == [True, False, True]
    assert pages[1].problem


def test_a_truncated_scan_in_a_pdf_is_shown_as_far_as_possible_and_needs_review(
    tmp_path: Path, scratch: Scratch, opens: Opens
) -> None:
    data = jpeg(draw_page())

    def cut(pdf: pikepdf.Pdf) -> None:
        (image,) = pdf.pages[0].get_images().values()
        image.write(data[: len(data) // 2], filter=pikepdf.Name.DCTDecode)

    (page,) = opens(edited(pdf_of(tmp_path / "a.pdf", data), cut))
    assert "damaged" in (page.problem or "")
    assert image_of(scratch, page).size[0] > 1000


def test_the_reason_states_what_the_file_is_instead(tmp_path: Path, opens: Opens) -> None:
    for content, expected in (
        (b"\0\0\0\x18ftypheic", "phone"),
        (b"PK\3\4word/", "office"),
        (b"Dear doctor", "plain text"),
    ):
        (tmp_path / "a.pdf").write_bytes(content)
        with pytest.raises(InvalidInput, match=expected):
            opens(tmp_path / "a.pdf")
