"""Tesseract as a library and as a program: the same words, and how one of the two is chosen."""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pymupdf_fonts
import pytest
from PIL import Image, ImageDraw, ImageFont

from pipeline.config import OcrSettings, TesseractInterfaceChoice, load_settings
from pipeline.errors import MissingDependency
from pipeline.ocr.engines import tesseract
from pipeline.ocr.engines.engine import OcrWord, RecognitionFailed
from pipeline.ocr.engines.tesseract_program import ProgramInterface
from pipeline.ocr.image.pixels import GrayImage
from pipeline.ocr.read_page import read_page
from pipeline.records import Page

LINES = (
    "Discharge Summary   MRN 8518029",
    "Patient: Amador, Clyde   DOB 05/02/1942",
    "Lisinopril 10 mg by mouth daily; glucose 145 mg/dL (high).",
    "“Seen & examined” on 2013-03-08 – follow up in 2 weeks.",
)
WAYS: tuple[TesseractInterfaceChoice, ...] = ("library", "program")
CACHED = (
    tesseract.get_interface,
    tesseract.find_program,
    tesseract.tessdata_folder,
    tesseract.installed_languages,
)


@pytest.fixture(autouse=True)
def new_process() -> Iterator[None]:
    """Forget what this process has found installed, before and after each test."""
    for function in CACHED:
        function.cache_clear()
    yield
    for function in CACHED:
        function.cache_clear()


def page_of_print(lines: tuple[str, ...] = LINES, repeat: int = 1) -> GrayImage:
    font = ImageFont.truetype(io.BytesIO(pymupdf_fonts.myfont("notos")), 32)
    image = Image.new("L", (1400, 100 + 60 * len(lines) * repeat), 255)
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(lines * repeat):
        draw.text((60, 50 + 60 * number), line, font=font, fill=0)
    return np.asarray(image)


def recognized(image: GrayImage, choice: TesseractInterfaceChoice) -> list[OcrWord]:
    (words,) = tesseract.recognize([image], "eng", psm=3, dpi=200, seconds=60, choice=choice)
    return words


def script(folder: Path, text: str) -> str:
    file = folder / "tesseract"
    file.write_text(text, encoding="utf-8")
    file.chmod(0o755)
    return str(file)


def program_of(file: str) -> ProgramInterface:
    return ProgramInterface(languages="eng", tessdata=tesseract.tessdata_folder("eng"), program=file)


def processes_of(program: str) -> list[psutil.Process]:
    """Return the running child processes that were started with a program: the session's services are
    children too.
    """
    found = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # it ended in the meantime
            if child.status() != psutil.STATUS_ZOMBIE and program in child.cmdline():
                found.append(child)
    return found


def test_the_library_and_the_program_return_the_same_words_boxes_and_lines() -> None:
    page = page_of_print()
    by_library, by_program = recognized(page, "library"), recognized(page, "program")
    assert [word.text for word in by_library][:4] == ["Discharge", "Summary", "MRN", "8518029"]
    assert [(w.text, w.box, w.line_key) for w in by_program] == [
        (w.text, w.box, w.line_key) for w in by_library
    ]
    assert [w.confidence for w in by_program] == pytest.approx([w.confidence for w in by_library], abs=0.02)


def test_strips_are_recognized_alike_and_each_keeps_its_words() -> None:
    page = page_of_print()
    strips = [page[40 + 60 * n : 100 + 60 * n] for n in range(len(LINES))] + [
        np.full((40, 200), 255, np.uint8),
        page[40:100, :700],
    ]
    read = {
        choice: tesseract.TesseractStripReader("eng", 200.0, 60.0, choice).read(strips) for choice in WAYS
    }
    texts = {choice: [[word.text for word in strip] for strip in strips] for choice, strips in read.items()}
    assert texts["program"] == texts["library"]
    assert texts["program"][1][:3] == ["Patient:", "Amador,", "Clyde"]
    assert texts["program"][5] == texts["program"][0][: len(texts["program"][5])] != []


def test_no_image_needs_no_program() -> None:
    assert tesseract.recognize([], "eng", psm=7, dpi=200, seconds=1, choice="program") == []


def test_the_program_is_ended_after_the_time_limit() -> None:
    page = page_of_print(repeat=12)
    with pytest.raises(TimeoutError, match="Tesseract took more than"):
        tesseract.recognize([page], "eng", psm=3, dpi=200, seconds=0.1, choice="program")
    used = tesseract.find_program("eng")
    assert used is not None
    assert processes_of(used.program) == []


def test_a_program_that_ignores_the_request_to_stop_is_killed(tmp_path: Path) -> None:
    ignoring = script(
        tmp_path,
        f"#!{sys.executable}\nimport signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "time.sleep(600)\n",
    )
    with pytest.raises(TimeoutError):
        program_of(ignoring).recognize([page_of_print()], psm=3, dpi=200, seconds=1.0)
    assert processes_of(ignoring) == []


def test_a_page_on_which_the_program_crashes_needs_review_and_keeps_its_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crashing = program_of(script(tmp_path, "#!/bin/sh\nkill -SEGV $$\n"))
    with pytest.raises(RecognitionFailed, match="status -11"):
        crashing.recognize([page_of_print()], psm=3, dpi=200, seconds=10)
    monkeypatch.setattr(tesseract, "find_program", lambda _: crashing)
    file = tmp_path / "page.png"
    Image.fromarray(page_of_print()).save(file)
    reading = read_page(Page(scan="", number=1, image="page"), file, settings("program"))
    assert reading.page.problem == "Tesseract stopped on this page (status -11)."
    assert reading.page.image == "page"


def settings(choice: str) -> OcrSettings:
    return load_settings().ocr.model_copy(update={"tesseract": choice, "second_engine": "never"})


def test_the_pages_that_the_program_reads_are_readable_by_this_user_alone_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary, mode = tmp_path / "temporary", tmp_path / "mode"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    look = program_of(script(tmp_path, f'#!/bin/sh\nstat -c %a "$(dirname "$1")" > {mode}\nexit 1\n'))
    with pytest.raises(RecognitionFailed):
        look.recognize([page_of_print()], psm=3, dpi=200, seconds=10)
    assert mode.read_text(encoding="utf-8").strip() == "700"
    recognized(page_of_print(), "program")
    assert list(temporary.iterdir()) == []


def test_automatically_the_library_is_used_if_it_loads_the_languages() -> None:
    assert tesseract.get_interface("eng", "auto").name == "library"
    assert tesseract.get_interface("eng", "program").name == "program"


def test_automatically_the_program_is_used_if_the_library_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    page = page_of_print()
    by_library = [word.text for word in recognized(page, "library")]
    tesseract.get_interface.cache_clear()
    monkeypatch.setitem(sys.modules, "tesserocr", None)  # its import now fails
    assert tesseract.get_interface("eng", "auto").name == "program"
    assert [word.text for word in recognized(page, "auto")] == by_library
    with pytest.raises(MissingDependency, match="pip install tesserocr"):
        tesseract.get_interface("eng", "library")


def system_installation(folder: Path, monkeypatch: pytest.MonkeyPatch, language: bytes) -> None:
    """Install a program of the system that has the language xyz, first in PATH."""
    wheel = tesseract.find_program("eng")
    assert wheel is not None
    tessdata = folder / "share" / "tessdata"
    shutil.copytree(Path(wheel.tessdata) / "configs", tessdata / "configs")
    (tessdata / "xyz.traineddata").write_bytes(language)
    script(folder, f'#!/bin/sh\nexport TESSDATA_PREFIX={tessdata}\nexec {wheel.program} "$@"\n')
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    new = [function for function in CACHED if function is not tesseract.get_interface]
    for function in new:
        function.cache_clear()


def test_a_language_that_only_the_systems_tesseract_has_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    english = (Path(tesseract.tessdata_folder("eng")) / "eng.traineddata").read_bytes()
    system_installation(tmp_path, monkeypatch, english)
    assert "xyz" in tesseract.installed_languages()
    program = tesseract.find_program("xyz")
    assert program is not None
    assert program.program == str(tmp_path / "tesseract")
    (words,) = tesseract.recognize([page_of_print()], "xyz", psm=3, dpi=200, seconds=60, choice="program")
    assert words == recognized(page_of_print(), "program")


def test_automatically_the_program_reads_a_language_that_the_library_cannot_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system_installation(tmp_path, monkeypatch, b"of a later version")
    assert tesseract.get_interface("xyz", "auto").name == "program"
    assert tesseract.get_interface("eng", "auto").name == "library"


def test_a_missing_program_is_reported_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tesseract, "find_program", lambda _: None)
    with pytest.raises(MissingDependency, match="apt install tesseract-ocr"):
        tesseract.get_interface("eng", "program")
