"""Stop Postgres, then SeaweedFS, in the middle of an ingest.

    python -m bench.outages [--seconds 60] [--files 40]

Both run as separate servers that nothing restarts automatically; the command and its workers only have their
addresses. Prints when each server stopped and returned, and the outcome of every file. Exits with status 1
unless all files are accounted for.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from bench.fax_pages import chart
from pipeline.config import load_settings
from pipeline.runtime.installation import EmbeddedServices
from tests.support.environment import environment


def stop_for(service: Any, seconds: float, begun: float) -> None:
    """Stop a service for that many seconds, then start it again on the same port."""
    running = service.running()
    assert running is not None
    service.stop(running)
    print(f"{time.monotonic() - begun:6.0f} s  {service.name} stopped", flush=True)
    time.sleep(seconds)
    service.wait(service.spawn())
    print(f"{time.monotonic() - begun:6.0f} s  {service.name} back", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--files", type=int, default=40)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # the services run as another user if this user is root
        scans = Path(folder, "scans")
        scans.mkdir()
        for number in range(args.files):
            (scans / f"{number:03}.tif").write_bytes(chart(number, pages=1 + number % 5))
        embedded = EmbeddedServices(load_settings(Path(folder, "home")))
        for service in embedded.services:
            service.wait(service.spawn())
        begun = time.monotonic()
        command = [sys.executable, "-m", "pipeline", "ingest", str(scans), "--wait", "--json"]
        variables = environment(embedded.settings()) | {
            "PATH": "/usr/bin:/bin",
            "CHARTLOOM_DATABASE__CONNECT_TIMEOUT_SECONDS": "120",
        }
        variables["CHARTLOOM_STORAGE__CONNECT_TIMEOUT_SECONDS"] = "120"
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=variables, text=True) as ingest:
            for service in reversed(embedded.services):  # Postgres first
                time.sleep(10)
                stop_for(service, args.seconds, begun)
            out, _ = ingest.communicate()
        for service in embedded.services:
            if found := service.running():
                service.stop(found)
    lines = [json.loads(line) for line in out.splitlines()]
    print(
        f"{time.monotonic() - begun:6.0f} s  exit {ingest.returncode}, "
        f"{len(lines)} lines for {args.files} files:",
        end=" ",
    )
    print(dict(Counter(line["status"] for line in lines)))
    for reason, count in Counter(line["reason"] for line in lines if line["status"] == "quarantined").items():
        print(f"{'':9} {count} quarantined: {reason}")
    pages = sum(len(document["pages"]) for line in lines for document in line["documents"])
    print(f"{'':9} {pages} pages in documents of {sum(1 + n % 5 for n in range(args.files))} submitted")
    sys.exit(ingest.returncode or len(lines) != args.files)


if __name__ == "__main__":
    main()
