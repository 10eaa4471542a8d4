"""The commands for deliveries and exports, as a user types them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from pipeline.commands import deliveries, export
from pipeline.errors import ChartloomError
from tests.support.delivery_archive import Archive, a_pdf
from tests.support.environment import environment

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in the archive's installation, which has a folder `out` as destination. Returns the exit
    code and the output.
    """
    (tmp_path / "out").mkdir()
    for name, value in environment(archive.settings).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(
        "CHARTLOOM_DELIVERY__DESTINATIONS",
        json.dumps({"out": {"kind": "folder", "address": str(tmp_path / "out")}}),
    )
    app = typer.Typer()
    deliveries.register(app)
    export.register(app)

    def run_command(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, list(words))
        if isinstance(result.exception, ChartloomError):
            return result.exception.exit_code, str(result.exception)
        return result.exit_code, result.output

    return run_command


def test_deliveries_are_backfilled_sent_and_listed(archive: Archive, run: Run, tmp_path: Path) -> None:
    document = archive.file()
    assert run("deliveries", "backfill", "out") == (0, "1 documents compared with the deliveries to out.\n")
    code, output = run("deliver", "--once")
    assert (code, "Delivered: 1" in output) == (0, True)
    assert sorted(file.suffix for file in (tmp_path / "out").iterdir()) == [".csv", ".pdf"]
    listed = json.loads(run("deliveries", "list", "--document", str(document), "--json")[1])
    assert (listed["state"], listed["change"], listed["edition"]) == ("delivered", "new", 1)
    assert "1 delivered" in run("deliveries", "destinations")[1]


def test_a_failed_delivery_is_shown_retried_and_discarded(archive: Archive, run: Run) -> None:
    document = archive.file()
    run("deliveries", "backfill", "out")
    archive.change(document, pdf="f" * 64)
    run("deliver", "--once")
    failed = json.loads(run("deliveries", "list", "--state", "failed", "--json")[1])["id"]
    assert "cannot be built" in run("deliveries", "show", str(failed))[1]
    assert run("deliveries", "retry", "--to", "out")[1] == "1 will be sent again.\n"
    assert run("deliveries", "retry")[0] == 2
    assert (
        run("deliveries", "discard", str(failed), "--note", "scanned again")[1]
        == f"Delivery {failed}: discarded.\n"
    )
    audit = archive.connection.execute("select action from audit order by id").fetchall()
    assert [row["action"] for row in audit] == ["retry_delivery", "discard_delivery"]


def test_an_unknown_delivery_or_destination_has_its_exit_code(run: Run, archive: Archive) -> None:
    assert run("deliveries", "show", "99")[0] == 7
    assert run("deliveries", "backfill", "nowhere")[0] == 7
    assert run("deliver", "--once", "--to", "nowhere")[0] == 5
    assert run("deliveries", "remove-destination", "nowhere")[0] == 7


def test_a_removed_destination_gets_no_more_deliveries(archive: Archive, run: Run) -> None:
    run("deliveries", "backfill", "out")
    run("deliveries", "remove-destination", "out")
    assert archive.outbox_of("out", archive.file()) == []


def test_a_chart_is_exported_from_the_command_line(archive: Archive, run: Run, tmp_path: Path) -> None:
    archive.file(pages=2)
    to = tmp_path / "chart"
    assert run("export", "--patient", "20012345", "--to", str(to)) == (
        0,
        f"{to}: 1 patients, 1 documents, 2 pages.\n",
    )
    assert (to / "documents" / "1.1.pdf").read_bytes() == a_pdf(2, "document 1")
    assert run("export", "--patient", "20012345", "--to", str(to))[0] == 2
    assert run("export", "--since", "2030-01-01", "--to", str(tmp_path / "none"))[0] == 7
