"""How long the pages of the review workspace take on a full database: `python -m bench.review --documents 1000000 --queue 50000`.

Fills a database of its own in an installation of its own with made-up rows, then asks the application for its pages as somebody
signed in does (the whole request: session, rights, audit line, queries, template), and prints the quantiles in milliseconds.
"""

from __future__ import annotations

import argparse
import io
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from fastapi.testclient import TestClient
from PIL import Image

from pipeline.config import load_settings
from pipeline.review.accounts import add_account, csrf_of, open_session
from pipeline.review.application import build
from pipeline.review.roles import Role
from pipeline.review.visit import COOKIE, Desk
from pipeline.services.installation import open_installation
from pipeline.store.database import Connection
from pipeline.store.sql import statements
from pipeline.work.queue import enqueue_scan

SQL = statements("bench")
STEP = 50_000  # rows in a transaction
NAMES = (
    "Barton",
    "Caskey",
    "Delmann",
    "Fenford",
    "Gorberg",
    "Halski",
    "Jarwell",
    "Kelez",
    "Lanova",
    "Morsena",
    "Bartn",
    "Dellman",
)


def fill(connection: Connection, documents: int, queue: int, patients: int, preview: str) -> None:
    """Make the rows, unless they are there."""
    row = connection.execute("select count(*) as n from document").fetchone()
    if row is not None and row["n"] >= documents:
        return
    given = {"patients": patients, "every": documents // queue, "preview": preview}
    for first in range(1, patients + 1, STEP):
        connection.execute(SQL["fill_patients"], {"first": first, "last": min(first + STEP - 1, patients)})
    for first in range(1, documents + 1, STEP):
        for name in ("fill_scans", "fill_pages", "fill_documents", "fill_texts", "fill_queue"):
            connection.execute(SQL[name], given | {"first": first, "last": min(first + STEP - 1, documents)})
    connection.execute("vacuum analyze")


def measure(ask: Callable[[], int], times: int) -> list[float]:
    """Milliseconds of each request, after one to warm up; every answer must be the page itself."""
    found = []
    for turn in range(times + 1):
        start = time.perf_counter()
        status = ask()
        if status not in (200, 303):
            raise SystemExit(f"answered {status}")
        if turn:
            found.append((time.perf_counter() - start) * 1000)
    return found


def main() -> None:
    """Fill, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--queue", type=int, default=1_000)
    parser.add_argument("--patients", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--home", type=Path, default=Path("bench-home"), help="kept: a second run is quick")
    options = parser.parse_args()
    rng = random.Random(7)
    with open_installation(load_settings(options.home)) as installation, installation.pool(4) as pool:
        picture = io.BytesIO()
        Image.effect_noise((1236, 1600), 40).save(picture, "JPEG", quality=70)
        blobs = installation.blobs()
        preview = blobs.put(picture.getvalue())
        start = time.perf_counter()
        with installation.connect() as connection:
            fill(connection, options.documents, options.queue, options.patients, preview)
            name = f"bench{time.time_ns()}"
            token = open_session(connection, add_account(connection, name, Role.SUPERVISOR, None))
        print(f"filled in {time.perf_counter() - start:.0f} s", flush=True)
        desk = Desk(settings=installation.settings, pool=pool, blobs=lambda: blobs, enqueue=enqueue_scan)
        with TestClient(build(desk), base_url="http://127.0.0.1", follow_redirects=False) as client:
            headers = {"cookie": f"{COOKIE}={token}"}

            def get(url: str) -> int:
                return client.get(url, headers=headers).status_code

            pages: dict[str, Callable[[], int]] = {
                "queue page": lambda: get("/queue"),
                "queue, filtered": lambda: get("/queue?reason=type&department=surgery"),
                "next item": lambda: client.post("/queue/next", data={"csrf": csrf_of(token)}, headers=headers).status_code,
                "item page": lambda: get(f"/items/{rng.randint(1, options.queue)}"),
                "patient search": lambda: get(f"/patients?q={rng.choice(NAMES)}"),
                "chart page": lambda: get(f"/patients/{rng.randint(1, options.patients)}"),
                "page image": lambda: get(f"/scans/{rng.randint(1, options.documents)}/pages/1/preview"),
                "figures": lambda: get("/supervisor"),
            }
            for page, ask in pages.items():
                found = measure(ask, options.times)
                p95 = statistics.quantiles(found, n=20)[18]
                print(f"{page:16} p50 {statistics.median(found):7.1f} ms   p95 {p95:7.1f} ms   n {len(found)}", flush=True)


if __name__ == "__main__":
    main()
