"""Two files are linked, duplicates are found, and weights are trained with Splink."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import pytest

from pipeline.config import load_settings
from pipeline.errors import ConfigurationError, InvalidInput
from pipeline.matching.person import person_from_record
from pipeline.matching.weights import load_rates
from pipeline.patients.patient_record import PatientUpdate
from pipeline.patients.record_linkage import Link as PairLink
from pipeline.patients.record_linkage import cluster_links, link_people, write_linkage
from pipeline.patients.weight_training import train_weights
from pipeline.patients.weight_training import write_weights as write_weights

SETTINGS = load_settings().matching
GIVENS = (
    "Susan Paul Ines Tomasz Martha Otto Ruth Carl Nadia Felix Greta Hugo Irma"
    " Jonas Karla Leon Mona Nils Olga Peer"
)
FAMILIES = (
    "Okafor Wielgosz Caballero Brandt Lindqvist Moreau Petrov Quint Rossi"
    " Sandoval Takeda Ueda Varga Whitfield Yilmaz"
)
GIVEN, FAMILY = GIVENS.split(), FAMILIES.split()


def people(count: int, seed: int) -> list[dict[str, str]]:
    chance = random.Random(seed)
    return [
        {
            "given": chance.choice(GIVEN),
            "family": chance.choice(FAMILY) + chance.choice(("", "s", "sen", "ova", "ton")),
            "dob": f"{chance.randint(1930, 2015)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}",
            "sex": chance.choice("FM"),
            "address": f"{chance.randint(1, 900)} {chance.choice(FAMILY)} Street",
            "city": chance.choice(("Salem", "Lynn", "Quincy")),
            "zip": f"0{chance.randint(1900, 1990)}",
            "phone": f"555{chance.randint(1000000, 9999999)}",
            "mrn": f"{chance.randint(1000000, 9999999)}",
        }
        for _ in range(count)
    ]


def taken(rows: list[dict[str, str]]) -> list[PatientUpdate]:
    return [PatientUpdate(f"line {n}", row) for n, row in enumerate(rows)]


def test_two_files_are_linked_in_spite_of_misspelling_and_other_numbers_and_twins_are_not(
    tmp_path: Path,
) -> None:
    left = people(80, 1)
    right = [
        row | {"mrn": f"B{n}", "given": row["given"][:-1] + "e" if n % 3 == 0 else row["given"]}
        for n, row in enumerate(left[:40])
    ]
    twin = left[50] | {"given": "Zebulon", "mrn": "B-twin", "phone": ""}
    found = link_people(taken(left), taken([*right, twin]), SETTINGS)
    linked = {(pair.left, pair.right) for pair in found.links if pair.decision == "match"}
    assert {(n, n) for n in range(40) if n % 3} <= linked <= {(n, n) for n in range(40)}
    assert (50, 40) not in linked
    write_linkage(found, taken(left), taken([*right, twin]), tmp_path)
    rows = list(csv.DictReader((tmp_path / "links.csv").open()))
    assert len(rows) == len(linked)
    assert all(row["left"] == left[int(row["right"][1:])]["mrn"] for row in rows)
    assert json.loads((tmp_path / "report.json").read_text())["match"] == len(linked)


def test_a_patient_who_is_in_the_index_twice_is_found() -> None:
    rows = people(60, 2)
    rows.append(rows[7] | {"mrn": "9999999", "phone": "", "family": rows[7]["family"] + "x"})
    found = link_people(taken(rows), None, SETTINGS)
    assert [(pair.left, pair.right) for pair in found.links if pair.decision == "match"] == [(7, 60)]
    assert found.clusters == [((0, 7), (0, 60))]


def test_records_that_are_linked_through_a_third_are_in_one_cluster() -> None:
    pairs = [PairLink(a, b, "match", 1.0, 40.0, ()) for a, b in ((1, 5), (2, 5), (3, 9))]
    assert cluster_links(pairs, one_file=False) == [((0, 1), (0, 2), (1, 5)), ((0, 3), (1, 9))]


def test_weights_are_trained_on_the_index_and_used_if_the_settings_name_them(tmp_path: Path) -> None:
    rows = people(1_300, 3)
    rows += [row | {"phone": "5550000000", "city": "Boston"} for row in rows[:300]]
    learned = train_weights([person_from_record(row) for row in rows])
    out = tmp_path / "weights.json"
    write_weights(learned, out)
    assert "1600 patients" in out.with_suffix(".md").read_text()
    assert not {row["mrn"] for row in rows} & set(out.read_text().split('"'))
    shipped, used = load_rates(None), load_rates(out)
    assert used["dob"]["exact"].same > 0.9
    assert used["dob"]["exact"].stranger < 0.001
    assert used["home"]["elsewhere"].stranger > 0.6
    assert used["given"]["exact"].twin == shipped["given"]["exact"].twin


def test_weights_are_not_trained_on_too_few_patients() -> None:
    with pytest.raises(InvalidInput, match="too few"):
        train_weights([person_from_record(row) for row in people(20, 4)])


def test_an_invalid_weights_file_is_a_configuration_error(tmp_path: Path) -> None:
    broken = tmp_path / "weights.json"
    broken.write_text("{}")
    with pytest.raises(ConfigurationError, match="train matching"):
        load_rates(broken)
