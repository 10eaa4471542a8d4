"""A PDF of 2,000 pages from end to end: `python -m bench.long [--pages 2000] [--different 40] [--workers N]`.

Prints, sampled five times a second: the peak memory (resident) of any one process and of all together (proportional), the most
bytes of temporary disk, when the first page could be found by a word on it, when half and all pages were read, when it was filed.

So many pages of print differ; they recur through the file. What is read once is not read again, so the run is short, while the
scan's own job holds as many words, and makes as large a PDF, as it would of 2,000 different pages. --different 2000: all differ.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import img2pdf
import psutil

from bench.pages import page
from pipeline.config import load_settings
from pipeline.index.search import arriving
from pipeline.services.installation import open_installation
from pipeline.work.start import environment

MB = 1 << 20
SAMPLE_SECONDS = 0.2


def long_pdf(pages: int, different: int) -> bytes:
    """A PDF of bilevel pages."""
    pictures = []
    for number in range(1, different + 1):
        out = io.BytesIO()
        page(number, number).save(out, "TIFF", compression="group4", dpi=(150, 150))
        pictures.append(out.getvalue())
    return bytes(img2pdf.convert([pictures[n % different] for n in range(pages)]))


def family(pid: int) -> list[psutil.Process]:
    """A process and all below it."""
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=2000)
    parser.add_argument("--different", type=int, default=40)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        file = Path(folder, "long.pdf")
        file.write_bytes(long_pdf(args.pages, args.different))
        print(f"{args.pages} pages, {args.different} of them different, {file.stat().st_size / MB:.1f} MB", flush=True)
        with open_installation(load_settings(Path(folder, "home"))) as installation, installation.connect() as connection:
            told = environment(installation.settings) | {"PATH": "/usr/bin:/bin"}
            begun, peak, together, disk, largest, marks = time.monotonic(), 0, 0, 0, "", dict[str, float]()
            command = [sys.executable, "-m", "pipeline", "ingest", str(file), "--wait", "--json"]
            with subprocess.Popen(command, stdout=subprocess.PIPE, env=told, text=True) as ingest:
                while ingest.poll() is None:
                    sizes = []
                    for process in family(ingest.pid):
                        with contextlib.suppress(psutil.Error):
                            info = process.memory_full_info()
                            sizes.append((info.rss, info.pss, " ".join(process.cmdline())[-60:]))
                    if sizes and max(sizes)[0] > peak:
                        peak, _, largest = max(sizes)
                    together = max(together, sum(pss for _, pss, _ in sizes))
                    scratch = installation.settings.scratch_folder
                    with contextlib.suppress(OSError):
                        disk = max(disk, sum(f.stat().st_size for f in scratch.rglob("*") if f.is_file()))
                    row = connection.execute(
                        "select coalesce(max(number), 0) as n, count(*) as read from arriving_page"
                    ).fetchone()
                    now = time.monotonic() - begun
                    if row and row["read"] and "first found" not in marks and arriving(connection, "progress"):
                        marks["first found"] = now
                    if row and row["read"] >= args.pages / 2:
                        marks.setdefault("half read", now)
                    if row and row["read"] >= args.pages:
                        marks.setdefault("all read", now)
                    time.sleep(SAMPLE_SECONDS)
                out = ingest.stdout.read() if ingest.stdout else ""
            marks["filed"] = time.monotonic() - begun
        line = json.loads(out)
        print(f"{line['status']}, {sum(len(d['pages']) for d in line['documents'])} pages in {len(line['documents'])} documents")
        print(f"peak of one process {peak / MB:.0f} MB ({largest})")
        print(f"peak of all together {together / MB:.0f} MB; temporary disk {disk / MB:.1f} MB")
        print(", ".join(f"{name} after {seconds:.0f} s" for name, seconds in marks.items()))


if __name__ == "__main__":
    main()
