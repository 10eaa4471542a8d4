"""The cost of a migration, and how it survives kills: `python -m bench.archive_migration plan|move|overhead`.

plan --rows 1000000           seconds, CPU and memory of `archive plan --inspect none` for a CSV file and as
                              many files
move --pages 3000 --kills 20  `archive run` of an archive with every kind of fault, killed many times; then
                              verify and report must find every planted fault and balance. --kind csv,
                              old-index, tree. Its pages recur in other files after --recur documents, so that
                              few are read and every other step is done for all
overhead --documents 8        CPU of a page in `archive run` compared with opening, reading and creating PDFs
                              alone
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from minio import Minio
from psycopg import sql

from bench.fax_pages import chart
from bench.throughput import ESSENTIAL, STAGES, Clock, living, servers
from pipeline.archive.crosswalk import open_crosswalk
from pipeline.archive.import_runner import ImportRunner
from pipeline.archive.manifest import Manifest
from pipeline.archive.manifest_mapping import load_mapping
from pipeline.archive.migration_jobs import open_job
from pipeline.archive.migration_plan import plan
from pipeline.config import load_settings
from pipeline.flow import file_scan
from pipeline.runtime.installation import Installation, open_installation
from pipeline.store.blobs import REGION
from pipeline.store.database import Connection
from pipeline.synthetic.legacy_archive import make_archive
from pipeline.synthetic.legacy_files import FIELDS
from pipeline.worker import scan_stages
from pipeline.worker.job_queue import enqueue_scan
from pipeline.worker.launcher import limit_to_one_thread, preload
from pipeline.worker.worker_context import WorkerContext

FILES_PER_FOLDER = 1_000  # of the planned archive
MEAN_PAGES = 2  # of a document of pipeline.synthetic.legacy_archive
TABLES = (
    *(
        "page",
        "ocr_cache",
        "document_page",
        "document",
        "document_field",
        "decision",
        "review_item",
        "scan",
        "ingest_event",
    ),
    *("migration_row", "migration_file"),
)
VICTIMS = ("run", "run", "workers", "worker")
DONE = (0, 2)
IDLE_SECONDS = 10.0  # for which the idle servers are measured


def plan_rows(rows: int, keep: Path | None) -> None:
    """Time a plan for that many rows."""
    with tempfile.TemporaryDirectory(prefix="chartloom-bench-") as folder:
        root = keep or Path(folder)
        index = root / "index.csv"
        if not index.exists():
            make_rows(root, index, rows)
        manifest = Manifest.at(index, None, load_mapping("csv"))
        begun, cpu = time.monotonic(), time.process_time()
        with open_crosswalk(None) as numbers:
            found = plan(manifest, numbers, load_settings(root / "home"), None, depth="none", cores=16)
        assert found.documents == found.files == rows, found
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        took, used = time.monotonic() - begun, time.process_time() - cpu
        print(
            json.dumps(
                {
                    "rows": rows,
                    "seconds": round(took, 1),
                    "cpu_seconds": round(used, 1),
                    "peak_mb": round(peak),
                }
            )
        )


def make_rows(root: Path, index: Path, rows: int) -> None:
    """Write a CSV file and a file for each row. The files of a folder are links to one, to save space."""
    with index.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(FIELDS)
        for number in range(rows):
            path = f"box{number // FILES_PER_FOLDER:05d}/{number:08d}.tif"
            if number % FILES_PER_FOLDER == 0:
                first = root / path
                first.parent.mkdir(parents=True)
                first.write_bytes(b"x")
            else:
                os.link(first, root / path)
            date = f"20{number % 20:02d}-{number % 12 + 1:02d}-{number % 28 + 1:02d}"
            writer.writerow(
                (
                    path,
                    f"D{number}",
                    3,
                    f"box{number // FILES_PER_FOLDER}",
                    1_000_000 + number // 5,
                    "progress_note",
                    date,
                )
            )


def chartloom(home: Path, *words: object) -> subprocess.Popen[str]:
    """Start the command in its own process group."""
    env = {**os.environ, "CHARTLOOM_HOME": str(home), "CHARTLOOM_WORKER__STALLED_WORKER_SECONDS": "6"}
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline", *map(str, words)],
        env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip


def run_json(home: Path, *words: object) -> tuple[int, list[dict[str, Any]]]:
    """Return (exit code, JSON lines) of a command."""
    process = chartloom(home, *words)
    out, _ = process.communicate()
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    assert lines or process.returncode in DONE, out
    return process.returncode, lines


def command_of(pid: int) -> bytes:
    """Return the command line of a process."""
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def kill(process: subprocess.Popen[str], victim: str) -> bool:
    """Kill (SIGKILL) the run, its pool of workers, or one worker. Return whether it existed."""
    pid = process.pid
    for _ in range(("run", "workers", "worker").index(victim)):
        children = Path(f"/proc/{pid}/task/{pid}/children")
        below = [int(child) for child in children.read_text().split()] if children.exists() else []
        below = [child for child in below if command_of(child) == command_of(pid)]  # workers are forked
        if not below:
            return False
        pid = below[0]
    os.kill(pid, signal.SIGKILL)
    return True


def move(args: argparse.Namespace) -> None:
    """Migrate an archive while killing processes, and compare the report with the planted faults."""
    kind, kills, rng = args.kind, args.kills, random.Random(args.seed)
    with tempfile.TemporaryDirectory(prefix="chartloom-bench-") as folder:
        Path(folder).chmod(0o755)
        home, out = Path(folder) / "home", Path(folder) / "report"
        documents = args.pages // MEAN_PAGES
        archive = make_archive(
            Path(folder) / "archive", kind, documents, args.seed, faults=args.faults, recur=args.recur
        )
        run_json(home, "patients", "load", archive.folder / "patients.csv")
        words = ["archive", "run", "move", archive.manifest, "--mapping", kind, "--json"]
        words += ["--crosswalk", archive.folder / "links.csv"] if kind == "old-index" else []
        started, killed, runs = time.monotonic(), 0, 0
        while True:
            runs += 1
            process = chartloom(home, *words)
            while killed < kills and process.poll() is None:
                time.sleep(rng.uniform(0.3, 1.0) * args.max_pause)
                killed += process.poll() is None and kill(process, rng.choice(VICTIMS))
            output, _ = process.communicate()
            if process.returncode in DONE:
                break
        seconds = time.monotonic() - started
        verified, checks = run_json(home, "archive", "verify", "move", "--json")
        reported, (account,) = run_json(home, "archive", "report", "move", "--out", out, "--json")
        balanced, _ = run_json(home, "reconcile", "--json")
        with (out / "exceptions.csv").open(newline="", encoding="utf-8") as stream:
            named = {(row["code"], row["row"]) for row in csv.DictReader(stream)}
        lost = sorted({(p.code, p.row) for p in archive.planted} - named)
        print(json.dumps({
            "kind": kind, "documents": archive.documents, "pages": archive.pages,
            "kills": killed, "runs": runs,
            "seconds": round(seconds), "planted": len(archive.planted), "not_found": lost,
            "verify": verified, "checks": checks[-1],
            "report": reported, "balanced": account["balanced"], "pages_in": account["pages"]["in"],
            "reconcile": balanced,
        }))  # fmt: skip
        assert not lost, output
        assert (verified, reported, balanced) == (0, 0, 0)
        assert account["pages"]["in"] == archive.pages


def overhead(documents: int, pages: int) -> None:
    """Print the CPU milliseconds per page of each stage of a migration."""
    limit_to_one_thread()
    clock = Clock()
    with tempfile.TemporaryDirectory(prefix="chartloom-bench-") as folder:
        Path(folder).chmod(0o755)
        root = Path(folder) / "archive"
        root.mkdir()
        lines = ["path,document,pages,batch,mrn,type,date"]
        for number in range(documents):
            (root / f"{number}.tif").write_bytes(chart(number, pages))
            lines.append(f"{number}.tif,{number},{pages},box,{1_000_000 + number},progress_note,2011-03-01")
        (root / "index.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        manifest = Manifest.at(root / "index.csv", None, load_mapping("csv"))
        settings = load_settings(Path(folder) / "home")
        with (
            open_installation(settings) as installation,
            installation.connect() as connection,
            open_crosswalk(None) as numbers,
        ):
            preload(installation.settings)
            clock.wrap_pages(scan_stages, "open_scan", "open")
            for module, name, stage in STAGES:
                clock.wrap(module, name, stage)
            for name in ("put", "put_file", "get", "fetch"):
                clock.wrap(type(installation.blobs()), name, "store")
            importer = ImportRunner(
                open_job(connection, "bench", manifest),
                manifest,
                numbers,
                installation.blobs(),
                installation.settings,
                enqueue_scan,
            )
            quiet = servers(settings.home)
            time.sleep(IDLE_SECONDS)
            before, begun, context = (
                servers(settings.home),
                time.monotonic(),
                WorkerContext(installation.settings),
            )
            idle = (before - quiet) / IDLE_SECONDS
            for listed in manifest.documents(settings.archive):
                with clock.of("feed"):
                    importer.ingest(connection, listed)
            for row in connection.execute("select id from scan order by id").fetchall():
                with clock.of("else"), context.stages_for(row["id"], lambda: None) as stages:
                    assert stages is not None
                    file_scan(stages.scan, stages)
            clock.spent["open"] += living()
            clock.spent["servers"] = servers(settings.home) - before - idle * (time.monotonic() - begun)
            print(
                f"Postgres and the object store take {idle:.2%} of a core when idle; `servers` excludes that"
            )
            print_sizes(installation, connection, documents * pages)
    total, read = sum(clock.spent.values()), sum(clock.spent[stage] for stage in ESSENTIAL)
    for stage, seconds in sorted(clock.spent.items(), key=lambda spent: -spent[1]):
        print(f"{stage:10} {1000 * seconds / documents / pages:7.1f} ms per page  {seconds / total:6.1%}")
    hourly = documents * pages / total * 3600
    extra = f"{total / read - 1:+.1%}"
    print(f"{documents * pages} pages, {hourly:.0f} pages per core hour; compared with reading alone {extra}")


def print_sizes(installation: Installation, connection: Connection, pages: int) -> None:
    """Print the bytes per page of objects and of rows as Postgres stores them, without indexes."""
    storage = installation.settings.storage
    assert storage.endpoint is not None
    assert storage.secret_key is not None
    store = Minio(
        storage.endpoint,
        storage.access_key,
        storage.secret_key.get_secret_value(),
        secure=storage.secure,
        region=REGION,
    )
    objects = [entry.size or 0 for entry in store.list_objects(storage.bucket, recursive=True)]
    originals = connection.execute("select sum(size)::bigint as n from scan").fetchone()
    assert originals is not None
    derived = (sum(objects) - originals["n"]) / pages
    print(
        f"objects    {len(objects) / pages:.1f} per page, {derived:,.0f} bytes"
        f" in addition to {originals['n'] / pages:,.0f} of the original"
    )
    for table in TABLES:
        query = sql.SQL("select coalesce(sum(pg_column_size(t.*)), 0)::bigint as n from {} t").format(
            sql.Identifier(table)
        )
        row = connection.execute(query).fetchone()
        assert row is not None
        print(f"{table:16} {row['n'] / pages:9,.0f} bytes per page")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_subparsers(dest="what", required=True)
    plan_parser = what.add_parser("plan")
    plan_parser.add_argument("--rows", type=int, default=1_000_000)
    plan_parser.add_argument(
        "--keep", type=Path, help="an empty folder for the archive, or one that an earlier call has filled"
    )
    move_parser = what.add_parser("move")
    move_parser.add_argument("--kind", choices=("csv", "old-index", "tree"), default="csv")
    move_parser.add_argument("--pages", type=int, default=3_000)
    move_parser.add_argument("--kills", type=int, default=20)
    move_parser.add_argument("--faults", type=int, default=10, help="of each kind")
    move_parser.add_argument(
        "--recur", type=int, default=60, help="number of documents after which pages are repeated"
    )
    move_parser.add_argument("--seed", type=int, default=1)
    move_parser.add_argument(
        "--max-pause", type=float, default=20.0, help="longest time between kills, in seconds"
    )
    overhead_parser = what.add_parser("overhead")
    overhead_parser.add_argument("--documents", type=int, default=8)
    overhead_parser.add_argument("--pages", type=int, default=5)
    args = parser.parse_args()
    if args.what == "plan":
        plan_rows(args.rows, args.keep)
    elif args.what == "move":
        move(args)
    else:
        overhead(args.documents, args.pages)


if __name__ == "__main__":
    main()
