"""Measure the cost of reading a page: `python -m bench.read_page FILE...` (images, one page each).

CPU time, bytes of the PDF and memory with the default settings and with Tesseract alone, each in a worker
process of its own; for comparison, if installed, plain `tesseract` (text only) and `ocrmypdf --deskew
--rotate-pages --output-type pdfa`. All process the same page in turn, so that a busy machine affects all
alike. The first page of a worker, which starts its engines, is reported separately. Then the CPU time of each
step of reading.
"""

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
from pipeline.worker.launcher import limit_to_one_thread

STEPS = {
    "pixels": {"load_page_image": "open"},
    "reading": {
        **{"preprocess": "preprocess", "find_tables": "reading order", "order_words": "reading order"},
        **{"read_barcodes": "barcodes", "encode_page": "PDF", "encode_preview": "preview"},
    },
    "words": {
        "clean_for_recognition": "cleanup",
        "add_missed_text": "missed text",
        "measure_ink": "ink account",
        "find_unread_text": "ink account",
        "find_lines": "line search",
        "read_lines": "line search",
        "reread_uncertain_segments": "second pass",
        "calibrate": "confidence",
    },
    "tesseract": {"recognize": "Tesseract"},
    "pdf": {"page_pdf": "PDF"},
}
"""The measured functions, by module of pipeline.ocr, and the step that each belongs to."""
Reader = Callable[[Path], tuple[float, int]]
"""Processes a page and returns CPU seconds and bytes of the PDF."""
SETTINGS = {"default": "low_confidence", "Tesseract alone": "never"}
FIRST_PAGE_LABEL = "first page, including start"
OCRMYPDF = ("ocrmypdf", "-q", "--deskew", "--rotate-pages", "--output-type", "pdfa", "-j", "1")


@dataclass
class Totals:
    """The cost of a reader: CPU seconds and bytes of each page after the first; CPU seconds of the first."""

    seconds: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    first: float = 0.0

    def line(self, name: str) -> str:
        pages = max(1, len(self.seconds))
        size = f"{sum(self.sizes) / pages / 1000:7.1f} kB" if any(self.sizes) else " " * 10
        return f"{name:18} {sum(self.seconds) / pages:6.2f} s of CPU per page  {size}"


def worker(connection: Connection, second_engine: str) -> None:
    """Run a worker process: answer each file with (CPU seconds, bytes of its PDF), and at the end with its
    steps and memory.
    """
    limit_to_one_thread()
    from pipeline.config import load_settings
    from pipeline.ocr import read_page
    from pipeline.ocr.engines import rapidocr_engine, tesseract
    from pipeline.ocr.image import pixels
    from pipeline.ocr.output import searchable_pdf
    from pipeline.ocr.recognition import recognize
    from pipeline.records import Page
    from pipeline.worker.launcher import preload

    settings = load_settings()
    settings = settings.model_copy(
        update={"ocr": settings.ocr.model_copy(update={"second_engine": second_engine})}
    )
    preload(settings)
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
    while file := connection.recv():
        with clock.of("everything else"):
            reading = read_page.read_page(Page(scan="", number=1, image=file.name), file, settings.ocr)
        connection.send((cpu() - begun, len(reading.pdf)))
        if begun == 0.0:
            clock.spent.clear()
        begun = cpu()
    connection.send((dict(clock.spent), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024))


@contextmanager
def worker_connection(second_engine: str) -> Iterator[Connection]:
    """Yield a connection to a worker with that setting of the second engine."""
    context = get_context("spawn")
    own_end, worker_end = context.Pipe()
    process = context.Process(target=worker, args=(worker_end, second_engine))
    process.start()
    try:
        yield own_end
    finally:
        process.kill()
        process.join()


def measure_in_worker(line: Connection, file: Path) -> tuple[float, int]:
    """Return a worker's answer for a file."""
    line.send(file)
    answer: tuple[float, int] = line.recv()
    return answer


def run_program(*command: str | Path, written: Path | None = None) -> tuple[float, int]:
    """Return the CPU seconds of a program and the bytes that it wrote."""
    before = cpu()
    subprocess.run(command, check=True, capture_output=True)
    return cpu() - before, written.stat().st_size if written else 0


def installed_programs(folder: Path) -> dict[str, Reader]:
    """Return the installed programs to compare with."""
    source, out = folder / "in.pdf", folder / "out.pdf"

    def run_ocrmypdf(file: Path) -> tuple[float, int]:
        source.write_bytes(img2pdf.convert(str(file)))
        return run_program(*OCRMYPDF, source, out, written=out)

    programs: dict[str, Reader] = {}
    if shutil.which("tesseract"):
        programs["bare tesseract"] = lambda file: run_program("tesseract", file, "-", "--psm", "3")
    if shutil.which("ocrmypdf"):
        programs["ocrmypdf"] = run_ocrmypdf
    return programs


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
        lines = {name: stack.enter_context(worker_connection(setting)) for name, setting in SETTINGS.items()}
        readers: dict[str, Reader] = {name: partial(measure_in_worker, line) for name, line in lines.items()}
        readers |= installed_programs(folder)
        totals = {name: Totals() for name in readers}
        for number, file in enumerate(files):
            for name in (list(readers) * 2)[number % len(readers) :][: len(readers)]:
                seconds, size = readers[name](file)
                if number:
                    totals[name].seconds.append(seconds)
                    totals[name].sizes.append(size)
                else:
                    totals[name].first = seconds
            if not number:
                print(f"first pages of all: {time.monotonic() - begun:.1f} s")
        for name, total in totals.items():
            print(total.line(name), f"({FIRST_PAGE_LABEL}: {total.first:.2f} s)" if name in lines else "")
        for name, line in lines.items():
            line.send(None)
            spent, memory = line.recv()
            print_steps(name, spent, memory, len(files) - 1)


def print_steps(name: str, spent: Mapping[str, float], memory: int, pages: int) -> None:
    """Print the cost of each step."""
    print(f"\n{name}: {memory} MB at most")
    for step, seconds in sorted(spent.items(), key=lambda entry: -entry[1]):
        print(f"  {step:24} {1000 * seconds / max(1, pages):7.1f} ms per page")


if __name__ == "__main__":
    main()
