"""The poppler programs, called for one page at a time: pdf2image draws it, pdftotext says where its words
stand.

Runs in the parser's child process, whose limits the programs inherit.
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

INSTALL = "sudo apt-get install poppler-utils"
WORD = re.compile(
    r'<word xMin="([-\d.e+]+)" yMin="([-\d.e+]+)" xMax="([-\d.e+]+)" yMax="([-\d.e+]+)">(.*?)</word>',
    re.DOTALL,
)
PAGES = re.compile(rb"^Pages:\s+(\d+)", re.MULTILINE)
CROP = re.compile(rb"^Page\s+\d+ CropBox:\s+([-\d.]+)\s+([-\d.]+)\s+([-\d.]+)\s+([-\d.]+)", re.MULTILINE)
ROTATION = re.compile(rb"^Page\s+\d+ rot:\s+(\d+)", re.MULTILINE)
MOST_WORDS = 20_000
LONGEST_WORD = 200


class TooSlow(Exception):
    """The program did not end in its time."""


class DamagedPage(Exception):
    """The program says that the page is damaged, and drew nothing."""


def cpu_spent() -> float:
    """CPU seconds of the programs that were called so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def page_count(file: Path, seconds: float) -> int:
    """How many pages poppler finds; 0 where it cannot open the file."""
    found = PAGES.search(_info(file, (), seconds))
    return int(found.group(1)) if found else 0


def page_size(file: Path, number: int, seconds: float) -> tuple[float, float]:
    """Width and height of the page as it is seen, in points; US Letter where poppler does not know."""
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
        raise MissingDependency("pdfinfo", INSTALL) from None
    except subprocess.TimeoutExpired:
        raise TooSlow from None


def render(
    file: Path, number: int, dpi: float, work: Path, limits: Limits, *, strict: bool = False
) -> Image.Image | None:
    """The page as poppler draws it; None where it draws nothing. `strict`: DamagedPage if poppler found an
    error.

    Raises TooSlow where it ran out of its CPU time, or of its time by the clock.
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
        raise TooSlow from None
    except PDFSyntaxError:
        raise DamagedPage from None
    except PDFPageCountError:
        return None
    except PDFInfoNotInstalledError:
        raise MissingDependency("pdftoppm", INSTALL) from None
    finally:
        for leftover in work.iterdir():
            leftover.unlink(missing_ok=True)
    if not pictures and cpu_spent() - spent > 0.9 * limits.page_cpu_limit_seconds:
        raise TooSlow
    return pictures[0] if pictures else None


def words_of(file: Path, number: int, dpi: float, seconds: float) -> tuple[PlacedWord, ...]:
    """The page's own text, in pixels at that resolution; none where it cannot be had: the picture is read
    instead.
    """
    command = ["pdftotext", "-bbox", "-cropbox", "-f", str(number), "-l", str(number), str(file), "-"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=seconds, check=False)
    except FileNotFoundError:
        raise MissingDependency("pdftotext", INSTALL) from None
    except subprocess.TimeoutExpired:
        return ()
    found = []
    for *corners, text in WORD.findall(done.stdout.decode("utf-8", "replace"))[:MOST_WORDS]:
        x0, y0, x1, y1 = (round(float(value) * dpi / 72) for value in corners)
        word = "".join(c for c in html.unescape(text) if c.isprintable()).strip()[:LONGEST_WORD]
        if word:
            found.append((word, x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)))
    return tuple(found)
