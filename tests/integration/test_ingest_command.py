"""`chartloom ingest`: a line for every file, with what became of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from processing import printed

from pipeline.config import Settings
from pipeline.store.blobs import Blobs
from pipeline.store.database import Connection
from pipeline.work.start import environment

KEYS = ["id", "status", "pages", "type", "loinc", "type_probability", "patient", "match_probability", "fields", "reasons"]


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """A folder with a chart, its copy under another name, a damaged PDF, a note that is no scan, and a hidden file."""
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
    """(exit status, JSON lines, what it said besides)."""
    run = subprocess.run(
        [sys.executable, "-m", "pipeline", *map(str, words)],
        env={**os.environ, **environment(settings), "CHARTLOOM_WORK__WORKERS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    return run.returncode, [json.loads(line) for line in run.stdout.splitlines()], run.stderr


def test_every_file_gets_one_line_and_a_refused_one_shows_in_the_exit_status(
    connection: Connection, settings: Settings, blobs: Blobs, inbox: Path
) -> None:
    code, lines, _ = chartloom(settings, "ingest", inbox, "--wait", "--json")
    by_name = {Path(line["file"]).name: line for line in lines}
    assert code == 2
    assert {name: line["status"] for name, line in by_name.items()} == {
        "a.pdf": "quarantined",
        "b.tif": "review",
        "copy\nof é.tif": "duplicate",
    }
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
    asked, (hit,), _ = chartloom(settings, "search", "discharge", "--json")
    assert (asked, hit["document"], hit["page"]) == (0, chart["documents"][0]["id"], 1)
    noted = connection.execute("select action, detail ->> 'query' as query from audit").fetchall()
    assert noted == [{"action": "search", "query": "discharge"}]
    known, (state,), _ = chartloom(settings, "status", "--json")
    assert (known, state["scans"]) == (0, {"waiting": 0, "done": 1, "quarantined": 1})


def test_a_path_that_does_not_exist_is_named_before_anything_is_taken_in(settings: Settings, blobs: Blobs, inbox: Path) -> None:
    code, lines, said = chartloom(settings, "ingest", inbox / "b.tif", inbox / "nowhere", "--json")
    assert (code, lines) == (7, [])
    assert "nowhere" in said


def test_a_store_that_is_away_is_said_so(settings: Settings, inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = settings.storage.model_copy(update={"endpoint": "127.0.0.1:9"})
    away = settings.model_copy(update={"storage": storage})
    monkeypatch.setenv("CHARTLOOM_STORAGE__WAIT_SECONDS", "0.2")
    code, lines, said = chartloom(away, "ingest", inbox / "b.tif", "--json")
    assert (code, lines) == (3, [])
    assert "127.0.0.1:9" in said
