"""`chartloom ingest` prints a line with the outcome of every file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import Settings
from pipeline.store.blobs import Blobs
from pipeline.store.database import Connection
from tests.support.environment import environment
from tests.support.scan_records import printed

KEYS = [
    "id",
    "status",
    "pages",
    "type",
    "loinc",
    "type_probability",
    "patient",
    "match_probability",
    "fields",
    "reasons",
]


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """A folder with a chart, a copy of it under another name, a damaged PDF, a note that is not a scan, and
    a hidden file.
    """
    folder = tmp_path / "inbox"
    (folder / "sub folder").mkdir(parents=True)
    chart = printed("Discharge summary\nMRN: 4711001", "Second page")
    (folder / "b.tif").write_bytes(chart)
    (folder / "sub folder" / "copy\nof é.tif").write_bytes(chart)
    (folder / "a.pdf").write_bytes(b"%PDF-1.4\nnothing else")
    (folder / "note.txt").write_text("not a scan", encoding="utf-8")
    (folder / ".hidden.tif").write_bytes(chart)
    return folder


def chartloom(settings: Settings, *words: object) -> tuple[int, list[dict[str, Any]], str]:
    """Return the exit status, the JSON lines, and the other output."""
    run = subprocess.run(
        [sys.executable, "-m", "pipeline", *map(str, words)],
        env={**os.environ, **environment(settings), "CHARTLOOM_WORKER__PROCESSES": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    return run.returncode, [json.loads(line) for line in run.stdout.splitlines()], run.stderr


def test_every_file_gets_one_line_and_a_rejected_one_changes_the_exit_status(
    connection: Connection, settings: Settings, blobs: Blobs, inbox: Path
) -> None:
    code, lines, _ = chartloom(settings, "ingest", inbox, "--wait", "--json")
    by_name = {Path(line["file"]).name: line for line in lines}
    assert code == 2
    assert {name: line["status"] for name, line in by_name.items()} == {
        "a.pdf": "quarantined",
        "b.tif": "review",
        "copy\nof é.tif": "duplicate",
        "note.txt": "skipped",
        ".hidden.tif": "skipped",
    }
    assert "not a PDF" in by_name["note.txt"]["reason"]
    assert "hidden" in by_name[".hidden.tif"]["reason"]
    chart, copy, broken = by_name["b.tif"], by_name["copy\nof é.tif"], by_name["a.pdf"]
    assert Path(chart["file"]) == inbox / "b.tif"
    assert [list(document) for document in chart["documents"]] == [KEYS] * len(chart["documents"])
    assert sorted(page for document in chart["documents"] for page in document["pages"]) == [1, 2]
    assert chart["documents"][0]["reasons"][0].keys() == {"code", "detail", "weight"}
    assert (copy["scan"], copy["documents"]) == (chart["scan"], chart["documents"])
    assert "b.tif" in copy["reason"]
    assert broken["reason"]
    assert broken["documents"] == []

    again, lines, _ = chartloom(settings, "ingest", inbox / "b.tif", "--wait", "--json")
    assert (again, lines[0]["status"], lines[0]["scan"]) == (0, "duplicate", chart["scan"])
    search_code, (hit,), _ = chartloom(settings, "search", "discharge", "--json")
    assert (search_code, hit["document"], hit["page"]) == (0, chart["documents"][0]["id"], 1)
    noted = connection.execute("select action, detail ->> 'query' as query from audit").fetchall()
    assert noted == [{"action": "search", "query": "discharge"}]
    known, (state,), _ = chartloom(settings, "status", "--json")
    assert (known, state["scans"]) == (0, {"waiting": 0, "done": 1, "quarantined": 1})


def cover_sheet(to: Path, files: int) -> bytes:
    """Return the PDF of a batch cover sheet that expects that many files."""
    words = ["separator-sheets", "--batch", "box 17", "--files", str(files), "--out", str(to)]
    subprocess.run([sys.executable, "-m", "pipeline", *words], check=True, capture_output=True)
    return to.read_bytes()


def test_a_zip_and_a_folder_with_a_cover_sheet_are_batches_and_an_incomplete_one_needs_review(
    connection: Connection, settings: Settings, blobs: Blobs, tmp_path: Path
) -> None:
    sheets = {files: cover_sheet(tmp_path / f"{files}.pdf", files) for files in (1, 3)}
    folder = tmp_path / "box 18"
    folder.mkdir()
    (folder / "0 sheet.pdf").write_bytes(sheets[1])
    (folder / "1.tif").write_bytes(printed("Progress note"))
    with zipfile.ZipFile(tmp_path / "box 17.zip", "w") as box:
        box.writestr("0 sheet.pdf", sheets[3])
        box.writestr("ward/1.tif", printed("Discharge summary"))
    code, lines, output = chartloom(settings, "ingest", tmp_path / "box 17.zip", folder, "--wait", "--json")
    assert code == 0, output
    by_name = {Path(line["file"]).name: line for line in lines}
    assert sorted(by_name) == ["0 sheet.pdf", "1.tif", "box 17.zip"]
    zipped = by_name["box 17.zip"]
    assert (zipped["status"], len(zipped["documents"])) == ("review", 1)
    assert [line["file"] for line in zipped["files"]] == ["0 sheet.pdf", "ward/1.tif"]
    assert "Batch 'box 17.zip': 1 files, 1 documents, 1 pages; NOT BALANCED" in output
    assert "3 files expected, 1 arrived" in output
    assert "Batch 'box 18': 1 files, 1 documents, 1 pages; balanced" in output
    waiting = connection.execute(
        "select reasons from review_item where kinds = '{batch}' and closed_at is null"
    ).fetchall()
    assert [row["reasons"][0]["code"] for row in waiting] == ["batch_count_mismatch"]
    kept, papers, _ = chartloom(settings, "reconcile", "--shreddable", "--json")
    assert kept == 0
    assert {paper["kept_for"] for paper in papers if paper["batch"] == "box 17.zip"} <= {"batch", "review"}


def test_a_zip_that_cannot_be_ingested_is_one_file_in_quarantine(
    settings: Settings, blobs: Blobs, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "letter.docx", "w") as office:
        office.writestr("[Content_Types].xml", "")
    code, (line,), _ = chartloom(settings, "ingest", tmp_path / "letter.docx", "--json")
    assert (code, line["status"]) == (2, "quarantined")
    assert "office document" in line["reason"]


def test_a_path_that_does_not_exist_is_reported_before_anything_is_ingested(
    settings: Settings, blobs: Blobs, inbox: Path
) -> None:
    code, lines, output = chartloom(settings, "ingest", inbox / "b.tif", inbox / "nowhere", "--json")
    assert (code, lines) == (7, [])
    assert "nowhere" in output


def test_an_unavailable_store_is_reported(
    settings: Settings, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = settings.storage.model_copy(update={"endpoint": "127.0.0.1:9"})
    away = settings.model_copy(update={"storage": storage})
    monkeypatch.setenv("CHARTLOOM_STORAGE__CONNECT_TIMEOUT_SECONDS", "0.2")
    code, lines, output = chartloom(away, "ingest", inbox / "b.tif", "--json")
    assert (code, lines) == (3, [])
    assert "127.0.0.1:9" in output
