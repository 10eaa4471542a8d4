"""Measure matching by everything that pages mention: what it finds, agreement by chance, and the time.

    python -m bench.mentions --dsn postgresql://... [--patients N] [--documents N] [--seed N]

The index has N generated people and every other person of the documents; the rest are not in it, so that a
patient who is found for them is found by chance. Prints one JSON object: documents filed right and wrong; of
the people in the index the share among the candidates; how many patients of the index the documents about
absent people explain with two facts or more, and how many reach a probability; milliseconds to collect
mentions (CPU) and to find and verify candidates (wall).

The database must be empty, or contain what `python -m bench.matching load` has put there with the same seed.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from bench.matching import fill, load
from pipeline.classify.fields import find_fields
from pipeline.classify.mentions import collect_mentions
from pipeline.classify.page_layout import analyze_layout
from pipeline.classify.training.synthetic_stacks import MISREAD_RATES, simulate_reading
from pipeline.config import Settings, load_settings
from pipeline.matching import decide
from pipeline.patients.document_candidates import find_document_candidates
from pipeline.records import Document, Filed, OcrPage
from pipeline.store.database import Connection, connect
from pipeline.store.schema_migrations import migrate
from pipeline.synthetic import Patient, document, patients, style_for, types, typeset

PEOPLE = 400  # whom the documents are about
PROBABILITIES = (0.5, 0.99, 0.999)
WARM_UP_DOCUMENTS = 20  # not timed


def read_documents(count: int, seed: int) -> Iterator[tuple[int, Patient, tuple[OcrPage, ...]]]:
    """Yield (number of the person, person, pages) of generated documents, with letters misread."""
    rng = random.Random(f"mentions {seed}")
    people = patients(PEOPLE, seed)
    for _ in range(count):
        kind, number = rng.choice(types()), rng.randrange(PEOPLE)
        printed = typeset(rng, document(rng, kind, people[number]), style_for(rng, kind))
        rate = rng.choice(MISREAD_RATES)
        pages = (simulate_reading(rng, sheet.words, n, rate) for n, sheet in enumerate(printed.sheets, 1))
        yield number, people[number], tuple(pages)


def measure(connection: Connection, settings: Settings, count: int, seed: int) -> dict[str, object]:
    """Return the figures of `count` documents."""
    people = patients(PEOPLE, seed)
    rows = [{key: str(value) for key, value in asdict(person).items() if value} for person in people]
    load(connection, [row | {"id": ""} for row in rows[::2]])
    counted: Counter[str] = Counter()
    collecting, finding = [], []
    for number, person, pages in read_documents(count, seed):
        started = time.process_time()
        layouts = [analyze_layout(page) for page in pages]
        mentions = collect_mentions(layouts)
        collecting.append(1000 * (time.process_time() - started))
        printed = Document(
            pages=tuple(page.number for page in pages),
            type="progress_note",
            type_probability=1.0,
            fields=find_fields(pages, settings.classify),
            mentions=mentions,
        )
        began = time.perf_counter()
        found = find_document_candidates(connection, printed, settings)
        finding.append(1000 * (time.perf_counter() - began))
        filing = decide(printed, found, settings)
        present = number % 2 == 0
        right = isinstance(filing, Filed) and filing.patient.mrn == person.mrn
        counted["present"] += present
        counted["filed_right"] += right
        counted["filed_wrong"] += isinstance(filing, Filed) and not right
        counted["listed"] += present and any(c.patient.mrn == person.mrn for c in found)
        if not present:
            counted["explained_by_chance"] += sum(len(c.printed) > 1 for c in found)
            for least in PROBABILITIES:
                counted[f"by_chance_{least}"] += sum(c.probability >= least for c in found)
    return {
        "documents": count,
        **counted,
        "collect_ms": quantiles(collecting[WARM_UP_DOCUMENTS:]),
        "find_ms": quantiles(finding[WARM_UP_DOCUMENTS:]),
    }


def quantiles(times: Sequence[float]) -> dict[str, float]:
    """Return the median, the 95th percentile and the largest of some times."""
    ordered = sorted(times)
    return {
        "p50": round(ordered[len(ordered) // 2], 1),
        "p95": round(ordered[int(0.95 * len(ordered))], 1),
        "max": round(ordered[-1], 1),
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Run the measurement."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--patients", type=int, default=100_000)
    parser.add_argument("--documents", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(argv)
    with connect(args.dsn) as connection:
        migrate(connection)
        existing = connection.execute("select count(*) as n from patient").fetchone()
        if existing is None or existing["n"] < args.patients:
            fill(connection, args.patients, args.seed)
        connection.execute("analyze")
        print(json.dumps(measure(connection, load_settings(), args.documents, args.seed), indent=1))


if __name__ == "__main__":
    main()
