"""Benchmarks of intake. Run one or all: `python -m bench.intake [pages] [long] [files] [watched] [--n N]`.

pages    a scanned page extracted from its PDF compared with the same page rendered by poppler: CPU and wall
         seconds, bytes of the result
long     a long PDF page by page: peak memory of all parser processes, maximum temporary disk, pages per
         second
files    many small files through registration: stored in the object store, verified, committed; files per
         second
watched  the same through the watcher: the cost of a poll while all of them wait, then how fast they leave the
         folder

Only generated pages are used. CPU seconds are those of this process and of its children.
"""

from __future__ import annotations

import argparse
import io
import logging
import resource
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import img2pdf
import psutil
from PIL import Image, ImageDraw, ImageFilter

from pipeline import logs
from pipeline.config import load_settings
from pipeline.ingest.parsing.open_scan import open_scan
from pipeline.ingest.parsing.parser_client import close_idle
from pipeline.store.scratch import Scratch

LETTER_300 = (2550, 3300)


def scan_page(mode: str, seed: int = 0, size: tuple[int, int] = LETTER_300) -> Image.Image:
    """Return a printed page with some noise, as from a scanner."""
    picture = Image.new("L", size, 245)
    draw = ImageDraw.Draw(picture)
    for line in range(60):
        draw.text(
            (200, 150 + line * 50),
            f"{seed:05d} line {line} of a page that looks like print " * 2,
            fill=20,
            font_size=34,
        )
    if mode == "1":
        return picture.point(lambda value: 255 * (value > 128)).convert("1")
    noise = (
        Image.effect_noise((size[0] // 4, size[1] // 4), 12).resize(size).filter(ImageFilter.GaussianBlur(1))
    )
    picture = Image.blend(picture, noise, 0.08)
    return picture.convert("RGB") if mode == "RGB" else picture


def encoded(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    if picture.mode == "1":
        picture.save(out, "TIFF", compression="group4", dpi=(300, 300))
    else:
        picture.save(out, "JPEG", quality=80, dpi=(300, 300))
    return out.getvalue()


def small_scan(number: int) -> bytes:
    """Return a small image that differs for each number."""
    picture = Image.new("1", (400, 500), 1)
    ImageDraw.Draw(picture).text((20, 20), f"page {number}", fill=0, font_size=34)
    return encoded(picture)


def cpu() -> float:
    """Return the CPU seconds of this process and of its children that have ended."""
    return sum(
        r.ru_utime + r.ru_stime
        for r in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )


@contextmanager
def costs(what: str, n: int, extra: Callable[[], str] = str) -> Iterator[None]:
    close_idle()
    wall, used = time.perf_counter(), cpu()
    yield
    close_idle()
    wall, used = time.perf_counter() - wall, cpu() - used
    print(
        f"{what:<34} n={n:<5} wall {wall / n:7.3f} s  cpu {used / n:7.3f} s each"
        f"  {n / wall:7.1f}/s {extra()}",
        flush=True,
    )


def stamped(file: Path) -> Path:
    """Return the same PDF with a visible stamp on every page, so that it has to be rendered."""
    import pikepdf

    with pikepdf.open(file) as pdf:
        for page in pdf.pages:
            page.contents_add(pdf.make_stream(b"1 0 0 rg 10 10 4 4 re f"))
        pdf.save(file.with_suffix(".stamped.pdf"))
    return file.with_suffix(".stamped.pdf")


def pages(n: int, folder: Path) -> None:
    settings, scratch = load_settings().intake, Scratch(folder / "scratch")
    sizes: list[int] = []
    for mode, name in (("1", "G4, 300 dpi"), ("L", "gray JPEG, 300 dpi"), ("RGB", "color JPEG, 300 dpi")):
        file = folder / f"{mode}.pdf"
        file.write_bytes(img2pdf.convert(*(encoded(scan_page(mode, seed)) for seed in range(n))))
        for how, opened in (("extracted", file), ("rendered", stamped(file))):
            sizes.clear()
            with costs(f"{name}, {how}", n, lambda: f"{sum(sizes) // n // 1024} kB a page"):
                for page in open_scan(opened, "0" * 64, scratch, settings):
                    assert page.image is not None
                    sizes.append(scratch.path(page.image).stat().st_size)
                    scratch.remove(page.image)


@dataclass
class ParserPeak:
    """The maximum memory of all parser processes together, and the maximum temporary disk, in bytes."""

    memory: int = 0
    disk: int = 0

    def watch(self) -> None:
        while True:
            held = 0
            for child in psutil.Process().children(recursive=True):
                with suppress(psutil.Error):
                    held += child.memory_info().rss
            self.memory = max(self.memory, held)
            time.sleep(0.05)

    def describe(self) -> str:
        return f"peak {self.memory >> 20} MB, temporary disk {self.disk >> 10} kB"


def long_pdf(n: int, folder: Path) -> None:
    settings, scratch = load_settings().intake, Scratch(folder / "scratch")
    file = folder / "long.pdf"
    images = [encoded(scan_page("1", seed)) for seed in range(20)]
    file.write_bytes(img2pdf.convert(*(images[number % len(images)] for number in range(n))))
    peak = ParserPeak()
    threading.Thread(target=peak.watch, daemon=True).start()
    for how, opened in (("extracted", file), ("rendered", stamped(file))):
        count = n if how == "extracted" else min(n, 100)
        peak.memory = peak.disk = 0
        with costs(f"{n}-page PDF, {how}", count, peak.describe):
            for page in open_scan(opened, "0" * 64, scratch, settings, range(1, count + 1)):
                assert page.image is not None
                peak.disk = max(
                    peak.disk, sum(it.stat().st_size for it in scratch.folder.iterdir() if it.is_file())
                )
                scratch.remove(page.image)


def files(n: int, folder: Path) -> None:
    from pipeline.ingest.registration import register
    from pipeline.runtime.installation import open_installation
    from pipeline.worker.job_queue import enqueue_scan

    inbox = folder / "inbox"
    inbox.mkdir()
    for number in range(n):
        (inbox / f"{number}.tif").write_bytes(small_scan(number))
    with (
        open_installation(load_settings(folder / "home")) as installation,
        installation.connect() as connection,
    ):
        blobs = installation.blobs()
        with costs("small files registered", n):
            for file in inbox.iterdir():
                register(file, connection, blobs, installation.settings, enqueue=enqueue_scan)


def watched(n: int, folder: Path) -> None:
    from pipeline.ingest.watch import Watcher
    from pipeline.runtime.installation import open_installation
    from pipeline.worker.job_queue import enqueue_scan

    settings = load_settings(folder / "home")
    settings.intake_folder.mkdir(parents=True)
    for number in range(n):
        (settings.intake_folder / f"{number}.tif").write_bytes(small_scan(number))
    with open_installation(settings) as installation:
        settings_in_use = installation.settings
        never = settings_in_use.model_copy(
            update={"intake": settings_in_use.intake.model_copy(update={"stable_seconds": 1e9})}
        )
        waiting = Watcher(never, installation.connect, installation.blobs, enqueue_scan)
        with costs("first poll, which records each file", 1):
            waiting.poll()
        with costs(f"a poll while {n} files wait", 20):
            for _ in range(20):
                waiting.poll()
        peak = ParserPeak()
        threading.Thread(target=peak.watch, daemon=True).start()
        watcher = Watcher(settings_in_use, installation.connect, installation.blobs, enqueue_scan)
        with costs("small files stored and moved", n, lambda: f"{peak.describe()}, own {own_peak_mb()} MB"):
            while any(settings.intake_folder.iterdir()):
                time.sleep(min(watcher.poll(), 0.5))


def own_peak_mb() -> int:
    """Return the maximum memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def main() -> None:
    logs.configure(logging.WARNING)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "which", nargs="*", choices=["pages", "long", "files", "watched", []], help="default: all"
    )
    parser.add_argument("--n", type=int, help="pages or files [default: 20, 2000, 5000, 5000]")
    args = parser.parse_args()
    for name, run, default in (
        ("pages", pages, 20),
        ("long", long_pdf, 2000),
        ("files", files, 5000),
        ("watched", watched, 5000),
    ):
        if not args.which or name in args.which:
            with tempfile.TemporaryDirectory() as folder:
                run(args.n or default, Path(folder))


if __name__ == "__main__":
    main()
