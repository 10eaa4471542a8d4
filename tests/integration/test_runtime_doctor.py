"""`chartloom doctor` reports each problem and what to do about it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from pipeline.config import Settings, load_settings
from pipeline.ocr.engines import tesseract
from pipeline.runtime.doctor import Finding, run_checks
from pipeline.store.database import Connection


def findings(settings: Settings) -> dict[str, Finding]:
    return {found.check: found for found in run_checks(settings)}


def without_failures(found: dict[str, Finding]) -> None:
    assert {name: finding.detail for name, finding in found.items() if not finding.ok} == {}


def free_port(settings: Settings) -> Settings:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return settings.model_copy(
            update={"web": settings.web.model_copy(update={"port": sock.getsockname()[1]})}
        )


def test_a_new_home_has_no_problem(tmp_path: Path) -> None:
    found = findings(free_port(load_settings(tmp_path / "home")))
    without_failures(found)
    assert {"tesseract", "pdftoppm", "models", "disk", "database", "migrations", "object store"} <= set(found)


def test_a_migrated_database_and_a_working_store_have_no_problem(settings: Settings) -> None:
    without_failures(findings(free_port(settings)))


def test_a_missing_program_is_reported_with_the_command_that_installs_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = findings(free_port(settings))["pdftoppm"]
    assert not found.ok
    assert found.exit_code == 4
    assert "apt-get install -y poppler-utils" in found.remedy


def test_tesseract_is_checked_if_pages_are_read_with_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no program of that name is called
    found = findings(free_port(settings))["tesseract"]
    assert found.ok
    library, program = tesseract.get_interface("eng", "library"), tesseract.get_interface("eng", "program")
    assert f"tesseract {library.version()} as a library (as a program" in found.detail
    assert program.version() in found.detail


def test_doctor_names_how_tesseract_is_called(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def detail(choice: str) -> str:
        ocr = settings.ocr.model_copy(update={"tesseract": choice})
        return findings(free_port(settings.model_copy(update={"ocr": ocr})))["tesseract"].detail

    version = tesseract.get_interface("eng", "program").version()
    assert detail("program").startswith(f"tesseract {version} as a program, eng in ")
    monkeypatch.setattr(tesseract, "find_program", lambda _: None)
    assert "(as a program, for pages on which a worker died: not installed)" in detail("auto")


def test_a_port_in_use_is_reported(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        taken = settings.model_copy(update={"web": settings.web.model_copy(update={"port": port})})
        found = findings(taken)["web port"]
    assert not found.ok
    assert str(port) in found.detail
    assert "--port" in found.remedy


def test_a_database_of_a_newer_version_is_not_changed(settings: Settings, connection: Connection) -> None:
    connection.execute("insert into schema_migration (name) values ('9999_of_the_future')")
    found = findings(free_port(settings))["migrations"]
    assert not found.ok
    assert "9999_of_the_future" in found.detail


def test_a_missing_language_of_tesseract_is_reported(settings: Settings) -> None:
    spoken = settings.model_copy(update={"ocr": settings.ocr.model_copy(update={"languages": "eng+xyz"})})
    found = findings(free_port(spoken))["tesseract"]
    assert not found.ok
    assert "tesseract-ocr-xyz" in found.remedy
    assert found.exit_code == 4
