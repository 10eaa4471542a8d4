"""Linking two files, measured: `python -m bench.record_linkage [--people N] [--seed N]`.

Each file holds N people, half of them in both: the right one with its own numbers, one value in two missing
and every damage that bench.population knows. Prints seconds by step, the peak of memory, pairs compared, and
how many links were right and wrong."""

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

KEPT = 0.5  # of the values that a second system may hold as well
OPTIONAL = ("middle", "ssn", "phone", "address")


def second_system(person: Row, number: int, chance: random.Random) -> Row:
    """What another system holds of the person."""
    damage = DAMAGES[number % len(DAMAGES)]
    held = {key: value for key, value in person.items() if key not in OPTIONAL or chance.random() < KEPT}
    damaged = printed(person, damage, chance)
    held |= {key: damaged[key] for key in ("given", "family", "dob") if key in damaged}
    if damage == "no date":
        del held["dob"]
    return held | {"mrn": f"R{number:09}"}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    chance = random.Random(args.seed)
    start = time.monotonic()
    everybody = people(args.people + args.people // 2, args.seed)
    left = [PatientUpdate(str(n), row) for n, row in enumerate(islice(everybody, args.people))]
    both = args.people // 2  # the last half of the left is the first half of the right
    right = [PatientUpdate(str(n), second_system(dict(p.row), n, chance)) for n, p in enumerate(left[both:])]  # type: ignore[arg-type]
    right += [
        PatientUpdate(str(both + n), second_system(row, both + n, chance)) for n, row in enumerate(everybody)
    ]
    made = time.monotonic()
    found = link_people(left, right, load_settings().matching)
    seconds = time.monotonic() - made
    links = [(pair.left, pair.right) for pair in found.links if pair.decision == "match"]
    true = sum(a == both + b for a, b in links)
    review = sum(pair.left == both + pair.right for pair in found.links if pair.decision == "possible")
    figures = found.report() | {
        "links_right": true,
        "links_wrong": len(links) - true,
        "recall": round(true / (args.people - both), 4),
        "recall_with_review": round((true + review) / (args.people - both), 4),
        "made_s": round(made - start, 1),
        "linked_s": round(seconds, 1),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
