"""Generate text from phrase banks: `[name]` in a template becomes a phrase drawn from the bank of that name,
recursively.

`{name}` is a fact of the document (the patient, the case, dates) and has the same value wherever it occurs.
`(a|b|c)` draws one of its alternatives, `<3-9>` a whole number, `<1.0-4.5>` a number with one decimal.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

PHRASES = Path(__file__).parent / "phrases"
_BANK = re.compile(r"\[([a-z_0-9]+)\]")
_FACT = re.compile(r"\{([A-Za-z_0-9]+)\}")
_EITHER = re.compile(r"\(([^()]*\|[^()]*)\)")
_NUMBER = re.compile(r"<(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)>")
MAX_EXPANSIONS = 12  # limits a bank that refers to itself


@cache
def banks() -> dict[str, tuple[str, ...]]:
    """Return every bank of phrases/banks*.toml by name."""
    return {
        name: tuple(phrases)
        for path in sorted(PHRASES.glob("banks*.toml"))
        for name, phrases in tomllib.loads(path.read_text(encoding="utf-8")).items()
    }


@cache
def forms() -> dict[str, Any]:
    """Return the titles and sections of the document types: phrases/types_*.toml, merged."""
    found: dict[str, Any] = {}
    for path in sorted(PHRASES.glob("types_*.toml")):
        found |= tomllib.loads(path.read_text(encoding="utf-8"))
    return found


@cache
def variants() -> dict[str, tuple[dict[str, Any], ...]]:
    """Return all forms of each type: the main one, then those of phrases/variants_*.toml."""
    found = {kind: [form] for kind, form in forms().items()}
    for path in sorted(PHRASES.glob("variants_*.toml")):
        for kind, further in tomllib.loads(path.read_text(encoding="utf-8")).items():
            found[kind] += further
    return {kind: tuple(of_type) for kind, of_type in found.items()}


def expand(rng: random.Random, template: str, facts: Mapping[str, str]) -> str:
    """Return the template with every bank, fact, alternative and number filled in."""
    text = template
    for _ in range(MAX_EXPANSIONS):
        before = text
        text = _FACT.sub(lambda m: facts[m[1]], text)
        text = _BANK.sub(lambda m: rng.choice(banks()[m[1]]), text)
        text = _EITHER.sub(lambda m: rng.choice(m[1].split("|")), text)
        if text == before:
            break
    return capitalize_sentences(_NUMBER.sub(lambda m: _number(rng, m[1], m[2]), text))


def expand_some(
    rng: random.Random, templates: Sequence[str], low: int, high: int, facts: Mapping[str, str]
) -> list[str]:
    """Return between `low` and `high` different templates, in their order, expanded."""
    count = min(len(templates), rng.randint(low, max(low, high)))
    chosen = sorted(rng.sample(range(len(templates)), count))
    return [expand(rng, templates[i], facts) for i in chosen]


def capitalize_sentences(text: str) -> str:
    """Return the text with the first letter of every sentence in upper case."""
    return re.sub(r"(^|[a-z0-9)]{3}[.!?] +|\n)([a-z])", lambda m: m[1] + m[2].upper(), text)


def _number(rng: random.Random, low: str, high: str) -> str:
    if "." in low or "." in high:
        places = max(len(low.partition(".")[2]), len(high.partition(".")[2]))
        return f"{rng.uniform(float(low), float(high)):.{places}f}"
    return str(rng.randint(int(low), int(high)))
