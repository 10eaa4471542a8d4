"""Measure matching against the patient index.

    python -m bench.matching load|speed|risk --dsn postgresql://... [--patients N] [--queries N] [--seed N]

load   load N patients: patients per second, the memory of this process, and the size of the database
speed  load N patients if they are not there, then match QUERIES damaged records one by one: p50, p95, and the
       share of queries that have the patient among the candidates, by damage
risk   an index with similar people (decoys) and without a quarter of the patients in the queries: wrong and
       right filings, and how both change with the threshold

The database must be empty, or contain what `load` has put there with the same seed; it is migrated first. Use
a database for this purpose alone: the loaded patients stay in it.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import time
from collections import Counter
from dataclasses import asdict
from itertools import islice
from typing import Any

from bench.population import DAMAGES, Row, decoys, people, printed
from pipeline.config import MatchingSettings, load_settings
from pipeline.patients.bulk_load import LoadResult, store_patients
from pipeline.patients.match_json import match_record
from pipeline.patients.outcome_statistics import reliability
from pipeline.patients.patient_record import PatientUpdate
from pipeline.store.database import Connection, connect
from pipeline.store.schema_migrations import migrate

THRESHOLDS = (0.99, 0.999, 0.9995, 0.9998, 0.99995)
WARM_UP_QUERIES = 50  # not timed


def load(connection: Connection, rows: Any) -> tuple[int, float]:
    """Load the rows. Return how many, and the seconds."""
    report = LoadResult()
    start = time.monotonic()
    store_patients(connection, (PatientUpdate(str(n), row) for n, row in enumerate(rows)), report)
    return report.added, round(time.monotonic() - start, 1)


def fill(connection: Connection, patients: int, seed: int) -> dict[str, Any]:
    added, seconds = load(connection, people(patients, seed))
    size = connection.execute("select pg_database_size(current_database()) as bytes").fetchone()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    result = {
        "patients": added,
        "load_s": seconds,
        "loaded_per_s": round(added / seconds),
        "memory_mb": peak,
    }
    return result | {"database_mb": size["bytes"] // 2**20 if size else None}


def speed(
    connection: Connection, settings: MatchingSettings, patients: int, queries: int, seed: int
) -> dict[str, Any]:
    existing = connection.execute("select count(*) as n from patient").fetchone()
    result = (
        {"patients": patients} if existing and existing["n"] == patients else fill(connection, patients, seed)
    )
    rng = random.Random(seed + 1)
    queried = islice(
        (p for p in people(patients, seed) if rng.random() < 2 * queries / patients),
        queries + WARM_UP_QUERIES,
    )
    times: list[float] = []
    missed: Counter[str] = Counter()
    for number, person in enumerate(queried):
        damage = DAMAGES[number % len(DAMAGES)]
        query = printed(person, damage, rng)
        start = time.perf_counter()
        match = match_record(connection, query, settings)
        times.append(1000 * (time.perf_counter() - start))
        missed[damage] += all(c["patient"]["mrn"] != person["mrn"] for c in match["candidates"])
    answered, times = len(times), sorted(times[WARM_UP_QUERIES:])
    return result | {
        "queries": len(times),
        "p50_ms": round(times[len(times) // 2], 2),
        "p95_ms": round(times[int(0.95 * len(times))], 2),
        "candidate_recall": round(1 - sum(missed.values()) / answered, 5),
        "missed_by_damage": {damage: count for damage, count in missed.items() if count},
    }


def risk(
    connection: Connection, settings: MatchingSettings, patients: int, queries: int, seed: int
) -> dict[str, Any]:
    patients_of_index = list(people(patients, seed))
    rng = random.Random(seed + 1)
    absent = {person["mrn"] for person in patients_of_index if rng.random() < 0.25}
    load(
        connection,
        [p for p in patients_of_index if p["mrn"] not in absent] + list(decoys(patients_of_index, seed)),
    )
    results = [
        match_damaged_record(
            connection,
            settings,
            patients_of_index[n % len(patients_of_index)],
            DAMAGES[n % len(DAMAGES)],
            absent,
            rng,
        )
        for n in range(queries)
    ]
    present = sum(r["present"] for r in results)
    table = {}
    for threshold in THRESHOLDS:
        filed = [r for r in results if r["probability"] >= threshold and not r["objections"]]
        right = sum(r["right"] for r in filed)
        expected = round(sum(1 - r["probability"] for r in filed), 2)
        table[threshold] = {
            "filed_right": round(right / present, 4),
            "wrong": len(filed) - right,
            "wrong_expected": expected,
        }
    filed = [r for r in results if r["decision"] == "match"]
    kinds: dict[str, Counter[str]] = {}
    for result in results:
        kind = kinds.setdefault(result["damage"], Counter())
        kind.update(present=result["present"], right=result["decision"] == "match" and result["right"])
    return {
        "queries": len(results),
        "present": present,
        "wrong_filed": sum(not r["right"] for r in filed),
        "right_filed": round(sum(r["right"] for r in filed) / present, 4),
        "candidate_recall": round(sum(r["listed"] for r in results) / present, 5),
        "by_threshold": table,
        "right_by_damage": {
            damage: round(kind["right"] / max(1, kind["present"]), 3) for damage, kind in kinds.items()
        },
        "reliability": [
            asdict(b)
            for b in reliability([(r["probability"], r["right"]) for r in results if r["probability"] > 0])
        ],
        "wrong": [r["query"] for r in filed if not r["right"]],
    }


def match_damaged_record(
    connection: Connection,
    settings: MatchingSettings,
    person: Row,
    damage: str,
    absent: set[str],
    rng: random.Random,
) -> dict[str, Any]:
    """Return a query and its result."""
    query = printed(person, damage, rng)
    match = match_record(connection, query, settings)
    first = match["candidates"][0]["patient"]["mrn"] if match["candidates"] else None
    is_present = person["mrn"] not in absent
    return {
        "damage": damage,
        "query": query,
        "decision": match["decision"],
        "probability": match["probability"],
        "objections": {r["code"] for r in match["reasons"]} - {"below_threshold", "auto_filed"},
        "present": is_present,
        "right": is_present and first == person["mrn"],
        "listed": is_present and any(c["patient"]["mrn"] == person["mrn"] for c in match["candidates"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("load", "speed", "risk"))
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--patients", type=int, default=10_000)
    parser.add_argument("--queries", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with connect(args.dsn) as connection:
        migrate(connection)
        if args.what == "load":
            result = fill(connection, args.patients, args.seed)
        else:
            measure = speed if args.what == "speed" else risk
            result = measure(connection, load_settings().matching, args.patients, args.queries, args.seed)
        print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
