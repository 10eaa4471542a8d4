"""Call the poppler programs for one page at a time: pdf2image renders it, pdftotext locates its words.

Runs in the parser process, whose limits the programs inherit.
"""

from __future__ import annotations

import html
import re
import resource
import subprocess
from pathlib import Path

from pdf2image import convert_from_path
from pdf2image.exceptions import (
    PDFInfoNotInstalledError,
    PDFPageCountError,
    PDFPopplerTimeoutError,
    PDFSyntaxError,
)
from PIL import Image

from pipeline.errors import MissingDependency
from pipeline.ingest.parsing.parser_protocol import Limits, PlacedWord

INSTALL_COMMAND = "sudo apt-get install poppler-utils"
WORD = re.compile(
    r'<word xMin="([-\d.e+]+)" yMin="([-\d.e+]+)" xMax="([-\d.e+]+)" yMax="([-\d.e+]+)">(.*?)</word>',
    re.DOTALL,
)
PAGES = re.compile(rb"^Pages:\s+(\d+)", re.MULTILINE)
CROP = re.compile(rb"^Page\s+\d+ CropBox:\s+([-\d.]+)\s+([-\d.]+)\s+([-\d.]+)\s+([-\d.]+)", re.MULTILINE)
ROTATION = re.compile(rb"^Page\s+\d+ rot:\s+(\d+)", re.MULTILINE)
MAX_WORDS = 20_000
MAX_WORD_CHARS = 200


class PopplerTimeout(Exception):
    """The program exceeded its time limit."""


class DamagedPage(Exception):
    """The program reported a damaged page and rendered nothing."""


def cpu_spent() -> float:
    """Return the CPU seconds of the programs called so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def page_count(file: Path, seconds: float) -> int:
    """Return how many pages poppler finds; 0 if it cannot open the file."""
    found = PAGES.search(_info(file, (), seconds))
    return int(found.group(1)) if found else 0


def page_size(file: Path, number: int, seconds: float) -> tuple[float, float]:
    """Return the width and height of the page as displayed, in points; US Letter if poppler does not know."""
    out = _info(file, ("-f", str(number), "-l", str(number), "-box"), seconds)
    crop, turned = CROP.search(out), ROTATION.search(out)
    if not crop:
        return 612.0, 792.0
    x0, y0, x1, y1 = (float(value) for value in crop.groups())
    width, height = abs(x1 - x0), abs(y1 - y0)
    return (height, width) if turned and int(turned.group(1)) % 180 else (width, height)


def _info(file: Path, options: tuple[str, ...], seconds: float) -> bytes:
    try:
        return subprocess.run(
            ["pdfinfo", *options, str(file)], capture_output=True, timeout=seconds, check=False
        ).stdout
    except FileNotFoundError:
        raise MissingDependency("pdfinfo", INSTALL_COMMAND) from None
    except subprocess.TimeoutExpired:
        raise PopplerTimeout from None


def render(
    file: Path, number: int, dpi: float, work: Path, limits: Limits, *, strict: bool = False
) -> Image.Image | None:
    """Render a page; None if poppler renders nothing.

    Args:
        file: The PDF.
        number: The page, from 1.
        dpi: The resolution.
        work: An empty folder, which is emptied again.
        limits: The limits.
        strict: Raise DamagedPage if poppler reports an error.

    Raises:
        PopplerTimeout: The CPU time or the wall-clock time is used up.
    """
    spent = cpu_spent()
    try:
        pictures = convert_from_path(
            file,
            dpi=dpi,  # type: ignore[arg-type] # it takes fractions too
            output_folder=work,
            first_page=number,
            last_page=number,
            use_cropbox=True,
            timeout=limits.page_wall,  # type: ignore[arg-type]
            strict=strict,
        )
    except PDFPopplerTimeoutError:
        raise PopplerTimeout from None
    except PDFSyntaxError:
        raise DamagedPage from None
    except PDFPageCountError:
        return None
    except PDFInfoNotInstalledError:
        raise MissingDependency("pdftoppm", INSTALL_COMMAND) from None
    finally:
        for leftover in work.iterdir():
            leftover.unlink(missing_ok=True)
    if not pictures and cpu_spent() - spent > 0.9 * limits.page_cpu_limit_seconds:
        raise PopplerTimeout
    return pictures[0] if pictures else None


def poppler_words(file: Path, number: int, dpi: float, seconds: float) -> tuple[PlacedWord, ...]:
    """Return the embedded text of a page, in pixels at that resolution.

    Empty if it cannot be extracted: the image is read instead.
    """
    command = ["pdftotext", "-bbox", "-cropbox", "-f", str(number), "-l", str(number), str(file), "-"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=seconds, check=False)
    except FileNotFoundError:
        raise MissingDependency("pdftotext", INSTALL_COMMAND) from None
    except subprocess.TimeoutExpired:
        return ()
    found = []
    for *corners, text in WORD.findall(done.stdout.decode("utf-8", "replace"))[:MAX_WORDS]:
        x0, y0, x1, y1 = (round(float(value) * dpi / 72) for value in corners)
        word = "".join(c for c in html.unescape(text) if c.isprintable()).strip()[:MAX_WORD_CHARS]
        if word:
            found.append((word, x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)))
    return tuple(found)
