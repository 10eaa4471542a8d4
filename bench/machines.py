"""Measure three machines that work on one database and one store while one of them is lost.

    python -m bench.machines [--pages N] [--takeover SECONDS]      as root

Each machine is a network namespace with its own host name, home and worker, connected to the database and the
store only by a virtual network cable. When all three work, one is disconnected and its processes are killed.
Prints how often each page was read (counted in the database), and how long the job of the lost machine waited
until another took it over.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
import time
from pathlib import Path

import img2pdf

from bench.fax_pages import page
from pipeline.config import load_settings
from pipeline.ingest.registration import register
from pipeline.runtime.installation import open_installation
from pipeline.store.database import Connection
from pipeline.worker.job_queue import enqueue_scan
from pipeline.worker.status import status_json
from tests.support.machines import COUNT_READINGS_SQL, Machine, jobs_by_host, machines, may_create_machines


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=120)
    parser.add_argument("--takeover", type=float, default=60.0)
    args = parser.parse_args()
    if not may_create_machines():
        sys.exit("only root may make network namespaces")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        file = Path(folder, "chart.pdf")
        images = []
        for number in range(args.pages):
            out = io.BytesIO()
            page(number, number).save(out, "TIFF", compression="group4", dpi=(150, 150))
            images.append(out.getvalue())
        file.write_bytes(bytes(img2pdf.convert(images)))
        settings = load_settings(Path(folder, "home"))
        settings = settings.model_copy(
            update={"worker": settings.worker.model_copy(update={"stalled_worker_seconds": args.takeover})}
        )
        with open_installation(settings) as installation, installation.connect() as connection:
            connection.execute(COUNT_READINGS_SQL.encode())
            with machines(("north", "south", "east"), installation.settings) as (machines_at_work, variables):
                variables["CHARTLOOM_WORKER__STALLED_WORKER_SECONDS"] = str(args.takeover)
                for machine in machines_at_work:
                    machine.work(Path(folder, machine.name), variables)
                register(file, connection, installation.blobs(), installation.settings, enqueue=enqueue_scan)
                print(json.dumps(report(connection, machines_at_work, args.takeover), indent=1))


def report(connection: Connection, machines_at_work: list[Machine], takeover: float) -> dict[str, object]:
    """Lose a machine while all machines work, wait for the end, and return the counts."""
    while (
        len(jobs_by_host(connection)) < len(machines_at_work)
        or not connection.execute("select 1 from times_read").fetchone()
    ):
        time.sleep(0.05)
    status = status_json(connection, takeover)
    job = jobs_by_host(connection)[machines_at_work[1].name]
    machines_at_work[1].lose()
    lost = time.monotonic()
    while jobs_by_host(connection).get(machines_at_work[1].name) == job:
        time.sleep(0.05)
    waited = time.monotonic() - lost
    while connection.execute("select 1 from scan where status = 'received'").fetchone():
        time.sleep(0.2)
    counted = connection.execute(
        "select count(*) as readings, count(distinct key) as pages, (select count(*) from page) as filed,"
        " (select count(*) from document_page) as in_documents from times_read"
    ).fetchone()
    return {
        "workers_before": [w["host"] for w in status["workers"]],
        "taken_over_after_seconds": round(waited, 1),
        **(counted or {}),
    }


if __name__ == "__main__":
    main()
