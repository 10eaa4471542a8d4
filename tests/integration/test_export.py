"""Charts are exported completely: as FHIR bulk data with the PDFs, or as one PDF with a table of contents."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from fhir.resources.R4B import get_fhir_model_class
from pypdf import PdfReader
from pypdf.generic import ArrayObject, Destination, IndirectObject

from pipeline import letters
from pipeline.errors import InvalidInput, NotFound
from pipeline.export import chart_pdf
from pipeline.export.chart_export import export
from pipeline.patients.patient_merge import merge
from tests.support.delivery_archive import Archive, a_pdf


def export_charts(archive: Archive, to: Path, **params: Any) -> Any:
    return export(archive.connection, archive.blobs, archive.settings.delivery, to, actor="mwhite", **params)


def resources(file: Path) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    for one in found:
        get_fhir_model_class(one["resourceType"])(**one)
    return found


def test_a_chart_is_bulk_data_whose_references_point_to_its_files(archive: Archive, tmp_path: Path) -> None:
    sql = (
        "insert into encounter (patient_id, number, class, admitted_at) values (%s, 'V1', 'I', '2024-02-09')"
    )
    archive.connection.execute(sql, [archive.martha.id])
    documents = [archive.file(pages=2), archive.file(date_of_service="2020-01-05", type="letter")]
    archive.file(archive.tomasz)
    withdrawn = archive.file()
    archive.withdraw(withdrawn)
    done = export_charts(archive, tmp_path / "out", mrn="20012345")
    assert (done.patients, done.documents, done.pages) == (1, 2, 3)
    out = tmp_path / "out"
    (patient,) = resources(out / "Patient.ndjson")
    (encounter,) = resources(out / "Encounter.ndjson")
    references = resources(out / "DocumentReference.ndjson")
    assert (patient["identifier"][0]["value"], patient["birthDate"], patient["gender"]) == (
        "20012345",
        "1956-08-03",
        "female",
    )
    assert (encounter["class"]["code"], encounter["period"]) == ("IMP", {"start": "2024-02-09"})
    assert [one["subject"]["reference"] for one in references] == [f"Patient/{patient['id']}"] * 2
    names = [one["content"][0]["attachment"]["url"] for one in references]
    assert names == [f"documents/{documents[1]}.1.pdf", f"documents/{documents[0]}.1.pdf"]
    assert (out / names[1]).read_bytes() == a_pdf(2, "document 1")
    manifest = json.loads((out / "manifest.json").read_text())
    assert {one["type"]: one["count"] for one in manifest["output"]} == {
        "Patient": 1,
        "Encounter": 1,
        "DocumentReference": 2,
    }


def test_an_export_is_recorded_in_the_audit_log(archive: Archive, tmp_path: Path) -> None:
    archive.file()
    export_charts(archive, tmp_path / "out", mrn="20012345")
    row = archive.connection.execute(
        "select account, patient_id, detail from audit where action = 'export'"
    ).fetchone()
    assert row is not None
    assert (row["account"], row["patient_id"], row["detail"]["documents"]) == ("mwhite", archive.martha.id, 1)


def test_everything_since_a_date_is_exported_patient_by_patient(archive: Archive, tmp_path: Path) -> None:
    archive.file(), archive.file(archive.tomasz)
    old = archive.file(archive.tomasz)
    archive.connection.execute("update document set filed_at = '2020-01-01' where id = %s", [old])
    done = export_charts(archive, tmp_path / "out", since=datetime.now(UTC) - timedelta(days=1))
    assert (done.patients, done.documents) == (2, 2)


def test_a_chart_is_one_pdf_with_contents_links_and_bookmarks(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chart_pdf, "DOCUMENTS_PER_PART", 2)
    monkeypatch.setattr(letters, "TEXT_HEIGHT_PT", 130)  # the contents take two pages
    for n in range(5):
        archive.file(
            pages=n + 1, date_of_service=f"2024-0{n + 1}-11", author="Zoë Łukasz Δ" if n == 0 else ""
        )
    export_charts(archive, tmp_path / "out", mrn="20012345", output_format="pdf")
    (file,) = (tmp_path / "out").iterdir()
    book = PdfReader(file)
    assert (file.name, len(book.pages)) == ("20012345.pdf", 2 + 15)
    first = book.pages[0].extract_text()
    assert "Okafor, Martha" in first
    assert "Zoë Łukasz Δ" in first
    assert "5 documents, 15 pages" in first
    starts = [int(book.get_destination_page_number(cast("Destination", mark)) or 0) for mark in book.outline]
    assert starts == [2, 3, 5, 8, 12]
    targets = [
        link.get_object()["/Dest"][0].idnum
        for page in book.pages[:2]
        for link in cast("ArrayObject", page["/Annots"])
    ]
    pages = [cast("IndirectObject", book.pages[start].indirect_reference).idnum for start in starts]
    assert list(dict.fromkeys(targets)) == pages


@pytest.mark.parametrize(("given", "family"), [("Сергей", "Иванов"), ("Łukasz", "Wójcik-Żak")])
def test_names_outside_latin_1_are_readable_in_the_table_of_contents(
    archive: Archive, tmp_path: Path, given: str, family: str
) -> None:
    patient = archive.patient("30077701", given, family, "1980-01-02", "M", None, None, None, None, None)
    archive.file(patient)
    export_charts(archive, tmp_path / "out", mrn="30077701", output_format="pdf")
    text = PdfReader(tmp_path / "out" / "30077701.pdf").pages[0].extract_text()
    assert f"{family}, {given}" in text


def test_a_former_number_finds_the_chart_that_it_was_merged_into(archive: Archive, tmp_path: Path) -> None:
    archive.file(archive.tomasz)
    merge(archive.connection, archive.tomasz.id, archive.martha.id, "mwhite")
    export_charts(archive, tmp_path / "out", mrn="20055501")
    assert resources(tmp_path / "out" / "Patient.ndjson")[0]["identifier"][0]["value"] == "20012345"


def test_an_export_that_fails_leaves_no_files(archive: Archive, tmp_path: Path) -> None:
    document = archive.file()
    archive.change(document, pdf="f" * 64)
    with pytest.raises(NotFound):
        export_charts(archive, tmp_path / "out", mrn="20012345")
    with pytest.raises(NotFound):
        export_charts(archive, tmp_path / "out", mrn="20055501")
    with pytest.raises(NotFound):
        export_charts(archive, tmp_path / "out", mrn="nobody")
    assert list(tmp_path.glob("*out*")) == []
    assert archive.connection.execute("select 1 from audit where action = 'export'").fetchone() is None


def test_a_folder_that_is_not_empty_is_left_unchanged(archive: Archive, tmp_path: Path) -> None:
    archive.file()
    (tmp_path / "mine").write_text("keep")
    with pytest.raises(InvalidInput):
        export_charts(archive, tmp_path, mrn="20012345")
    assert (tmp_path / "mine").read_text() == "keep"


@pytest.mark.parametrize("output_format", ["fhir", "pdf"])
def test_one_patients_bad_data_does_not_stop_the_others_and_is_named(
    archive: Archive, tmp_path: Path, output_format: str
) -> None:
    archive.file()
    archive.file(archive.tomasz)
    damaged = archive.file(archive.tomasz)
    archive.connection.execute("update document set pdf = repeat('0', 64) where id = %s", [damaged])
    since = datetime.now(UTC) - timedelta(days=1)
    done = export_charts(archive, tmp_path / "out", since=since, output_format=output_format)
    assert (done.patients, done.documents) == (1, 1)
    assert [chart.mrn for chart in done.failed] == ["20055501"]
    if output_format == "fhir":
        (outcome,) = resources(tmp_path / "out" / "OperationOutcome.ndjson")
        assert "20055501" in outcome["issue"][0]["diagnostics"]
        assert len(list((tmp_path / "out" / "documents").iterdir())) == 1
        assert len(resources(tmp_path / "out" / "Patient.ndjson")) == 1
    else:
        assert [file.name for file in (tmp_path / "out").iterdir()] == ["20012345.pdf"]


def test_an_impossible_birth_date_is_named(archive: Archive, tmp_path: Path) -> None:
    archive.file()
    archive.file(archive.tomasz)
    archive.connection.execute("update patient set dob = '1971-13-45' where mrn = '20055501'")
    done = export_charts(archive, tmp_path / "out", since=datetime.now(UTC) - timedelta(days=1))
    assert [chart.mrn for chart in done.failed] == ["20055501"]
    assert "birthDate" in done.failed[0].reason
