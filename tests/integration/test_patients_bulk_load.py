"""The patient index is loaded from files, kept current, and searched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import Settings
from pipeline.errors import InvalidInput
from pipeline.patients.bulk_load import LoadResult, read_csv, store_patients
from pipeline.patients.candidates import keys_one_edit_away, number_key
from pipeline.patients.fhir_import import read_fhir
from pipeline.patients.match_json import match_record
from pipeline.patients.patient_record import PatientUpdate
from pipeline.store.database import Connection

SUSAN = {
    "mrn": "7700123",
    "given": "Susan",
    "family": "Garcia-Lopez",
    "dob": "1964-09-29",
    "sex": "F",
    "phone": "555-210-4477",
}


def load(connection: Connection, *people: dict[str, Any]) -> LoadResult:
    return store_patients(
        connection, [PatientUpdate(f"line {n}", person) for n, person in enumerate(people)], LoadResult()
    )


def patients(connection: Connection) -> list[dict[str, Any]]:
    return connection.execute("select * from patient order by id").fetchall()


def ask(connection: Connection, settings: Settings, **record: str) -> dict[str, Any]:
    return match_record(connection, record, settings.matching)


def test_a_csv_file_is_loaded_under_the_usual_names_of_its_columns(
    connection: Connection, tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    file.write_text(
        "id,MRN,first_name,last_name,birthdate,gender,street\n"
        "P1,7700123,Susan,Garcia,9/29/1964,female,12 Main St\n"
    )
    report = LoadResult()
    store_patients(connection, read_csv(file, report), report)
    (susan,) = patients(connection)
    assert (susan["mrn"], susan["given"], susan["family"], susan["dob"], susan["sex"]) == (
        "7700123",
        "Susan",
        "Garcia",
        "1964-09-29",
        "F",
    )
    assert susan["address"] == "12 Main St"
    assert report.unknown_columns == ("id",)
    assert (report.read, report.added) == (1, 1)


def test_a_file_without_an_mrn_column_is_rejected_with_the_possible_columns(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("name,born\nSusan,1964\n")
    with pytest.raises(InvalidInput, match="at least the columns mrn and family"):
        list(read_csv(file, LoadResult()))


def test_a_line_without_an_mrn_is_rejected_and_the_others_are_loaded(connection: Connection) -> None:
    report = load(connection, {"family": "Nobody"}, SUSAN)
    assert report.rejected == [("line 0", "no MRN")]
    assert [p["mrn"] for p in patients(connection)] == ["7700123"]


def test_an_invalid_value_is_omitted_and_reported(connection: Connection) -> None:
    report = load(connection, SUSAN | {"dob": "last spring"})
    assert patients(connection)[0]["dob"] is None
    assert len(report.unparsed) == 1


def test_loading_again_updates_changed_values_and_keeps_the_others(
    connection: Connection, settings: Settings
) -> None:
    load(connection, SUSAN)
    report = load(connection, SUSAN | {"family": "Whitfield", "phone": "555-300-9911"})
    assert (report.added, report.changed) == (0, 1)
    assert load(connection, SUSAN | {"family": "Whitfield", "phone": "555-300-9911"}).changed == 0
    former = connection.execute("select family, kind from patient_name").fetchall()
    assert former == [{"family": "Garcia-Lopez", "kind": "former"}]
    found = ask(connection, settings, given="Susan", family="Garcia-Lopez", dob="1964-09-29")
    assert [r["code"] for r in found["candidates"][0]["reasons"] if r["code"].startswith("family")] == [
        "family:former"
    ]


def test_values_that_a_later_file_does_not_have_are_kept(connection: Connection) -> None:
    load(connection, SUSAN)
    load(connection, {"mrn": "7700123", "given": "Susan", "family": "Garcia-Lopez"})
    assert patients(connection)[0]["dob"] == "1964-09-29"


@pytest.mark.parametrize(
    "damaged",
    [
        {"given": "Susan", "family": "Lopez", "dob": "1964-09-29"},  # half of the name
        {"given": "Garcia-Lopez", "family": "Susan", "dob": "1964-09-29"},  # swapped names
        {"given": "Sue", "family": "Garcla-L0pez", "dob": "1964-09-29"},
        {"given": "Susan", "family": "Garcia-Lopez", "dob": "1946-09-29"},
        {"given": "Susan", "family": "Garcia-Lopez", "dob": "196-09-29"},
        {"given": "Susan", "family": "Garcia-Lopez"},
        {"family": "Brandt", "phone": "(555) 210-4477"},
        {"mrn": "77OO123"},
        {"mrn": "770123"},
        {"mrn": "7701023"},
    ],
)
def test_the_right_patient_is_a_candidate_in_spite_of_misread_values(
    connection: Connection, settings: Settings, damaged: dict[str, str]
) -> None:
    load(
        connection,
        SUSAN,
        *({"mrn": str(n), "given": "Paul", "family": "Brook", "dob": "1950-01-01"} for n in range(100, 140)),
    )
    found = ask(connection, settings, **damaged)
    assert found["candidates"][0]["patient"]["mrn"] == "7700123"


@pytest.mark.parametrize("kept_as", ["7700128", "77-00128", "770.0128 "])
def test_a_printed_mrn_that_belongs_to_another_patient_needs_review(
    connection: Connection, settings: Settings, kept_as: str
) -> None:
    load(connection, SUSAN, {"mrn": kept_as, "given": "Otto", "family": "Brandt", "dob": "1931-02-02"})
    found = ask(connection, settings, given="Susan", family="Garcia-Lopez", dob="1964-09-29", mrn="7700128")
    assert found["decision"] == "possible"
    assert "mrn_belongs_to_other_patient" in {reason["code"] for reason in found["reasons"]}


def test_name_frequencies_are_counted_in_the_index(connection: Connection, settings: Settings) -> None:
    load(
        connection,
        SUSAN,
        *(
            {"mrn": f"8{n:06}", "given": "Mary", "family": "Wielgosz", "dob": f"19{n % 90 + 10}-01-02"}
            for n in range(400)
        ),
    )
    rare = ask(connection, settings, given="Susan", family="Garcia-Lopez")["candidates"][0]["weight"]
    common = ask(connection, settings, given="Mary", family="Wielgosz")["candidates"][0]["weight"]
    assert rare > common + 4


def test_the_database_and_python_normalize_numbers_alike(connection: Connection) -> None:
    for number in ("770-0123", "OO77I2", "B8Z2S5", "000123", "mrn 12"):
        row = connection.execute("select number_key(%s) as key", [number]).fetchone()
        assert row is not None
        assert row["key"] == number_key(number)


def test_every_single_error_in_a_number_is_searched_for() -> None:
    keys = keys_one_edit_away("7700123")
    assert {"770123", "7700132", "7700723", "77001234", "17700123"} <= keys
    assert "7700123" not in keys


def test_fhir_bundles_and_bulk_exports_provide_names_numbers_and_addresses(
    connection: Connection, tmp_path: Path
) -> None:
    resource = {
        "resourceType": "Patient",
        "id": "a1",
        "identifier": [
            {"type": {"coding": [{"code": "MR"}]}, "system": "urn:north", "value": "7700123"},
            {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "219-09-9999"},
            {"type": {"coding": [{"code": "MR"}]}, "system": "urn:south", "value": "S-88"},
        ],
        "name": [
            {"use": "maiden", "family": "Garcia", "given": ["Susan"]},
            {"use": "official", "family": "Whitfield", "given": ["Susan", "Marie"], "suffix": ["Jr"]},
        ],
        "birthDate": "1964-09",
        "gender": "female",
        "address": [{"line": ["12 Main St"], "city": "Salem", "postalCode": "01970"}],
        "telecom": [{"system": "phone", "value": "555-210-4477"}],
        "deceasedDateTime": "2021-05-06T10:00:00Z",
    }
    bundle, export = tmp_path / "bundle.json", tmp_path / "export.ndjson"
    bundle.write_text(
        json.dumps(
            {
                "resourceType": "Bundle",
                "entry": [{"resource": resource}, {"resource": {"resourceType": "Group"}}],
            }
        )
    )
    export.write_text(json.dumps(resource) + "\n" + json.dumps({"resourceType": "Observation"}) + "\n")
    assert [p.row for p in read_fhir(bundle)] == [p.row for p in read_fhir(export)]
    store_patients(connection, read_fhir(bundle), LoadResult(), source="fhir")
    (susan,) = patients(connection)
    assert (susan["mrn"], susan["family"], susan["middle"], susan["dob"]) == (
        "7700123",
        "Whitfield",
        "Marie",
        "1964-09",
    )
    assert (susan["ssn"], susan["deceased"], susan["city"]) == ("219-09-9999", "2021-05-06", "Salem")
    numbers = connection.execute(
        "select facility, value from patient_identifier where kind = 'mrn'"
    ).fetchall()
    assert numbers == [{"facility": "urn:south", "value": "S-88"}]
    keys = {row["key"] for row in connection.execute("select key from patient_key")}
    assert {"n7700123", "n588", "s219099999", "p2104477"} <= keys


def test_a_search_finds_a_patient_by_a_misspelled_family_name(connection: Connection) -> None:
    load(connection, SUSAN, {"mrn": "2", "given": "Paul", "family": "Brook"})
    for words in ("Garsia", "Lopes, Susan", "susan garcia lopez", "7700123", "Garca-Lopez"):
        found = connection.execute("select mrn from find_patients(%s)", [words]).fetchall()
        assert found[0]["mrn"] == "7700123", words


@pytest.mark.parametrize("misspelt", ["Amador", "Amdor", "Amadro", "Amadorr", "Amadox", "amador ines"])
def test_a_search_by_a_name_with_one_wrong_letter_lists_the_closest_name_first(
    connection: Connection, misspelt: str
) -> None:
    others = [
        {"mrn": str(n), "given": "Ana", "family": name}
        for n, name in enumerate(("Amaral", "Nador", "Brook", "Madrid"))
    ]
    load(connection, *others, {"mrn": "77", "given": "Ines", "family": "Amador"})
    found = connection.execute("select mrn from find_patients(%s)", [misspelt]).fetchall()
    assert found[0]["mrn"] == "77"


@pytest.mark.parametrize(
    ("words", "mrn"),
    [
        ("De La Cruz, Lila", "1"),
        ("Lila De La Cruz", "1"),
        ("de la cruz", "1"),
        ("Cruz, Lila", "2"),
        ("Lila Cruz", "2"),
        ("Garcia-Lopez, Ana", "3"),
        ("Garcia Lopez, Ana", "3"),
        ("Garcia, Ana", "4"),
        ("Lopez, Ana", "5"),
        ("O'Brien, Mary Ann", "6"),
        ("OBrien, Mary", "7"),
        ("Van Den Berg, Jan", "8"),
        ("Berg, Jan", "9"),
    ],
)
def test_a_search_compares_whole_names(connection: Connection, words: str, mrn: str) -> None:
    people = (
        ("1", "Lila", "De La Cruz"),
        ("2", "Lila", "Cruz"),
        ("3", "Ana", "Garcia-Lopez"),
        ("4", "Ana", "Garcia"),
        ("5", "Ana", "Lopez"),
        ("6", "Mary Ann", "O'Brien"),
        ("7", "Mary", "O'Brien"),
        ("8", "Jan", "Van Den Berg"),
        ("9", "Jan", "Berg"),
    )
    load(connection, *({"mrn": number, "given": given, "family": family} for number, given, family in people))
    found = connection.execute("select mrn from find_patients(%s)", [words]).fetchall()
    assert found[0]["mrn"] == mrn
