"""Weights learned from a hospital's own index: Splink's EM says how often each level is seen, for one person
and for strangers.

EM learns from pairs of the index that share a birth date or a name; it needs people who are in the index more
than once, as they are in every index. A level that Splink does not tell from its neighbours (misread from
misspelt) keeps its share of their group. Documents whose patient is decided say better what pages agree with:
where enough of them show a field, they have the word."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from pipeline.errors import InvalidInput
from pipeline.matching.person import Person
from pipeline.matching.weights import shipped_rates
from pipeline.patients.outcome_statistics import LabelledOutcome, count_levels, learn_same_rates, reliability, first_candidates
from pipeline.patients.splink_backend import MEAN_NAME_FREQUENCY, LEVEL_GROUPS, level_groups, register_people, splink_settings
from pipeline.resources import write_trained_model

MIN_PATIENTS = 1_000  # patients from whom anything can be learned
MAX_RANDOM_PAIRS = 2_000_000  # random pairs for the strangers' rates
SEED = 7
EM_BLOCKS = (
    ("dob",),
    ("family", "given"),
)  # EM runs on pairs that share these; each teaches what it does not hold fixed
MIN_RATE, MAX_RATE = 1e-7, 0.9999


def train_weights(people: Sequence[Person], documents: Sequence[LabelledOutcome] = ()) -> dict[str, Any]:
    """{"fields": {field: {level: [same, stranger]}}, "learned": ...}. Raises InvalidInput where there are too few
    people.
    """
    from splink import DuckDBAPI, Linker, block_on

    if len(people) < MIN_PATIENTS:
        raise InvalidInput(
            f"{len(people)} patients are too few to learn from.",
            f"Load at least {MIN_PATIENTS}; until then the shipped weights serve.",
        )
    api = DuckDBAPI()
    shipped = shipped_rates()
    people_table = register_people(api, enumerate(people), "index")
    linker = Linker(people_table, splink_settings("dedupe_only", shipped, 1 / len(people)), log_level=None)
    rules: list[Any] = [block_on("family", "given", "dob"), block_on("ssn")]
    linker.training.estimate_probability_two_random_records_match(rules, recall=0.8)
    linker.training.estimate_u_using_random_sampling(max_pairs=MAX_RANDOM_PAIRS, seed=SEED)
    for columns in EM_BLOCKS:
        linker.training.estimate_parameters_using_expectation_maximisation(block_on(*columns))
    model = linker.misc.save_model_to_json()
    fields = {c["output_column_name"]: learned_rates(c, shipped) for c in model["comparisons"]}
    seen = learn_same_rates(count_levels(documents), shipped)
    for field, same in seen.items():
        rates = fields.setdefault(
            field, {level: [rate.same, rate.stranger] for level, rate in shipped[field].items()}
        )
        for level, rate in same.items():
            rates[level] = [bounded(rate), rates.get(level, [0.0, shipped[field][level].stranger])[1]]
    about = {
        "on": date.today().isoformat(),
        "patients": len(people),
        "documents": len(documents),
        "by_documents": sorted(seen),
    }
    return {
        "learned": about | {"reliability": [asdict(found) for found in reliability(first_candidates(documents))]},
        "fields": fields,
    }


def learned_rates(comparison: dict[str, Any], shipped: Any) -> dict[str, list[float]]:
    """A field's levels: each group's learned rates, shared among its levels as they were."""
    field = comparison["output_column_name"]
    told = {level["label_for_charts"]: level for level in comparison["comparison_levels"]}
    rates: dict[str, list[float]] = {}
    for group, _, levels in level_groups(field):
        same, stranger = (told[group].get(key) for key in ("m_probability", "u_probability"))
        for level in levels:
            old = shipped[field][level]
            same_share = old.same / sum(shipped[field][other].same for other in levels)
            new_same = old.same if same is None else same * same_share
            rates[level] = [
                bounded(new_same),
                bounded(stranger_rate(field, level, old.stranger, stranger, levels, shipped)),
            ]
    return rates


def stranger_rate(
    field: str, level: str, old: float, new: float | None, levels: tuple[str, ...], shipped: Any
) -> float:
    """The stranger's rate of a level. For names the table holds what goes beyond the name's own frequency:
    that stays.
    """
    if new is None or (field in MEAN_NAME_FREQUENCY and level != "different"):
        return old
    whole = sum(shipped[field][other].stranger for other in levels)
    return new * (old / whole if whole else 1 / len(levels))


def bounded(rate: float) -> float:
    """A rate whose logarithm is finite."""
    return round(min(MAX_RATE, max(rate, MIN_RATE)), 9)


def write_weights(weights: dict[str, Any], out: Path) -> None:
    """Write the weights and their card."""
    text = json.dumps(weights, indent=1) + "\n"
    write_trained_model(
        out, lambda draft: draft.write_text(text, encoding="utf-8"), model_card(weights["learned"])
    )


def model_card(about: dict[str, Any]) -> str:
    """What the weights were learned from, and how far the probabilities before them could be believed."""
    seen = ", ".join(about["by_documents"]) or "none: too few show one"
    lines = [
        "# Matching weights learned from this index",
        "",
        f"- Data: {about['patients']} patients of this index and {about['documents']} filed documents, on {about['on']}; none of",
        "  their values are in the file.",
        "- Made by: `chartloom train matching` (Splink, expectation maximisation on DuckDB).",
        f"- Fields: {', '.join(LEVEL_GROUPS)}. Of these and others, by how filed documents agree with their patients: {seen}.",
        "- Used for: how often each level of agreement is seen for one person and for strangers. What twins, relatives and",
        "  namesakes share stays as config/match_weights.toml says: an index cannot teach it.",
        "- In force as HOME/models/match_weights.json, or if the setting matching.weights names the file. Measure before and",
        "  after with python -m bench.match.",
    ]
    if about["reliability"]:
        lines += ["", "## What became of the first candidates", ""]
        lines += [
            "| probability | documents | right, as the probabilities say | right |",
            "|---|---|---|---|",
        ]
        lines += [
            f"| {b['low']} to {b['high']} | {b['documents']} | {b['expected']:.4f} | {b['right'] / b['documents']:.4f} |"
            for b in about["reliability"]
        ]
    return "\n".join(lines) + "\n"
