"""Isolated pages: Tesseract as a program, so that a crash of the library does not recur, with limits that end
what was started.
"""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pymupdf_fonts
import pytest
from PIL import Image, ImageDraw, ImageFont

from pipeline.config import OcrSettings, load_settings
from pipeline.ocr.engines import tesseract
from pipeline.ocr.engines.tesseract_library import LibraryInterface
from pipeline.records import Page
from pipeline.worker import page_isolation

TEXT = "The patient was discharged on March 14"
PAGE = Page(scan="", number=1, image="page")


def settings(**changes: object) -> OcrSettings:
    return load_settings().ocr.model_copy(update={"second_engine": "never", **changes})


def page_file(folder: Path) -> Path:
    image = Image.new("L", (1200, 500), 255)
    font = ImageFont.truetype(io.BytesIO(pymupdf_fonts.myfont("notos")), 36)
    ImageDraw.Draw(image).text((120, 200), TEXT, font=font, fill=0)
    image.save(folder / "page.png")
    return folder / "page.png"


def crash(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_page_on_which_the_library_crashes_is_read_by_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LibraryInterface, "recognize", crash)
    file = page_file(tmp_path)
    reading = page_isolation.read_isolated(PAGE, file, settings(tesseract="auto"))
    assert reading.page.problem is None
    assert reading.page.text == TEXT
    reading = page_isolation.read_isolated(PAGE, file, settings(tesseract="library"))
    assert reading.page.problem == page_isolation.PAGE_KILLED_MESSAGE


def test_without_the_program_an_isolated_page_is_read_by_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tesseract, "find_program", lambda _: None)
    assert page_isolation.isolation_settings(settings(tesseract="auto")).tesseract == "auto"
    reading = page_isolation.read_isolated(PAGE, page_file(tmp_path), settings(tesseract="auto"))
    assert reading.page.text == TEXT


def test_a_program_is_killed_with_the_process_that_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid_file = tmp_path / "pid"

    def wait_for_program(*_: object) -> None:
        program = subprocess.Popen(["sleep", "600"])
        pid_file.write_text(str(program.pid), encoding="utf-8")
        program.wait()

    monkeypatch.setattr(page_isolation, "read_page", wait_for_program)
    reading = page_isolation.read_isolated(PAGE, None, settings(page_timeout_seconds=0.3))
    assert reading.page.problem == page_isolation.PAGE_KILLED_MESSAGE
    pid = int(pid_file.read_text(encoding="utf-8"))
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the program outlived the process that waited for it"
        time.sleep(0.05)


def test_the_limit_of_cpu_time_ends_programs_that_the_process_has_started() -> None:
    code = (
        "import subprocess\n"
        "from pipeline.worker.page_isolation import limit_cpu_time\n"
        "limit_cpu_time(3)\n"
        "print(subprocess.run(['sh', '-c', 'while :; do :; done']).returncode)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(ended.stdout) in (-signal.SIGXCPU, -signal.SIGKILL)
