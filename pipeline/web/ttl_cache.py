"""Answers that may be some seconds old, kept in this process by database: sums of many rows that are asked
for all the time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from pipeline.store.database import Connection

T = TypeVar("T")

_kept: dict[tuple[str, str], tuple[float, object]] = {}  # by database and name: until when, and what


def kept(connection: Connection, name: str, make: Callable[[], T], seconds: Callable[[T], float]) -> T:
    """What `make` returned last, as long as it is younger than `seconds` says of it; else made anew."""
    info, now = connection.info, time.monotonic()
    key = (f"{info.host}:{info.port}/{info.dbname}", name)
    until, found = _kept.get(key, (0.0, None))
    if found is None or now >= until:
        made = make()
        _kept[key] = now + seconds(made), made
        return made
    return found  # type: ignore[return-value]  # what stands under a name was made by that name's maker
