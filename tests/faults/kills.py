"""Kill processes (kill -9) at random moments while scans keep coming in; then everything must add up.

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

from tests.faults.accounting import find_faults
from tests.faults.running import Running, wait_until
from tests.faults.scans import make_scan

VICTIMS = ("watcher", "workers", "worker", "worker", "up", "postgres", "seaweedfs")
MAX_PAUSE_SECONDS = 10.0  # between one kill and the next


def kill_at_random(
    running: Running, *, kills: int, pages: int, seed: int, scans: Path, max_pause: float = MAX_PAUSE_SECONDS
) -> Counter[str]:
    """Submit `pages` pages and kill `kills` times, evenly mixed. Return how often each victim was killed."""
    rng = random.Random(seed)
    done: Counter[str] = Counter()
    submitted_pages = number = 0
    while sum(done.values()) < kills or submitted_pages < pages:
        while submitted_pages < pages and submitted_pages * kills <= pages * sum(done.values()):
            number += 1
            count = min(rng.choice((1, 2, 3, 5, 12)), pages - submitted_pages)
            running.submit(make_scan(scans, number, count, seed), count)
            submitted_pages += count
        time.sleep(rng.uniform(0, max_pause))
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
        "--max-pause", type=float, default=MAX_PAUSE_SECONDS, help="longest time between kills, in seconds"
    )
    parser.add_argument("--home", type=Path, help="kept afterwards [default: a folder that is removed]")
    args = parser.parse_args()
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # otherwise a background job ignores it, and so would `up`
    with tempfile.TemporaryDirectory(prefix="chartloom-faults-") as folder:
        running = Running(args.home or Path(folder) / "home")
        scans = Path(folder) / "scans"
        scans.mkdir()
        started = time.monotonic()
        running.start()
        running.wait_ready()
        try:
            done = kill_at_random(
                running,
                kills=args.kills,
                pages=args.pages,
                seed=args.seed,
                scans=scans,
                max_pause=args.max_pause,
            )
            killing_seconds = time.monotonic() - started
            closed = wait_until(running.all_have_outcomes, 1800, every=2.0)
            faults = find_faults(running)
        finally:
            running.stop()
        result = {
            "kills": sum(done.values()), "victims": dict(done), "files": len(running.submitted),
            "pages": sum(pages for _, pages in running.submitted.values()), "all_have_outcomes": closed,
            "times_up_gave_up": running.gave_up,
            "killing_seconds": round(killing_seconds),
            "seconds": round(time.monotonic() - started),
            "faults": faults,
        }  # fmt: skip
    print(json.dumps(result, indent=1))
    return 1 if faults or not closed else 0


if __name__ == "__main__":
    sys.exit(main())
