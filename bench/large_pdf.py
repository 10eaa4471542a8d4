"""Measure the ingest of a PDF of 2,000 pages from end to end.

    python -m bench.large_pdf [--pages 2000] [--different 40] [--small]

Prints the maximum resident memory of any one process, by kind, and of all processes together (proportional);
the maximum bytes of temporary disk; and when the first page could be found by a word on it, when all pages
were read, and when the file was filed.

--different is the number of different pages of dense print (450 words); they recur through the file. A page
that was read is not read again, so the run is short, while the scan's own job handles as many words, and
creates as large a PDF, as for 2,000 different pages. With --small, all pages differ and have a few lines, so
that each one is read.
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
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import img2pdf
import psutil

from bench.fax_pages import page
from pipeline.config import load_settings
from pipeline.index.search import search_pending
from pipeline.runtime.installation import Installation, open_installation
from tests.support.environment import environment

MB = 1 << 20
POLL_INTERVAL_SECONDS = 0.5
POLLS_PER_MEMORY_SUM = 10  # summing shared memory takes CPU time from the run
DENSE = {"lines": 41, "words": 11, "size": 20}
SMALL = {"lines": 3, "words": 9, "size": 24}


def long_pdf(pages: int, different: int, print_: dict[str, int]) -> bytes:
    """Write a PDF of bilevel pages."""
    pictures = []
    for number in range(1, different + 1):
        out = io.BytesIO()
        page(number, number, **print_).save(out, "TIFF", compression="group4", dpi=(150, 150))
        pictures.append(out.getvalue())
    return bytes(img2pdf.convert([pictures[n % different] for n in range(pages)]))


def peak_of(process: psutil.Process) -> int:
    """Return the maximum resident memory of a process, as recorded by the kernel."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return next((int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM")), 0)


@dataclass
class Watch:
    """The maximum resources of a run so far."""

    home: Path
    peaks: dict[str, int] = field(default_factory=dict)
    together: int = 0
    disk: int = 0
    looks: int = 0

    def measure(self) -> None:
        """Measure all processes and temporary files of the installation."""
        sum_, adding = 0, self.looks % POLLS_PER_MEMORY_SUM == 0
        self.looks += 1
        for kind, process in self._family():
            with contextlib.suppress(psutil.Error, OSError):
                self.peaks[kind] = max(self.peaks.get(kind, 0), peak_of(process))
                sum_ += process.memory_full_info().pss if adding else 0
        self.together = max(self.together, sum_)
        with contextlib.suppress(OSError):
            scratch = load_settings(self.home).scratch_folder
            self.disk = max(self.disk, sum(f.stat().st_size for f in scratch.rglob("*") if f.is_file()))

    def _family(self) -> Iterator[tuple[str, psutil.Process]]:
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                name, line = Path(process.exe()).name, " ".join(process.cmdline())
                if not line:
                    continue  # it has just ended
                forked = (parent := process.parent()) is not None and " ".join(parent.cmdline()) == line
                kinds = {
                    "pipeline.ingest": "a parser",
                    "-m pipeline ingest": "a worker" if forked else "the command",
                }
                yield next((kind for part, kind in kinds.items() if part in line), name), process


def run(installation: Installation, file: Path, pages: int) -> None:
    """Ingest the file, watch until it is filed, and print the resources that it needed."""
    watch, marks = Watch(installation.settings.home), dict[str, float]()
    command = [sys.executable, "-m", "pipeline", "ingest", str(file), "--wait", "--json"]
    env = environment(installation.settings) | {"PATH": "/usr/bin:/bin"}
    begun = time.monotonic()
    with (
        installation.connect() as connection,
        subprocess.Popen(command, stdout=subprocess.PIPE, env=env, text=True) as ingest,
    ):
        while ingest.poll() is None:
            watch.measure()
            row = connection.execute("select count(*) as read from pending_page").fetchone()
            read = row["read"] if row else 0
            now = time.monotonic() - begun
            if read and "first page found" not in marks and search_pending(connection, "progress"):
                marks["first page found"] = now
                print(f"first page found after {now:.0f} s, when {read} pages were read", flush=True)
            if read >= pages:
                marks.setdefault("all read", now)
            time.sleep(POLL_INTERVAL_SECONDS)
        out = ingest.stdout.read() if ingest.stdout else ""
    marks["filed"] = time.monotonic() - begun
    line = json.loads(out)
    documents = line["documents"]
    print(f"{line['status']}, {sum(len(d['pages']) for d in documents)} pages in {len(documents)} documents")
    for kind, peak in sorted(watch.peaks.items(), key=lambda pair: -pair[1]):
        print(f"{peak / MB:6.0f} MB at most: {kind}")
    print(f"{watch.together / MB:6.0f} MB at most of all together; temporary disk {watch.disk / MB:.1f} MB")
    print(", ".join(f"{name} after {seconds:.0f} s" for name, seconds in marks.items()))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=2000)
    parser.add_argument("--different", type=int, default=40)
    parser.add_argument("--small", action="store_true")
    args = parser.parse_args()
    different = args.pages if args.small else args.different
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        file = Path(folder, "long.pdf")
        file.write_bytes(long_pdf(args.pages, different, SMALL if args.small else DENSE))
        print(
            f"{args.pages} pages, {different} of them different, {file.stat().st_size / MB:.1f} MB",
            flush=True,
        )
        with open_installation(load_settings(Path(folder, "home"))) as installation:
            run(installation, file, args.pages)


if __name__ == "__main__":
    main()
