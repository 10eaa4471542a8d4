"""How long the pages of the review workspace take on a full database: `python -m bench.review --documents
1000000 --queue 50000`.

Fills a database of its own in an installation of its own with made-up rows, then asks the application for its
pages as somebody signed in does (the whole request: session, rights, audit line, queries, template), and
prints the quantiles in milliseconds: by the clock, and of processor time in the web's process and in its
database connections, which a busy machine hardly changes."""

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
from pipeline.web.auth.accounts import add_account, csrf_token, open_session
from pipeline.web.auth.permissions import Role
from pipeline.web.auth.request_context import SESSION_COOKIE, AppContext
from pipeline.worker.job_queue import enqueue_scan

SQL = statements("bench")
STEP = 50_000  # rows in a transaction
SEED = 7
LOOKED_SECONDS = 0.5  # a person looks at an item at least as long before deciding
PATIENT = (
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
FILLING = (
    "fill_scans",
    "fill_arrivals",
    "fill_pages",
    "fill_documents",
    "fill_texts",
    "fill_decisions",
    "fill_queue",
)


def fill(connection: Connection, documents: int, queue: int, patients: int, preview: str) -> None:
    """Make the rows that are not there yet."""
    had = (
        count(connection, "select count(*) as n from patient"),
        count(connection, "select count(*) as n from document"),
    )
    rows = people(patients, SEED) if had[0] < patients else iter(())
    while some := list(islice(rows, STEP)):
        with connection.cursor().copy(f"copy patient ({', '.join(PATIENT)}) from stdin") as copy:
            for person in some:
                copy.write_row([person.get(name) for name in PATIENT])
    given = {
        "patients": patients,
        "every": documents // queue,
        "preview": preview,
        "words": vocabulary(),
        "types": [*document_types()],
    }
    for first in range(had[1] + 1, documents + 1, STEP):
        with connection.transaction():
            for name in FILLING:
                connection.execute(
                    SQL[name], given | {"first": first, "last": min(first + STEP - 1, documents)}
                )
    if had[1] < documents:
        connection.execute("vacuum analyze")


def count(connection: Connection, sql: str) -> int:
    """A number from the database."""
    row = connection.execute(sql).fetchone()
    assert row is not None
    return int(row["n"])


def vocabulary() -> list[str]:
    """Words for the pages' texts: the first are on many pages, the last on few."""
    chance = random.Random(SEED)
    return ["".join(chance.choices(SYLLABLES, k=chance.randint(2, 4))) for _ in range(5000)]


def printed_page() -> bytes:
    """The picture for the screen of a page of print on grainy paper: a JPEG of 190 kB, three times what clean
    print takes.
    """
    image = Image.effect_noise((1236, 1600), 2).point(lambda grey: min(255, grey + 118))
    draw, font, words = ImageDraw.Draw(image), ImageFont.load_default(22), iter(vocabulary())
    for line in range(80, 1500, 56):
        draw.text((110, line), " ".join(islice(words, 9)), font=font, fill=20)
    return encode_preview(np.asarray(image))


def asked_for(patients: int, times: int) -> list[str]:
    """What people type into the patient search: family names, whole names, names misheard, numbers, birth
    dates.
    """
    chance = random.Random(SEED)
    found = []
    for person in chance.sample(list(people(patients, SEED)), times + 1):
        name = f"{person['family']} {person['given']}"
        misread = f"{confused(person['family'], LOOKALIKE_LETTERS, chance)} {person['given'][:3]}"
        found.append(
            chance.choice((person["family"], name, name.lower(), misread, person["mrn"], person["dob"]))
        )
    return found


def measure(
    ask: Callable[[], int], times: int, processor: Callable[[], float]
) -> tuple[list[float], list[float]]:
    """Milliseconds of each request by the clock and of processor time, after one to warm up; every answer
    must be the page.
    """
    clock, busy = [], []
    for turn in range(times + 1):
        start, worked = time.perf_counter(), processor()
        status = ask()
        taken = time.perf_counter() - start
        if status not in (200, 303):
            raise SystemExit(f"answered {status}")
        if turn:
            clock.append(taken * 1000)
            busy.append((processor() - worked) * 1000)
    return clock, busy


def processor_of(connection: Connection) -> Callable[[], float]:
    """Seconds of processor time so far, of this process and of the database processes that serve it (Linux,
    this machine).
    """
    sql = "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and state is not null"

    def seconds() -> float:
        nanoseconds = 0
        for row in connection.execute(sql):
            with contextlib.suppress(OSError):  # not on this machine, or gone
                nanoseconds += int(Path(f"/proc/{row['pid']}/schedstat").read_text().split()[0])
        return time.process_time() + nanoseconds / 1e9

    return seconds


def quantiles(found: list[float]) -> str:
    """Median and 95th percentile."""
    return f"p50 {statistics.median(found):7.1f} ms  p95 {statistics.quantiles(found, n=20)[18]:7.1f} ms"


def main() -> None:
    """Fill, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--queue", type=int, default=1_000)
    parser.add_argument("--patients", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument(
        "--screens",
        type=int,
        default=0,
        help="so many items and pages in a browser too: bench/review_browser.py",
    )
    parser.add_argument("--home", type=Path, default=Path("bench-home"), help="kept: a second run is quick")
    options = parser.parse_args()
    rng = random.Random(SEED)
    with open_installation(load_settings(options.home)) as installation, installation.pool(4) as pool:
        blobs = installation.blobs()
        picture = blobs.put(printed_page())
        start = time.perf_counter()
        with installation.connect() as connection:
            fill(connection, options.documents, options.queue, options.patients, picture)
            name = f"bench{time.time_ns()}"
            token = open_session(connection, add_account(connection, name, Role.SUPERVISOR, None))
        print(f"filled in {time.perf_counter() - start:.0f} s", flush=True)
        words, typed = vocabulary(), iter(asked_for(options.patients, options.times))
        desk = AppContext(
            settings=installation.settings, pool=pool, blobs=lambda: blobs, enqueue=enqueue_scan
        )
        with TestClient(create_app(desk), base_url="http://127.0.0.1", follow_redirects=False) as client:
            headers = {"cookie": f"{SESSION_COOKIE}={token}"}

            def get(url: str, **query: str) -> int:
                return int(client.get(url, headers=headers, params=query).status_code)

            def chart() -> int:
                """Every other chart is one of those that have many documents."""
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
                "today": lambda: get("/intake"),
                "figures": lambda: get("/dashboard"),
            }
            with installation.connect() as watching:
                for page, ask in pages.items():
                    clock, busy = measure(ask, options.times, processor_of(watching))
                    print(
                        f"{page:16} clock {quantiles(clock)}   processor {quantiles(busy)}   n {len(clock)}",
                        flush=True,
                    )
        if options.screens:
            from bench.review_browser import browsing, next_items, page_images

            with browsing(create_app(desk), token) as screen:
                some = rng.sample(range(1, options.documents), options.screens + 1)
                for name, taken in (
                    ("next item", next_items(screen, options.screens, LOOKED_SECONDS)),
                    ("page image", page_images(screen, some)),
                ):
                    print(f"{name:16} on the screen {quantiles(taken)}   n {len(taken)}", flush=True)


if __name__ == "__main__":
    main()
