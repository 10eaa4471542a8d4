"""FHIR patients: what is old, expired, inactive or replaced is not taken as current, and a bad line costs one
line."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from pipeline.patients.bulk_load import LoadResult
from pipeline.patients.fhir_import import patient_from_fhir, read_fhir

EXPIRED, VALID = {"end": "2001-05-06"}, {"start": "2001-05-07"}


def a_patient(**elements: Any) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": "a1",
        "identifier": [{"type": {"coding": [{"code": "MR"}]}, "value": "7700123"}],
        "name": [{"family": "Whitfield", "given": ["Susan"]}],
    } | elements


def row(**elements: Any) -> dict[str, str | None]:
    return dict(patient_from_fhir(a_patient(**elements), "resource").row)


def test_old_and_expired_values_are_not_current() -> None:
    for past in ({"use": "old"}, {"period": EXPIRED}):
        found = row(
            name=[{"family": "Garcia", **past}, {"family": "Whitfield", "period": VALID}],
            identifier=[
                {"type": {"coding": [{"code": "MR"}]}, "value": "1", **past},
                {"type": {"coding": [{"code": "MR"}]}, "value": "2", "period": VALID},
            ],
            telecom=[{"system": "phone", "value": "1", **past}, {"system": "phone", "value": "2"}],
            address=[{"city": "Salem", **past}, {"city": "Lynn"}],
        )
        assert [found[name] for name in ("family", "mrn", "phone", "city")] == ["Whitfield", "2", "2", "Lynn"]
        assert row(telecom=[{"system": "phone", "value": "1", **past}])["phone"] is None


def test_a_name_of_text_alone_is_parsed() -> None:
    found = row(name=[{"text": "Garcia-Lopez, Anna M"}])
    assert (found["given"], found["middle"], found["family"]) == ("Anna", "M", "Garcia-Lopez")


def test_the_fact_of_death_counts_from_the_day_on_which_it_was_known() -> None:
    assert row(deceasedBoolean=True, meta={"lastUpdated": "2021-05-06T10:00:00Z"})["deceased"] == "2021-05-06"
    assert row(deceasedBoolean=True)["deceased"] == date.today().isoformat()
    assert row(deceasedBoolean=False)["deceased"] is None


def test_inactive_records_are_not_loaded_and_a_replaced_number_identifies_the_other(tmp_path: Path) -> None:
    def number(value: str) -> list[dict[str, Any]]:
        return [{"type": {"coding": [{"code": "MR"}]}, "value": value}]

    link = [{"type": "replaced-by", "other": {"reference": "Patient/a1"}}]
    resources = [
        a_patient(id="b2", identifier=number("222"), active=False, link=link),
        a_patient(),
        a_patient(id="c3", identifier=number("333"), active=False),
    ]
    file = tmp_path / "export.ndjson"
    file.write_text("\n".join(map(json.dumps, resources)))
    result = LoadResult()
    (patient,) = read_fhir(file, result)
    assert patient.row["mrn"] == "7700123"
    assert [alias.values for alias in patient.aliases] == [("mrn", "former", "222")]
    assert result.rejected == [("line 3", "the record is not active")]


def test_a_bad_line_costs_one_line(tmp_path: Path) -> None:
    good = json.dumps(a_patient())
    for name in ("export.ndjson", "export.json"):
        for bad in ("{", "[]", '{"resourceType": "Patient", "name": 5}'):
            file = tmp_path / name
            file.write_text(f"{bad}\n{good}\n{good}\n")
            result = LoadResult()
            assert len(list(read_fhir(file, result))) == 2
            assert [place for place, _ in result.rejected] == ["line 1"]
