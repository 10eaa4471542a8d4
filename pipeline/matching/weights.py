"""Fellegi-Sunter weights: how often each level of agreement is seen when two records are of one person, of
strangers, or of kin.

The tables are config/match_weights.toml; the file that the setting matching.weights names replaces what it
learned."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from math import log2
from pathlib import Path

from pipeline.errors import ConfigurationError
from pipeline.matching.comparison_levels import compare_fields
from pipeline.matching.person import Person
from pipeline.resources import CONFIG, trained_model_path

LEARNED = "match_weights.json"
"""The file of HOME/models that `train matching` writes."""
MIN_FREQUENCY = 1e-9  # no frequency is nothing: log2 of it must be finite
DEFAULT_PREFIX_FREQUENCY = 0.01  # the share of people whose given name begins with the same three letters
SMOOTHING_COUNT = 1000  # an index of fewer names than this is trusted less than the shipped frequencies


@dataclass(frozen=True, slots=True)
class Rates:
    """How often a level is seen, by who the other record is about."""

    same: float
    stranger: float
    twin: float
    relative: float
    namesake: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """One field's level and its weight in bits."""

    field: str
    level: str
    bits: float


@dataclass(frozen=True, slots=True)
class MatchScore:
    """What all fields say together.

    `bits` is the match weight; `rivals` are the weights, against a stranger, of a twin, a relative and a
    namesake."""

    evidence: tuple[Evidence, ...]
    bits: float
    rivals: tuple[float, float, float]

    def level(self, name: str) -> str | None:
        """The level that a field reached, None where it could not be compared."""
        return next((e.level for e in self.evidence if e.field == name), None)


@dataclass(frozen=True, slots=True)
class Frequencies:
    """How common names are: counted in an index of `size` patients where there is one, else as shipped."""

    size: int = 0
    counts: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def of(self, part: str, name: str) -> float:
        """The share of people who bear this name; `part` is "given", "family", or "beginning": given names
        that begin so.
        """
        usual = DEFAULT_PREFIX_FREQUENCY if part == "beginning" else shipped_frequency(part, name)
        return (self.counts.get((part, name), 0) + SMOOTHING_COUNT * usual) / (self.size + SMOOTHING_COUNT)


def shipped_rates() -> dict[str, dict[str, Rates]]:
    """Return {field: {level: rates}} as shipped."""
    read = tomllib.loads((CONFIG / "match_weights.toml").read_text(encoding="utf-8"))
    return {
        name: {level: Rates(*row) for level, row in rows.items()}
        for name, rows in read.items()
        if name != "frequency"
    }


@cache
def load_rates(learned: Path | None) -> dict[str, dict[str, Rates]]:
    """Return {field: {level: rates}}, as shipped or with the rates that `train matching` wrote to a file.

    Args:
        learned: The file; None: HOME/models/match_weights.json if it exists.

    Raises:
        ConfigurationError: The file holds no weights.
    """
    rates = shipped_rates()
    if learned is None:
        learned = trained_model_path(LEARNED)
        if not learned.is_file():
            return rates
    try:
        for name, rows in json.loads(learned.read_text(encoding="utf-8"))["fields"].items():
            for level, (same, stranger) in rows.items():
                rates[name][level] = replace(rates[name][level], same=same, stranger=stranger)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"matching.weights: {learned} holds no weights: {error}.", "Run `chartloom train matching`."
        ) from None
    return rates


@cache
def shipped_frequencies() -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """({part: {name: share}}, {part: share of a name that is not listed})."""
    read = tomllib.loads((CONFIG / "match_weights.toml").read_text(encoding="utf-8"))["frequency"]
    listed = {
        part: {name: percent / 100 for name, percent in read[part].items()} for part in ("family", "given")
    }
    return listed, {part: read[f"{part}_otherwise"] / 100 for part in ("family", "given")}


def shipped_frequency(part: str, name: str) -> float:
    """The share of people who bear this name, as shipped."""
    listed, otherwise = shipped_frequencies()
    return listed[part].get(name, otherwise[part])


def score_match(asked: Person, known: Person, frequencies: Frequencies, learned: Path | None = None) -> MatchScore:
    """Compare what a document (or query) says of a person with what the index knows of one."""
    rates_of = load_rates(learned)
    evidence, bits, rivals = [], 0.0, [0.0, 0.0, 0.0]
    for name, level in compare_fields(asked, known):
        rates, stranger = rates_of[name][level], rates_of[name][level].stranger
        if name in ("family", "given") and level not in ("initial", "different"):
            stranger = min(1.0, name_agreement_rate(name, level, rates, asked, known, frequencies))
        sure = asked.confidence.get(name, 1.0)
        weight = log2(adjust_for_confidence(rates.same, stranger, sure) / stranger)
        evidence.append(Evidence(name, level, round(weight, 2)))
        bits += weight
        kin = (rates.twin, rates.relative, rates.namesake)
        if level == "prefix":  # kin share the beginning of a name as often as strangers do
            kin = (stranger, stranger, rates.namesake)
        for n, rival in enumerate(kin):
            rivals[n] += log2(adjust_for_confidence(max(rival, MIN_FREQUENCY), stranger, sure) / stranger)
    return MatchScore(tuple(evidence), bits, (rivals[0], rivals[1], rivals[2]))


def adjust_for_confidence(rate: float, stranger: float, sure: float) -> float:
    """The rate, if the value was read with this certainty: what was misread agrees as often as a
    stranger's.
    """
    return sure * rate + (1 - sure) * stranger


def name_agreement_rate(
    part: str, level: str, rates: Rates, asked: Person, known: Person, frequencies: Frequencies
) -> float:
    """How often a stranger's name reaches a level: he bears the very name, written in that way, or another
    that is like it.
    """
    if part == "given" and level == "prefix":
        shorter = min(asked.given or "", known.given or "", key=len)
        return rates.same * frequencies.of("beginning", shorter)
    names = [name for person in (asked, known) if (name := getattr(person, part)) and len(name) > 1]
    common = max((frequencies.of(part, name) for name in names), default=0.0)
    return rates.same * common + rates.stranger
