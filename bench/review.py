"""Measure the response times of the web application on a full database.

    python -m bench.review --documents 1000000 --queue 50000

Fills the database of an installation of its own with generated rows, then requests the pages of the
application as a signed-in user (the whole request: session, permissions, audit record, queries, template).
Prints quantiles in milliseconds: wall-clock time, and CPU time of the web process and its database
connections, which other load on the machine hardly changes.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import statistics
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
from fastapi.testclient import TestClient
from PIL import Image, ImageDraw, ImageFont

from bench.population import LOOKALIKE_LETTERS, SYLLABLES, confused, people
from pipeline.config import document_types, load_settings
from pipeline.ocr.output.preview import encode_preview
from pipeline.runtime.installation import open_installation
from pipeline.store.database import Connection
from pipeline.store.sql import statements
from pipeline.web.application import create_app
from pipeline.web.auth.accounts import add_account
from pipeline.web.auth.permissions import Role
from pipeline.web.auth.request_context import SESSION_COOKIE, AppContext
from pipeline.web.auth.sessions import csrf_token, open_session
from pipeline.worker.job_queue import enqueue_scan

SQL = statements("bench")
ROWS_PER_TRANSACTION = 50_000
SEED = 7
LOOK_SECONDS = 0.5  # the minimum time that a person looks at an item before deciding
PATIENT_COLUMNS = (
    "mrn",
    "given",
    "middle",
    "family",
    "dob",
    "sex",
    "ssn",
    "address",
    "city",
    "state",
    "zip",
    "phone",
)
FILL_STATEMENTS = (
    "fill_scans",
    "fill_arrivals",
    "fill_pages",
    "fill_documents",
    "fill_texts",
    "fill_decisions",
    "fill_queue",
)


def fill(connection: Connection, documents: int, queue: int, patients: int, preview: str) -> None:
    """Insert the rows that are not there yet."""
    existing = (
        count(connection, "select count(*) as n from patient"),
        count(connection, "select count(*) as n from document"),
    )
    rows = people(patients, SEED) if existing[0] < patients else iter(())
    while batch := list(islice(rows, ROWS_PER_TRANSACTION)):
        with connection.cursor().copy(f"copy patient ({', '.join(PATIENT_COLUMNS)}) from stdin") as copy:
            for person in batch:
                copy.write_row([person.get(name) for name in PATIENT_COLUMNS])
    params = {
        "patients": patients,
        "every": documents // queue,
        "preview": preview,
        "words": vocabulary(),
        "types": [*document_types()],
    }
    for first in range(existing[1] + 1, documents + 1, ROWS_PER_TRANSACTION):
        with connection.transaction():
            for name in FILL_STATEMENTS:
                connection.execute(
                    SQL[name],
                    params | {"first": first, "last": min(first + ROWS_PER_TRANSACTION - 1, documents)},
                )
    if existing[1] < documents:
        connection.execute("vacuum analyze")


def count(connection: Connection, sql: str) -> int:
    """Return a count from the database."""
    row = connection.execute(sql).fetchone()
    assert row is not None
    return int(row["n"])


def vocabulary() -> list[str]:
    """Return words for the text of pages: the first are on many pages, the last on few."""
    rng = random.Random(SEED)
    return ["".join(rng.choices(SYLLABLES, k=rng.randint(2, 4))) for _ in range(5000)]


def printed_page() -> bytes:
    """Return the preview image of a page of print on grainy paper: a JPEG of 190 kB, three times the size of
    clean print.
    """
    image = Image.effect_noise((1236, 1600), 2).point(lambda gray: min(255, gray + 118))
    draw, font, words = ImageDraw.Draw(image), ImageFont.load_default(22), iter(vocabulary())
    for line in range(80, 1500, 56):
        draw.text((110, line), " ".join(islice(words, 9)), font=font, fill=20)
    return encode_preview(np.asarray(image))


def patient_queries(patients: int, times: int) -> list[str]:
    """Return what people type into the patient search: family names, whole names, misheard names, numbers,
    and birth dates.
    """
    rng = random.Random(SEED)
    queries = []
    for person in rng.sample(list(people(patients, SEED)), times + 1):
        name = f"{person['family']} {person['given']}"
        misread = f"{confused(person['family'], LOOKALIKE_LETTERS, rng)} {person['given'][:3]}"
        queries.append(
            rng.choice((person["family"], name, name.lower(), misread, person["mrn"], person["dob"]))
        )
    return queries


def measure(
    ask: Callable[[], int], times: int, cpu_seconds: Callable[[], float]
) -> tuple[list[float], list[float]]:
    """Return the milliseconds of each request, in wall-clock time and CPU time, after one to warm up. Every
    response must be the page.
    """
    clock, cpu = [], []
    for number in range(times + 1):
        start, cpu_before = time.perf_counter(), cpu_seconds()
        status = ask()
        seconds = time.perf_counter() - start
        if status not in (200, 303):
            raise SystemExit(f"answered {status}")
        if number:
            clock.append(seconds * 1000)
            cpu.append((cpu_seconds() - cpu_before) * 1000)
    return clock, cpu


def cpu_clock(connection: Connection) -> Callable[[], float]:
    """Return a function that returns the CPU seconds so far of this process and of the database processes
    that serve it (Linux, this machine).
    """
    sql = (
        "select pid from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid() and state is not null"
    )

    def seconds() -> float:
        nanoseconds = 0
        for row in connection.execute(sql):
            with contextlib.suppress(OSError):  # on another machine, or ended
                nanoseconds += int(Path(f"/proc/{row['pid']}/schedstat").read_text().split()[0])
        return time.process_time() + nanoseconds / 1e9

    return seconds


def quantiles(milliseconds: list[float]) -> str:
    """Return the median and the 95th percentile as text."""
    p95 = statistics.quantiles(milliseconds, n=20)[18]
    return f"p50 {statistics.median(milliseconds):7.1f} ms  p95 {p95:7.1f} ms"


def main() -> None:
    """Fill the database, request the pages, and print the times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--queue", type=int, default=1_000)
    parser.add_argument("--patients", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument(
        "--screens",
        type=int,
        default=0,
        help="number of items and pages to measure in a browser too (bench/review_browser.py)",
    )
    parser.add_argument(
        "--home", type=Path, default=Path("bench-home"), help="kept, so that a second run is fast"
    )
    options = parser.parse_args()
    rng = random.Random(SEED)
    with open_installation(load_settings(options.home)) as installation, installation.pool(4) as pool:
        blobs = installation.blobs()
        preview = blobs.put(printed_page())
        start = time.perf_counter()
        with installation.connect() as connection:
            fill(connection, options.documents, options.queue, options.patients, preview)
            name = f"bench{time.time_ns()}"
            token = open_session(connection, add_account(connection, name, Role.SUPERVISOR, None))
        print(f"filled in {time.perf_counter() - start:.0f} s", flush=True)
        words, typed = vocabulary(), iter(patient_queries(options.patients, options.times))
        app_context = AppContext(
            settings=installation.settings, pool=pool, blobs=lambda: blobs, enqueue=enqueue_scan
        )
        with TestClient(
            create_app(app_context), base_url="http://127.0.0.1", follow_redirects=False
        ) as client:
            headers = {"cookie": f"{SESSION_COOKIE}={token}"}

            def get(url: str, **query: str) -> int:
                return int(client.get(url, headers=headers, params=query).status_code)

            def chart() -> int:
                """Request a chart; every other one has many documents."""
                return get(f"/patients/{1 + int(options.patients * rng.random() ** rng.choice((1, 4)))}")

            pages: dict[str, Callable[[], int]] = {
                "queue page": lambda: get("/queue"),
                "queue, filtered": lambda: get("/queue", reason="type", department="surgery"),
                "next item": lambda: (
                    client.post("/queue/next", data={"csrf": csrf_token(token)}, headers=headers).status_code
                ),
                "item page": lambda: get(f"/items/{rng.randint(1, options.queue)}"),
                "patient search": lambda: get("/patients", q=next(typed)),
                "chart page": chart,
                "page image": lambda: get(f"/scans/{rng.randint(1, options.documents)}/pages/1/preview"),
                "document page": lambda: get(f"/documents/{rng.randint(1, options.documents)}"),
                "word search": lambda: get(
                    "/search", q=" ".join(words[int(len(words) * rng.random() ** 2)] for _ in range(2))
                ),
                "intake page": lambda: get("/intake"),
                "dashboard": lambda: get("/dashboard"),
            }
            with installation.connect() as monitor:
                for page, ask in pages.items():
                    clock, cpu = measure(ask, options.times, cpu_clock(monitor))
                    print(
                        f"{page:16} clock {quantiles(clock)}   CPU {quantiles(cpu)}   n {len(clock)}",
                        flush=True,
                    )
        if options.screens:
            from bench.review_browser import browsing, next_items, page_images

            with browsing(create_app(app_context), token) as screen:
                sample = rng.sample(range(1, options.documents), options.screens + 1)
                for name, milliseconds in (
                    ("next item", next_items(screen, options.screens, LOOK_SECONDS)),
                    ("page image", page_images(screen, sample)),
                ):
                    print(
                        f"{name:16} on the screen {quantiles(milliseconds)}   n {len(milliseconds)}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
