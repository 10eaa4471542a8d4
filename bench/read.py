"""What reading a page costs: `python -m bench.read FILE...` (pictures, one page each).

CPU, bytes of the PDF and memory with the default settings and with Tesseract alone, each in a worker's
process of its own; beside them, where they are installed, bare `tesseract` (text only) and `ocrmypdf --deskew
--rotate-pages --output-type pdfa`. All do the same page in turn, so that a busy machine disturbs all alike.
The first page of a worker, which starts its engines, counts apart. Then the CPU of each step of reading."""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import img2pdf

from bench.throughput import Clock, cpu
from pipeline.worker.launcher import on_one_core

STEPS = {
    "pixels": {"load": "open"},
    "reading": {
        **{"prepare": "make ready", "tables": "reading order", "in_reading_order": "reading order"},
        **{"read_barcodes": "bar codes", "raster": "PDF", "preview": "picture for the screen"},
    },
    "words": {
        "for_reading": "cleanup",
        "add_overlooked": "dropped print",
        "look_again": "second look",
        "calibrated": "confidence",
    },
    "tesseract": {"read": "Tesseract"},
    "pdf": {"page_pdf": "PDF"},
}
"""The functions that are counted, by module of pipeline.ocr, and the step that each belongs to."""
Contestant = Callable[[Path], tuple[float, int]]
"""Does a page: CPU seconds, bytes of the PDF."""
SETTINGS = {"default": "low_confidence", "Tesseract alone": "never"}
FIRST = "first page, with start"
OCRMYPDF = ("ocrmypdf", "-q", "--deskew", "--rotate-pages", "--output-type", "pdfa", "-j", "1")


@dataclass
class Sums:
    """What a contestant took: CPU seconds and bytes of each page after the first, and of the first."""

    seconds: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    first: float = 0.0

    def line(self, name: str) -> str:
        pages = max(1, len(self.seconds))
        size = f"{sum(self.sizes) / pages / 1000:7.1f} kB" if any(self.sizes) else " " * 10
        return f"{name:18} {sum(self.seconds) / pages:6.2f} s of CPU a page  {size}"


def worker(told: Connection, second_engine: str) -> None:
    """A worker's process: answers each file with (CPU seconds, bytes of its PDF); at the end with its steps
    and memory.
    """
    on_one_core()
    from pipeline.config import load_settings
    from pipeline.ocr import read_page
    from pipeline.ocr.engines import rapidocr_engine, tesseract
    from pipeline.ocr.image import pixels
    from pipeline.ocr.output import searchable_pdf
    from pipeline.ocr.recognition import recognize
    from pipeline.records import Page
    from pipeline.worker.preload import warm_up

    settings = load_settings()
    settings = settings.model_copy(
        update={"ocr": settings.ocr.model_copy(update={"second_engine": second_engine})}
    )
    warm_up(settings)
    clock, begun = Clock(), 0.0
    modules = {
        "pdf": searchable_pdf,
        "pixels": pixels,
        "reading": read_page,
        "tesseract": tesseract,
        "words": recognize,
    }
    for module, functions in STEPS.items():
        for name, step in functions.items():
            clock.wrap(modules[module], name, step)
    clock.wrap(rapidocr_engine.RapidOcrStripReader, "read", "second engine")
    while file := told.recv():
        with clock.of("everything else"):
            made = read_page.read_page(Page(scan="", number=1, image=file.name), file, settings.ocr)
        told.send((cpu() - begun, len(made.pdf)))
        if begun == 0.0:
            clock.spent.clear()
        begun = cpu()
    told.send((dict(clock.spent), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024))


@contextmanager
def ours(second_engine: str) -> Iterator[Connection]:
    """A connection to a worker with that setting."""
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=worker, args=(there, second_engine))
    process.start()
    try:
        yield here
    finally:
        process.kill()
        process.join()


def ask(line: Connection, file: Path) -> tuple[float, int]:
    """A worker's answer for a file."""
    line.send(file)
    answer: tuple[float, int] = line.recv()
    return answer


def program(*command: str | Path, written: Path | None = None) -> tuple[float, int]:
    """CPU seconds of a program and the bytes of what it wrote."""
    before = cpu()
    subprocess.run(command, check=True, capture_output=True)
    return cpu() - before, written.stat().st_size if written else 0


def peers(folder: Path) -> dict[str, Contestant]:
    """The programs to compare with that are installed."""
    source, out = folder / "in.pdf", folder / "out.pdf"

    def by_ocrmypdf(file: Path) -> tuple[float, int]:
        source.write_bytes(img2pdf.convert(str(file)))
        return program(*OCRMYPDF, source, out, written=out)

    found: dict[str, Contestant] = {}
    if shutil.which("tesseract"):
        found["bare tesseract"] = lambda file: program("tesseract", file, "-", "--psm", "3")
    if shutil.which("ocrmypdf"):
        found["ocrmypdf"] = by_ocrmypdf
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path)
    files = parser.parse_args().files
    os.environ["OMP_THREAD_LIMIT"] = "1"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        begun = time.monotonic()
        lines = {name: stack.enter_context(ours(setting)) for name, setting in SETTINGS.items()}
        contestants: dict[str, Contestant] = {name: partial(ask, line) for name, line in lines.items()}
        contestants |= peers(folder)
        sums = {name: Sums() for name in contestants}
        for number, file in enumerate(files):
            for name in (list(contestants) * 2)[number % len(contestants) :][: len(contestants)]:
                seconds, size = contestants[name](file)
                if number:
                    sums[name].seconds.append(seconds)
                    sums[name].sizes.append(size)
                else:
                    sums[name].first = seconds
            if not number:
                print(f"first pages of all: {time.monotonic() - begun:.1f} s")
        for name, sum_ in sums.items():
            print(sum_.line(name), f"({FIRST}: {sum_.first:.2f} s)" if name in lines else "")
        for name, line in lines.items():
            line.send(None)
            spent, memory = line.recv()
            steps(name, spent, memory, len(files) - 1)


def steps(name: str, spent: Mapping[str, float], memory: int, pages: int) -> None:
    """Print what each step took."""
    print(f"\n{name}: {memory} MB at most")
    for step, seconds in sorted(spent.items(), key=lambda entry: -entry[1]):
        print(f"  {step:24} {1000 * seconds / max(1, pages):7.1f} ms a page")


if __name__ == "__main__":
    main()
