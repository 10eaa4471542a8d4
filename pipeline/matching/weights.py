"""Fellegi-Sunter weights: how often each level of agreement occurs if two records are about one person,
strangers or relatives.

The rates are in config/match_weights.toml; the file that the setting matching.weights names replaces what it
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
MIN_FREQUENCY = 1e-9  # keeps log2 of a frequency finite
DEFAULT_PREFIX_FREQUENCY = 0.01  # share of people whose given name begins with the same three letters
SMOOTHING_COUNT = 1000  # in an index with fewer names, the shipped frequencies count more


@dataclass(frozen=True, slots=True)
class Rates:
    """How often a level occurs if the other record is about the same person, a stranger, a twin, a relative
    or a namesake."""

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
    """The evidence of all fields.

    `bits` is the match weight: the log2 likelihood ratio of the same person against a stranger. `rivals` are
    the weights of a twin, a relative and a namesake against a stranger."""

    evidence: tuple[Evidence, ...]
    bits: float
    rivals: tuple[float, float, float]

    def level(self, name: str) -> str | None:
        """Return the level of a field, None if it was not compared."""
        return next((e.level for e in self.evidence if e.field == name), None)


@dataclass(frozen=True, slots=True)
class Frequencies:
    """How common names are: as counted in an index of `size` patients, combined with the shipped
    frequencies."""

    size: int = 0
    counts: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def of(self, part: str, name: str) -> float:
        """Return the share of people with this name.

        Args:
            part: "given", "family", or "beginning" for given names that begin with `name`.
        """
        shipped = DEFAULT_PREFIX_FREQUENCY if part == "beginning" else shipped_frequency(part, name)
        return (self.counts.get((part, name), 0) + SMOOTHING_COUNT * shipped) / (self.size + SMOOTHING_COUNT)


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
    """Return ({part: {name: share of people}}, {part: share for a name that is not listed})."""
    read = tomllib.loads((CONFIG / "match_weights.toml").read_text(encoding="utf-8"))["frequency"]
    listed = {
        part: {name: percent / 100 for name, percent in read[part].items()} for part in ("family", "given")
    }
    return listed, {part: read[f"{part}_otherwise"] / 100 for part in ("family", "given")}


def shipped_frequency(part: str, name: str) -> float:
    """Return the shipped share of people with this name."""
    listed, otherwise = shipped_frequencies()
    return listed[part].get(name, otherwise[part])


def score_match(
    query: Person, patient: Person, frequencies: Frequencies, learned: Path | None = None
) -> MatchScore:
    """Compare the person of a document (or query) with a patient in the index.

    Args:
        query: the person of the document, with confidences.
        patient: the patient in the index.
        frequencies: how common names are.
        learned: a file of learned weights.
    """
    rates_of = load_rates(learned)
    evidence, bits, rivals = [], 0.0, [0.0, 0.0, 0.0]
    for name, level in compare_fields(query, patient):
        rates, stranger = rates_of[name][level], rates_of[name][level].stranger
        if name in ("family", "given") and level not in ("initial", "different"):
            stranger = name_agreement_rate(name, level, rates, query, patient, frequencies)
        # One of several values of a page agrees by chance as many times as often (Bonferroni's bound).
        stranger = min(1.0, stranger * query.trials.get(name, 1))
        confidence = query.confidence.get(name, 1.0)
        weight = log2(adjust_for_confidence(rates.same, stranger, confidence) / stranger)
        evidence.append(Evidence(name, level, round(weight, 2)))
        bits += weight
        rival_rates = (rates.twin, rates.relative, rates.namesake)
        if level == "prefix":  # relatives share the beginning of a name as often as strangers do
            rival_rates = (stranger, stranger, rates.namesake)
        for n, rival in enumerate(rival_rates):
            rivals[n] += log2(
                adjust_for_confidence(max(rival, MIN_FREQUENCY), stranger, confidence) / stranger
            )
    return MatchScore(tuple(evidence), bits, (rivals[0], rivals[1], rivals[2]))


def adjust_for_confidence(rate: float, stranger: float, confidence: float) -> float:
    """Return the rate for a value that was read with this confidence: a misread value agrees as often as a
    stranger's.
    """
    return confidence * rate + (1 - confidence) * stranger


def name_agreement_rate(
    part: str, level: str, rates: Rates, query: Person, patient: Person, frequencies: Frequencies
) -> float:
    """Return how often a stranger's name reaches a level: the stranger has the same name, spelled that way,
    or a similar one."""
    if part == "given" and level == "prefix":
        shorter = min(query.given or "", patient.given or "", key=len)
        return rates.same * frequencies.of("beginning", shorter)
    names = [name for person in (query, patient) if (name := getattr(person, part)) and len(name) > 1]
    frequency = max((frequencies.of(part, name) for name in names), default=0.0)
    return rates.same * frequency + rates.stranger
