"""Use Splink for whole files: the project's comparisons and weights as Splink settings, on DuckDB.

Splink finds the relevant pairs among millions and, when it trains, learns how often each level occurs. The
pairs are then decided by the same rules as everywhere (see pair_matching)."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pipeline.matching.person import Person
from pipeline.matching.weights import Rates

COLUMNS = ("given", "family", "dob", "sex", "home", "zip", "city", "phone", "ssn", "email", "mrn")
LEVEL_GROUPS: dict[str, tuple[tuple[str, str, tuple[str, ...]], ...]] = {
    # field: (group, its SQL condition, its levels in config/match_weights.toml), the strongest first
    "family": (
        ("exact", "family_l = family_r", ("exact",)),
        (
            "close",
            "damerau_levenshtein(family_l, family_r) <= 1"
            " or jaro_winkler_similarity(family_l, family_r) >= 0.93"
            " or list_has_any(split(family_l, '-'), split(family_r, '-'))",
            ("misread", "typo", "close", "former", "part", "phonetic"),
        ),
    ),
    "given": (
        ("exact", "given_l = given_r", ("exact",)),
        (
            "close",
            "damerau_levenshtein(given_l, given_r) <= 1 or jaro_winkler_similarity(given_l, given_r) >= 0.93"
            " or starts_with(given_l, given_r) or starts_with(given_r, given_l)",
            ("misread", "typo", "nickname", "close", "prefix", "phonetic"),
        ),
    ),
    "dob": (
        ("exact", "dob_l = dob_r", ("exact",)),
        (
            "swapped",
            "dob_l[:4] = dob_r[:4] and dob_l[6:7] = dob_r[9:10] and dob_l[9:10] = dob_r[6:7]",
            ("swapped",),
        ),
        ("close", "damerau_levenshtein(dob_l, dob_r) <= 1", ("misread", "digit")),
    ),
    "sex": (("same", "sex_l = sex_r", ("same",)),),
    "home": (
        ("home", "home_l = home_r", ("home",)),
        ("near_home", "jaro_winkler_similarity(home_l, home_r) >= 0.93", ("near_home",)),
        ("zip", "zip_l = zip_r", ("street", "zip")),
        ("city", "city_l = city_r", ("city",)),
    ),
    "phone": (
        ("exact", "phone_l = phone_r", ("exact",)),
        ("digit", "damerau_levenshtein(phone_l, phone_r) <= 1", ("digit",)),
    ),
    "ssn": (
        ("exact", "ssn_l = ssn_r", ("exact",)),
        ("close", "damerau_levenshtein(ssn_l, ssn_r) <= 1", ("misread", "digit", "adjacent_number")),
    ),
    "email": (
        ("exact", "email_l = email_r", ("exact",)),
        ("close", "jaro_winkler_similarity(email_l, email_r) >= 0.92", ("close",)),
    ),
}
FALLBACK_LEVELS = {"home": ("elsewhere",)}  # the level if no group applies; "different" for other fields
MEAN_NAME_FREQUENCY = {
    "given": 0.004,
    "family": 0.001,
}  # how common an average bearer's name is: the table's own rates leave it out
BLOCKING_KEYS = (
    ("mrn",),
    ("ssn",),
    ("dob", "family"),
    ("dob", "given"),
    ("family", "given", "zip"),
    ("family", "given", "substr(dob, 6)"),
    ("family", "given", "substr(dob, 1, 4)"),
    ("phone", "given"),
    ("phone", "dob"),
    ("home", "dob"),
    ("dob", "zip"),
)
"""Pairs that share one of these are compared."""


def level_groups(field: str) -> Iterator[tuple[str, str | None, tuple[str, ...]]]:
    """Yield (group, condition or None for the rest, levels) of a field."""
    yield from LEVEL_GROUPS[field]
    yield ("different", None, FALLBACK_LEVELS.get(field, ("different",)))


def group_rates(
    field: str, levels: tuple[str, ...], table: dict[str, dict[str, Rates]]
) -> tuple[float, float]:
    """Return the rates (same, stranger) of a group: the sums over its levels."""
    same = sum(table[field][level].same for level in levels)
    stranger = sum(table[field][level].stranger for level in levels)
    if field in MEAN_NAME_FREQUENCY and "different" not in levels:
        stranger += MEAN_NAME_FREQUENCY[field] * (1.0 if levels == ("exact",) else same)
    return min(same, 0.999), min(stranger, 0.999)


def splink_settings(kind: str, table: dict[str, dict[str, Rates]], prior: float) -> dict[str, Any]:
    """Return Splink's settings. `kind` is link_only or dedupe_only, `prior` the share of pairs that are one
    person.
    """
    from splink import block_on

    return {
        "link_type": kind,
        "probability_two_random_records_match": prior,
        "comparisons": [comparison(field, table) for field in LEVEL_GROUPS],
        "blocking_rules_to_generate_predictions": [block_on(*columns) for columns in BLOCKING_KEYS],
        "retain_matching_columns": False,
    }


def comparison(field: str, table: dict[str, dict[str, Rates]]) -> dict[str, Any]:
    """Return Splink's settings for the comparison of one field."""
    missing = (
        "home_l is null and zip_l is null or home_r is null and zip_r is null"
        if field == "home"
        else f"{field}_l is null or {field}_r is null"
    )
    levels: list[dict[str, Any]] = [
        {"sql_condition": missing, "label_for_charts": "not known", "is_null_level": True}
    ]
    for group, condition, held in level_groups(field):
        same, stranger = group_rates(field, held, table)
        level = {
            "sql_condition": condition or "ELSE",
            "label_for_charts": group,
            "m_probability": same,
            "u_probability": stranger,
        }
        if field in MEAN_NAME_FREQUENCY and group == "exact":
            level |= {"tf_adjustment_column": field}
        levels.append(level)
    return {"output_column_name": field, "comparison_levels": levels}


def column_values(person: Person) -> tuple[str | None, ...]:
    """Return a person's values in the order of FIELDS."""
    home = " ".join(filter(None, (person.home.number, person.home.street))) or None
    return (
        *(person.given, person.family, person.dob, person.sex),
        *(
            home,
            person.home.zip or None,
            person.home.city or None,
            person.phone[-7:] if person.phone else None,
        ),
        *(person.ssn, person.email, person.mrn),
    )


def register_people(api: Any, people: Iterable[tuple[int, Person]], name: str) -> Any:
    """Create a DuckDB table of (id, person) and register it with Splink."""
    with tempfile.NamedTemporaryFile("w", newline="", encoding="utf-8", suffix=".csv") as file:
        writer = csv.writer(file)
        writer.writerow(("unique_id", *COLUMNS))
        writer.writerows((number, *column_values(person)) for number, person in people)
        file.flush()
        columns = ", ".join(f"'{column}': 'VARCHAR'" for column in COLUMNS)
        types = f"{{'unique_id': 'BIGINT', {columns}}}"
        read = f"read_csv('{Path(file.name)}', header = true, nullstr = '', columns = {types})"
        api.duckdb_con.execute(f"create or replace table people_{name} as select * from {read}")  # noqa: S608
    return api.register(f"people_{name}", dataset_display_name=name)
