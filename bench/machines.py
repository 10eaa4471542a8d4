"""Three machines read for one database and one store, and one of them is lost: `python -m bench.machines`, as
root.

Each machine is a network namespace with a host name and a home of its own, one worker in it, and a cable to
the database and the store; they share nothing else. When all three are at work one has its cable pulled and
its processes killed. Prints who read how many pages, how often each page was read (counted in the database),
and how long the lost machine's job waited for another."""

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
from tests.support.machines import COUNTED, Machine, allowed, at_work, machines


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=120)
    parser.add_argument("--takeover", type=float, default=60.0)
    args = parser.parse_args()
    if not allowed():
        sys.exit("only root may make network namespaces")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        file = Path(folder, "chart.pdf")
        pictures = []
        for number in range(args.pages):
            out = io.BytesIO()
            page(number, number).save(out, "TIFF", compression="group4", dpi=(150, 150))
            pictures.append(out.getvalue())
        file.write_bytes(bytes(img2pdf.convert(pictures)))
        settings = load_settings(Path(folder, "home"))
        settings = settings.model_copy(
            update={"worker": settings.worker.model_copy(update={"stalled_worker_seconds": args.takeover})}
        )
        with open_installation(settings) as installation, installation.connect() as connection:
            connection.execute(COUNTED.encode())
            with machines(("north", "south", "east"), installation.settings) as (all_, told):
                told["CHARTLOOM_WORKER__STALLED_WORKER_SECONDS"] = str(args.takeover)
                for machine in all_:
                    machine.work(Path(folder, machine.name), told)
                register(file, connection, installation.blobs(), installation.settings, enqueue=enqueue_scan)
                print(json.dumps(report(connection, all_, args.takeover), indent=1))


def report(connection: Connection, all_: list[Machine], takeover: float) -> dict[str, object]:
    """Lose a machine while all are at work, wait for the end, and say what was counted."""
    while (
        len(at_work(connection)) < len(all_) or not connection.execute("select 1 from times_read").fetchone()
    ):
        time.sleep(0.05)
    seen = status_json(connection, takeover)
    job = at_work(connection)[all_[1].name]
    all_[1].lose()
    lost = time.monotonic()
    while at_work(connection).get(all_[1].name) == job:
        time.sleep(0.05)
    waited = time.monotonic() - lost
    while connection.execute("select 1 from scan where status = 'received'").fetchone():
        time.sleep(0.2)
    counted = connection.execute(
        "select count(*) as readings, count(distinct key) as pages, (select count(*) from page) as filed,"
        " (select count(*) from document_page) as in_documents from times_read"
    ).fetchone()
    return {
        "workers_before": [w["host"] for w in seen["workers"]],
        "taken_over_after_seconds": round(waited, 1),
        **(counted or {}),
    }


if __name__ == "__main__":
    main()
