"""`chartloom doctor` reports each problem and what to do about it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from pipeline.config import Settings, load_settings
from pipeline.ocr.engines import tesseract
from pipeline.runtime.doctor import Finding, run_checks
from pipeline.store.audit import write_audit
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


def test_an_address_that_other_machines_can_reach_is_reported_or_called_out_if_a_setting_allows_it(
    settings: Settings,
) -> None:
    for is_allowed in (False, True):
        adt = settings.adt.model_copy(update={"host": "0.0.0.0", "allow_insecure": is_allowed})
        found = findings(free_port(settings.model_copy(update={"adt": adt})))
        assert "addresses" not in found
        address = found["adt address"]
        assert (address.ok, address.warning) == (is_allowed, is_allowed)
        assert address.exit_code == (0 if is_allowed else 5)
        assert "adt.tls_certificate is not set and anyone may connect" in address.detail
        assert "adt.allowed_networks" in address.remedy


def sign_in(connection: Connection, name: str, address: str) -> None:
    write_audit(connection, name, "login", role="reviewer", address=address)


def test_a_proxy_whose_address_is_taken_for_that_of_the_users_is_reported(
    settings: Settings, connection: Connection
) -> None:
    for number in range(4):
        sign_in(connection, f"user{number}", f"10.20.0.{number}")
    assert "client addresses" not in findings(free_port(settings))
    for number in range(9):
        sign_in(connection, f"user{number}", "10.20.9.9")
    found = findings(free_port(settings))["client addresses"]
    assert (found.ok, found.warning) == (True, True)
    assert "9 of 9 users signed in from 10.20.9.9" in found.detail
    assert "web.trusted_proxies" in found.remedy
