"""Kill -9 at random moments, while scans keep coming in; then everything must add up.

python -m tests.faults.kills --kills 200 --pages 1000 --seed 1 --home DIR
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.faults.accounting import faults_of
from tests.faults.running import Running, wait_until
from tests.faults.scans import make_scan

VICTIMS = ("watcher", "workers", "worker", "worker", "up", "postgres", "seaweedfs")
LONGEST_CALM = 10.0  # seconds between one kill and the next, at most


def storm(
    running: Running, *, kills: int, pages: int, seed: int, scans: Path, calm: float = LONGEST_CALM
) -> Counter[str]:
    """Hand in `pages` pages and kill `kills` times, evenly mixed; how often each victim was hit."""
    rng = random.Random(seed)
    done: Counter[str] = Counter()
    handed_in = number = 0
    while sum(done.values()) < kills or handed_in < pages:
        while handed_in < pages and handed_in * kills <= pages * sum(done.values()):
            number += 1
            count = min(rng.choice((1, 2, 3, 5, 12)), pages - handed_in)
            running.drop(make_scan(scans, number, count, seed), count)
            handed_in += count
        time.sleep(rng.uniform(0, calm))
        running.revive()
        if sum(done.values()) < kills:
            victim = rng.choice(VICTIMS)
            done[victim] += running.kill(victim)
    return done


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--calm", type=float, default=LONGEST_CALM, help="longest time between kills, seconds"
    )
    parser.add_argument("--home", type=Path, help="kept afterwards; without it a folder that is removed")
    given = parser.parse_args()
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # `up` would inherit that a background job ignores it
    with tempfile.TemporaryDirectory(prefix="chartloom-faults-") as folder:
        running = Running(given.home or Path(folder) / "home")
        scans = Path(folder) / "scans"
        scans.mkdir()
        begun = time.monotonic()
        running.start()
        running.wait_ready()
        try:
            done = storm(
                running, kills=given.kills, pages=given.pages, seed=given.seed, scans=scans, calm=given.calm
            )
            stormed = time.monotonic() - begun
            settled = wait_until(running.settled, 1800, every=2.0)
            found = faults_of(running)
        finally:
            running.stop()
        result = {
            "kills": sum(done.values()), "victims": dict(done), "files": len(running.dropped),
            "pages": sum(pages for _, pages in running.dropped.values()), "settled": settled,
            "times_up_gave_up": running.gave_up,
            "seconds_of_storm": round(stormed), "seconds": round(time.monotonic() - begun), "faults": found,
        }  # fmt: skip
    print(json.dumps(result, indent=1))
    return 1 if found or not settled else 0


if __name__ == "__main__":
    sys.exit(main())
