"""Measure the cost of a page by stage, and the gain of two workers over one.

    python -m bench.throughput [FILE...] [--scans 8] [--two]

Prints the CPU milliseconds per page of a worker and its children, by stage, for the files (default: generated
faxes of five pages), and those of Postgres and the store meanwhile. Overhead is everything except opening,
reading and creating PDFs. --two instead prints pages per minute of `chartloom ingest --wait` with one worker
and with two, each in a new home.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

from bench.fax_pages import chart
from pipeline.config import load_settings
from pipeline.flow import file_scan
from pipeline.index import filing
from pipeline.ingest.registration import register
from pipeline.runtime.installation import Installation, open_installation
from pipeline.store import ocr_cache
from pipeline.worker import scan_stages
from pipeline.worker.job_queue import enqueue_scan
from pipeline.worker.launcher import limit_to_one_thread, preload
from pipeline.worker.worker_context import WorkerContext
from tests.support.environment import environment

STAGES = (
    (scan_stages, "read_with_timeout", "read"),
    (scan_stages, "document_file", "pdf"),
    (scan_stages, "segment_pages", "segment"),
    (scan_stages, "find_candidates", "match"),
    (scan_stages, "decide", "match"),
    (ocr_cache, "get", "cache"),
    (ocr_cache, "put", "cache"),
    (filing, "commit", "commit"),
)
"""The functions whose time is counted, each with its module and its stage."""
ESSENTIAL = ("open", "read", "pdf")


def cpu() -> float:
    """Return the CPU seconds of this process and of its children that have ended."""
    return sum(os.times()[:4])


def living() -> float:
    """Return the CPU seconds of the children that are still running: the parser that opens files."""
    total = 0.0
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "pipeline.ingest" in " ".join(child.cmdline()):
                total += sum(child.cpu_times()[:2])
    return total


def servers(home: Path) -> float:
    """Return the CPU seconds of the home's Postgres and store."""
    total = 0.0
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            parents = [process, *process.parents()]
            if any(
                str(home) in " ".join(p.cmdline()) and Path(p.exe()).name in ("postgres", "weed")
                for p in parents
            ):
                total += sum(process.cpu_times()[:2])
    return total


class Clock:
    """Sums CPU seconds by stage. The time of a stage inside another one counts only for the inner stage."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)
        self._inside: list[float] = []

    @contextlib.contextmanager
    def of(self, stage: str) -> Iterator[None]:
        self._inside.append(0.0)
        started = cpu()
        try:
            yield
        finally:
            seconds = cpu() - started
            self.spent[stage] += seconds - self._inside.pop()
            if self._inside:
                self._inside[-1] += seconds

    def wrap(self, owner: Any, name: str, stage: str) -> None:
        """Count the time of a function."""
        inner: Callable[..., Any] = getattr(owner, name)

        def counted(*args: Any, **kwargs: Any) -> Any:
            with self.of(stage):
                return inner(*args, **kwargs)

        setattr(owner, name, counted)

    def wrap_pages(self, owner: Any, name: str, stage: str) -> None:
        """Count the time of each step of an iterator."""
        inner: Callable[..., Any] = getattr(owner, name)

        def counted(*args: Any, **kwargs: Any) -> Iterator[Any]:
            steps = iter(inner(*args, **kwargs))
            while True:
                with self.of(stage):
                    page = next(steps, None)
                if page is None:
                    return
                yield page

        setattr(owner, name, counted)


def by_stage(installation: Installation, files: list[Path]) -> None:
    """Process the files in this process and print the time of each stage."""
    clock, connection, blobs = Clock(), installation.connect(), installation.blobs()
    preload(installation.settings)
    clock.wrap_pages(scan_stages, "open_scan", "open")
    for module, name, stage in STAGES:
        clock.wrap(module, name, stage)
    for name in ("put", "get", "fetch"):
        clock.wrap(type(blobs), name, "store")
    context, before = WorkerContext(installation.settings), servers(installation.settings.home)
    for file in files:
        with clock.of("register"):
            registered = register(file, connection, blobs, installation.settings, enqueue=enqueue_scan)
        with clock.of("else"), context.stages_for(registered.scan, lambda: None) as stages:
            assert stages is not None
            file_scan(stages.scan, stages)
    row = connection.execute("select count(*) as pages from page").fetchone()
    assert row is not None
    pages = row["pages"]
    clock.spent["open"] += living()
    clock.spent["servers"] = servers(installation.settings.home) - before
    total = sum(clock.spent.values())
    for stage, seconds in sorted(clock.spent.items(), key=lambda spent: -spent[1]):
        print(f"{stage:10} {1000 * seconds / pages:7.1f} ms per page  {seconds / total:6.1%}")
    overhead = sum(seconds for stage, seconds in clock.spent.items() if stage not in ESSENTIAL)
    print(
        f"{pages} pages, {1000 * total / pages:.0f} ms per page; "
        f"overhead {overhead / total:.1%}, without the servers ",
        end="",
    )
    print(f"{(overhead - clock.spent['servers']) / (total - clock.spent['servers']):.1%}")


def pages_per_minute(installation: Installation, files: list[Path], workers: int) -> float:
    """Return the speed of an ingest from its first page read to its last, without its start."""
    variables = {
        **os.environ,
        **environment(installation.settings),
        "CHARTLOOM_WORKER__PROCESSES": str(workers),
    }
    command = [sys.executable, "-m", "pipeline", "ingest", *map(str, files), "--wait", "--json"]
    subprocess.run(command, env=variables, check=True, capture_output=True)
    query = (
        "select count(*) as pages, extract(epoch from max(created_at) - min(created_at))::float8 as seconds"
        " from ocr_cache"
    )
    with installation.connect() as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return float(60 * (row["pages"] - workers) / row["seconds"])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--scans", type=int, default=8)
    parser.add_argument("--two", action="store_true")
    args = parser.parse_args()
    limit_to_one_thread()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        files = args.files
        if not files:
            files = [Path(folder, f"{number}.tif") for number in range(args.scans)]
            for number, file in enumerate(files):
                file.write_bytes(chart(number, 5))
        for workers in (1, 2) if args.two else (0,):
            with open_installation(load_settings(Path(folder, f"home{workers}"))) as installation:
                if workers:
                    pace = pages_per_minute(installation, files, workers)
                    print(f"{workers} workers: {pace:.1f} pages per minute", flush=True)
                else:
                    by_stage(installation, files)


if __name__ == "__main__":
    main()
