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
from pipeline.patients.outcome_statistics import Decided, agreement, learned_same, reliability, told
from pipeline.patients.splink_backend import COMMON, GROUPS, groups_of, register, settings_for
from pipeline.resources import write_trained_model

FEWEST = 1_000  # patients from whom anything can be learned
PAIRS = 2_000_000  # random pairs for the strangers' rates
SEED = 7
LEARN_ON = (
    ("dob",),
    ("family", "given"),
)  # EM runs on pairs that share these; each teaches what it does not hold fixed
LEAST, MOST = 1e-7, 0.9999


def train(people: Sequence[Person], documents: Sequence[Decided] = ()) -> dict[str, Any]:
    """{"fields": {field: {level: [same, stranger]}}, "learned": ...}. Raises InvalidInput where there are too few
    people.
    """
    from splink import DuckDBAPI, Linker, block_on

    if len(people) < FEWEST:
        raise InvalidInput(
            f"{len(people)} patients are too few to learn from.",
            f"Load at least {FEWEST}; until then the shipped weights serve.",
        )
    api = DuckDBAPI()
    shipped = shipped_rates()
    people_table = register(api, enumerate(people), "index")
    linker = Linker(people_table, settings_for("dedupe_only", shipped, 1 / len(people)), log_level=None)
    rules: list[Any] = [block_on("family", "given", "dob"), block_on("ssn")]
    linker.training.estimate_probability_two_random_records_match(rules, recall=0.8)
    linker.training.estimate_u_using_random_sampling(max_pairs=PAIRS, seed=SEED)
    for columns in LEARN_ON:
        linker.training.estimate_parameters_using_expectation_maximisation(block_on(*columns))
    model = linker.misc.save_model_to_json()
    fields = {c["output_column_name"]: learned(c, shipped) for c in model["comparisons"]}
    seen = learned_same(agreement(documents), shipped)
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
        "learned": about | {"reliability": [asdict(found) for found in reliability(told(documents))]},
        "fields": fields,
    }


def learned(comparison: dict[str, Any], shipped: Any) -> dict[str, list[float]]:
    """A field's levels: each group's learned rates, shared among its levels as they were."""
    field = comparison["output_column_name"]
    told = {level["label_for_charts"]: level for level in comparison["comparison_levels"]}
    rates: dict[str, list[float]] = {}
    for group, _, levels in groups_of(field):
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
    if new is None or (field in COMMON and level != "different"):
        return old
    whole = sum(shipped[field][other].stranger for other in levels)
    return new * (old / whole if whole else 1 / len(levels))


def bounded(rate: float) -> float:
    """A rate whose logarithm is finite."""
    return round(min(MOST, max(rate, LEAST)), 9)


def write(weights: dict[str, Any], out: Path) -> None:
    """Write the weights and their card."""
    text = json.dumps(weights, indent=1) + "\n"
    write_trained_model(
        out, lambda draft: draft.write_text(text, encoding="utf-8"), card(weights["learned"])
    )


def card(about: dict[str, Any]) -> str:
    """What the weights were learned from, and how far the probabilities before them could be believed."""
    seen = ", ".join(about["by_documents"]) or "none: too few show one"
    lines = [
        "# Matching weights learned from this index",
        "",
        f"- Data: {about['patients']} patients of this index and {about['documents']} filed documents, on {about['on']}; none of",
        "  their values are in the file.",
        "- Made by: `chartloom train matching` (Splink, expectation maximisation on DuckDB).",
        f"- Fields: {', '.join(GROUPS)}. Of these and others, by how filed documents agree with their patients: {seen}.",
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
