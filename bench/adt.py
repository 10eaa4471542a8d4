"""Measure the MLLP listener with a day of a hospital's ADT messages.

    python -m bench.adt --dsn postgresql://... [--messages N]

The messages are admissions of new patients, updates, changes of number, merges and a few invalid messages.
They are sent over two connections, one after the other: the first is closed halfway, and then everything is
sent again. Prints how many messages got which acknowledgment code, messages per second, and whether the
patient index has the content that the messages state. The database must be empty.
"""

from __future__ import annotations

import argparse
import json
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Sequence

from bench.population import people
from pipeline.config import load_settings
from pipeline.patients.mllp_frames import FRAME_END, FRAME_START
from pipeline.patients.mllp_listener import MllpListener
from pipeline.store.database import connect, open_pool
from pipeline.store.schema_migrations import migrate

MAX_UNANSWERED_MESSAGES = 20  # sent before their answers are read, as interface engines do


def make_messages(count: int, seed: int) -> tuple[list[bytes], dict[str, str], set[str]]:
    """Return the messages, {MRN: family name} that the index must have at the end, and the MRNs that must be
    merged.
    """
    rng = random.Random(seed)
    known: dict[str, str] = {}
    merged: set[str] = set()
    messages: list[bytes] = []
    new_patients = people(count, seed)
    for number in range(count):
        kind = (
            rng.choices(("A28", "A08", "A40", "A47", "bad"), (60, 33, 3, 3, 1))[0]
            if len(known) > 20
            else "A28"
        )
        existing = rng.sample(sorted(known), 2) if kind in ("A08", "A40", "A47") else []
        prior = ""
        if kind == "A28":
            person = next(new_patients)
            mrn, family, given = person["mrn"], person["family"], person["given"]
            known[mrn] = family
        elif kind == "A08":
            mrn, family, given = existing[0], known[existing[0]] + "-Roe", "Ada"
            known[mrn] = family
        elif kind == "A40":
            mrn, prior = existing
            family, given = known[mrn], "Ada"
            del known[prior]
            merged.add(prior)
        elif kind == "A47":
            prior, mrn = existing[0], f"N{number}"
            family, given = known.pop(prior), "Ada"
            known[mrn] = family
        if kind == "bad":
            messages.append(f"MSH|^~\\&|ADT|NORTH|||2026||ADT^A28|{number}|P|2.5\rPID|1||||NOBODY\r".encode())
            continue
        lines = [
            f"MSH|^~\\&|ADT|NORTH|||2026||ADT^{kind}|{number}|P|2.5",
            f"PID|1||{mrn}^^^NORTH^MR||{family.upper()}^{given}||19640929|F",
        ]
        messages.append("\r".join([*lines, *([f"MRG|{prior}^^^NORTH^MR"] if prior else [])]).encode() + b"\r")
    return messages, {mrn: family.upper() for mrn, family in known.items()}, merged


def send(port: int, messages: Sequence[bytes], close_after: int | None = None) -> Counter[str]:
    """Send the messages and count the answers by code. Close the connection after `close_after` messages."""
    codes: Counter[str] = Counter()
    buffer, sent = b"", 0
    with socket.create_connection(("127.0.0.1", port), timeout=60) as sender:
        while sum(codes.values()) < len(messages):
            while sent < len(messages) and sent - sum(codes.values()) < MAX_UNANSWERED_MESSAGES:
                if sent == close_after:
                    return codes
                sender.sendall(FRAME_START + messages[sent] + FRAME_END)
                sent += 1
            buffer += sender.recv(65536)
            while FRAME_END in buffer:
                answer, buffer = buffer.split(FRAME_END, 1)
                codes[answer.decode().split("MSA|")[1][:2]] += 1
    return codes


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    messages, expected, merged = make_messages(args.messages, args.seed)
    with (
        connect(args.dsn) as connection,
        open_pool(args.dsn, 4) as pool,
        MllpListener(load_settings().adt.model_copy(update={"port": 0}), pool) as listener,
    ):
        migrate(connection)
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        start = time.monotonic()
        send(listener.port, messages, close_after=len(messages) // 2)
        codes = send(listener.port, messages)
        seconds = time.monotonic() - start
        listener.shutdown()
        rows = connection.execute("select mrn, upper(family) as family, merged_into from patient").fetchall()
    active = {row["mrn"]: row["family"] for row in rows if row["merged_into"] is None}
    merged_away = {row["mrn"] for row in rows if row["merged_into"] is not None}
    result = {"messages": len(messages), "answered": dict(codes), "seconds": round(seconds, 1)}
    result |= {
        "per_second": round(1.5 * len(messages) / seconds),
        "index_right": active == expected and merged_away == merged,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
