"""Measure the linkage of two patient files.

    python -m bench.record_linkage [--people N] [--seed N]

Each file has N people, half of whom are in both. The right file has its own record numbers, lacks half of the
optional values, and has every damage of bench.population. Prints the seconds of each step, the peak memory,
the pairs compared, and how many links are right and wrong.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import time
from itertools import islice

from bench.population import DAMAGES, Row, people, printed
from pipeline.config import load_settings
from pipeline.patients.patient_record import PatientUpdate
from pipeline.patients.record_linkage import link_people

SHARE_OF_OPTIONAL_VALUES = 0.5  # that the second system has too
OPTIONAL = ("middle", "ssn", "phone", "address")


def record_in_second_system(person: Row, number: int, rng: random.Random) -> Row:
    """Return the record of this person in another system."""
    damage = DAMAGES[number % len(DAMAGES)]
    record = {
        key: value
        for key, value in person.items()
        if key not in OPTIONAL or rng.random() < SHARE_OF_OPTIONAL_VALUES
    }
    damaged = printed(person, damage, rng)
    record |= {key: damaged[key] for key in ("given", "family", "dob") if key in damaged}
    if damage == "no date":
        del record["dob"]
    return record | {"mrn": f"R{number:09}"}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    start = time.monotonic()
    all_people = people(args.people + args.people // 2, args.seed)
    left = [PatientUpdate(str(n), row) for n, row in enumerate(islice(all_people, args.people))]
    first_shared = args.people // 2  # the last half of the left file is the first half of the right file
    right = [
        PatientUpdate(
            str(n), record_in_second_system({key: value for key, value in p.row.items() if value}, n, rng)
        )
        for n, p in enumerate(left[first_shared:])
    ]
    right += [
        PatientUpdate(str(first_shared + n), record_in_second_system(row, first_shared + n, rng))
        for n, row in enumerate(all_people)
    ]
    generated = time.monotonic()
    linkage = link_people(left, right, load_settings().matching)
    seconds = time.monotonic() - generated
    links = [(pair.left, pair.right) for pair in linkage.links if pair.decision == "match"]
    right_links = sum(a == first_shared + b for a, b in links)
    review = sum(
        pair.left == first_shared + pair.right for pair in linkage.links if pair.decision == "possible"
    )
    result = linkage.report() | {
        "links_right": right_links,
        "links_wrong": len(links) - right_links,
        "recall": round(right_links / (args.people - first_shared), 4),
        "recall_with_review": round((right_links + review) / (args.people - first_shared), 4),
        "made_s": round(generated - start, 1),
        "linked_s": round(seconds, 1),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
