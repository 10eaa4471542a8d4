"""The examples in docs/reference/deliveries.md are what the program creates."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_every_example_is_what_the_program_creates() -> None:
    sys.path.insert(0, str(DOCS))
    try:
        deliveries = importlib.import_module("deliveries")
    finally:
        sys.path.remove(str(DOCS))
    text = deliveries.PAGE.read_text(encoding="utf-8")
    assert re.findall(r"<!-- example: ([\w-]+) -->", text) == list(deliveries.EXAMPLES)
    assert deliveries.page(text) == text, "run `make docs`"
