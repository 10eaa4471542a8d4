"""Learn matching weights from a hospital's own index: Splink's EM estimates how often each level occurs, for
the same person and for strangers. EM learns from pairs of the index that share a birth date or a name; it
needs people who are in the index more than once, as they are in every index. A level that Splink does not
distinguish from similar ones (misread from misspelled) keeps its share of their group. Documents whose
patient is decided show better how pages agree: if enough of them have a field, its rates come from them."""

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
from pipeline.patients.outcome_statistics import (
    LabeledOutcome,
    count_levels,
    first_candidates,
    learn_same_rates,
    reliability,
)
from pipeline.patients.splink_backend import (
    LEVEL_GROUPS,
    MEAN_NAME_FREQUENCY,
    level_groups,
    register_people,
    splink_settings,
)
from pipeline.resources import write_trained_model

MIN_PATIENTS = 1_000  # fewer are too few to learn from
MAX_RANDOM_PAIRS = 2_000_000  # for the strangers' rates
SEED = 7
EM_BLOCKS = (
    ("dob",),
    ("family", "given"),
)  # EM runs on pairs that share these columns, and learns the rates of the others
MIN_RATE, MAX_RATE = 1e-7, 0.9999


def train_weights(people: Sequence[Person], documents: Sequence[LabeledOutcome] = ()) -> dict[str, Any]:
    """Learn weights from patients and filed documents.

    Returns:
        {"fields": {field: {level: [same, stranger]}}, "learned": the figures for the model card}.

    Raises:
        InvalidInput: if there are too few patients.
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
        "learned": about
        | {"reliability": [asdict(found) for found in reliability(first_candidates(documents))]},
        "fields": fields,
    }


def learned_rates(comparison: dict[str, Any], shipped: Any) -> dict[str, list[float]]:
    """Return a field's levels: each group's learned rates, divided among its levels in the shipped
    proportions."""
    field = comparison["output_column_name"]
    levels_by_group = {level["label_for_charts"]: level for level in comparison["comparison_levels"]}
    rates: dict[str, list[float]] = {}
    for group, _, levels in level_groups(field):
        same, stranger = (levels_by_group[group].get(key) for key in ("m_probability", "u_probability"))
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
    """Return the stranger's rate of a level. For names, the table has only the part in addition to the name's
    frequency, which is not learned.
    """
    if new is None or (field in MEAN_NAME_FREQUENCY and level != "different"):
        return old
    total = sum(shipped[field][other].stranger for other in levels)
    return new * (old / total if total else 1 / len(levels))


def bounded(rate: float) -> float:
    """Return the rate within limits that keep its logarithm finite."""
    return round(min(MAX_RATE, max(rate, MIN_RATE)), 9)


def write_weights(weights: dict[str, Any], out: Path) -> None:
    """Write the weights and their card."""
    text = json.dumps(weights, indent=1) + "\n"
    write_trained_model(
        out, lambda draft: draft.write_text(text, encoding="utf-8"), model_card(weights["learned"])
    )


def model_card(about: dict[str, Any]) -> str:
    """Return the model card: what the weights were learned from, and the calibration of earlier
    probabilities."""
    seen = ", ".join(about["by_documents"]) or "none, because too few documents have one"
    lines = [
        "# Matching weights learned from this index",
        "",
        f"- Data: {about['patients']} patients in this index and {about['documents']} filed documents,",
        f"  on {about['on']}; the file contains none of their values.",
        "- Made by: `chartloom train matching` (Splink, expectation maximization on DuckDB).",
        f"- Fields: {', '.join(LEVEL_GROUPS)}. Fields whose rates come from the agreement of",
        f"  filed documents with their patients: {seen}.",
        "- Used for: how often each level of agreement occurs for the same person and for strangers. The",
        "  rates of twins, relatives and namesakes stay as in config/match_weights.toml, because an index",
        "  cannot teach them.",
        "- In force as HOME/models/match_weights.json, or if the setting matching.weights names the file.",
        "  Measure before and after with python -m bench.matching.",
    ]
    if about["reliability"]:
        lines += ["", "## How often the first candidates were right", ""]
        lines += [
            "| probability | documents | expected to be right | right |",
            "|---|---|---|---|",
        ]
        lines += [
            f"| {row['low']} to {row['high']} | {row['documents']} | {row['expected']:.4f} |"
            f" {row['right'] / row['documents']:.4f} |"
            for row in about["reliability"]
        ]
    return "\n".join(lines) + "\n"
