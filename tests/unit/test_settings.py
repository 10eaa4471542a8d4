"""Settings that are wrong are refused, with their place and the name that was probably meant."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

from pipeline.config import Settings, load_settings
from pipeline.config_errors import allowed_values, key_lines, table_of
from pipeline.errors import ConfigurationError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for variable in os.environ:
        if variable.startswith("CHARTLOOM_"):
            monkeypatch.delenv(variable)
    return tmp_path


def complaint(home: Path, text: str = "") -> str:
    (home / "chartloom.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_settings(home)
    return str(caught.value).replace(f"{home}{os.sep}", "")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[wbe]\nport = 1\n", "line 1: there is no table [wbe]; did you mean [web]?"),
        ("# mine\n\n[web]\nprot = 1\n", "line 4: there is no setting web.prot; did you mean web.port?"),
        ("web.prot = 1\n", "line 1: there is no setting web.prot; did you mean web.port?"),
        ("port = 1\n", "line 1: there is no setting port; did you mean web.port?"),
        (
            "[ocr]\nsplit_threshold = 1\n",
            "there is no setting ocr.split_threshold; did you mean classify.split_threshold?",
        ),
        ("[web]\nquux = 1\n", "line 2: there is no setting web.quux."),
        ("[archive.cost_model]\ncpu_second = 1\n", "did you mean archive.cost_model.cpu_seconds?"),
        ("[web]\nport = 0\n", "line 2: web.port is 0; it must be a whole number from 1 to 65535."),
        ("[web]\nport = 70000\n", "line 2: web.port is 70000; it must be a whole number from 1 to 65535."),
        ("[web]\nport = 'a'\n", "line 2: web.port is 'a'; it must be a whole number from 1 to 65535."),
        ("[web]\nhost = ''\n", "line 2: web.host is ''; it must be text that is not empty."),
        (
            "[intake]\nstable_seconds = -5\n",
            "intake.stable_seconds is -5; it must be a number from 0 to 604,800.",
        ),
        ("[intake]\npoll_seconds = 0\n", "intake.poll_seconds is 0; it must be a number above 0"),
        ("[intake]\npoll_seconds = inf\n", "intake.poll_seconds is inf; it must be a number above 0"),
        ("[intake]\nmax_pages = -1\n", "intake.max_pages is -1; it must be a whole number of at least 1."),
        ("[intake]\non_success = 'keep'\n", 'intake.on_success is \'keep\'; it must be "move" or "delete".'),
        ("[matching]\nthreshold = 1.5\n", "matching.threshold is 1.5; it must be a number from 0 to 1."),
        ("[matching]\nprior_not_in_index = 1\n", "it must be a number above 0 and below 1."),
        ("[classify]\nmrn_patterns = ['(']\n", "classify.mrn_patterns is not valid: '(' is not a reg"),
        ("[classify]\nmrn_patterns = 7\n", "classify.mrn_patterns is 7; it must be a list of text."),
        ("[ocr]\nlanguages = 'eng spa'\n", "line 2: ocr.languages is 'eng spa': name languages joined by +"),
        ("[archive]\nschedule = '9-17'\n", "archive.schedule is '9-17': write it as \"19:00-06:00\""),
        (
            "[display]\ntime_zone = 'Mars/North'\n",
            "display.time_zone is 'Mars/North': use a name of the IANA",
        ),
        ("[display]\ndate_order = 'us'\n", 'it must be "mdy" or "dmy" or "ymd".'),
        (
            "[delivery]\noid_root = 'urn:oid:1.2'\n",
            "delivery.oid_root is 'urn:oid:1.2': write an OID without",
        ),
        (
            "[delivery.destinations.ehr]\nkind = 'fhir'\n",
            "line 1: delivery.destinations.ehr.address is missing.",
        ),
        (
            "[delivery.destinations.ehr]\nkind = 'fhir'\naddress = 'a'\ntokn = 'x'\n",
            "line 4: there is no setting delivery.destinations.ehr.tokn; did you mean delivery.dest",
        ),
        ("[delivery.destinations]\nehr = 3\n", "delivery.destinations.ehr must be a table of settings."),
        ("web = 3\n", "line 1: web must be a table of settings."),
        ("[web\n", "is not valid TOML"),
    ],
)
def test_a_wrong_setting_in_the_file_is_reported_with_its_line(home: Path, text: str, sentence: str) -> None:
    message = complaint(home, text)
    assert message.startswith("chartloom.toml")
    assert sentence in message


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("CHARTLOOM_WEB__PROT", "1", "there is no setting web.prot; did you mean web.port?"),
        ("CHARTLOOM_WBE__PORT", "1", "there is no setting wbe.port; did you mean web.port?"),
        ("CHARTLOOM_WEB__PORT", "70000", "web.port is '70000'; it must be a whole number from 1 to 65535."),
        ("chartloom_worker__processes", "-1", "worker.processes is '-1'; it must be a whole number"),
    ],
)
def test_a_wrong_setting_in_the_environment_is_reported_with_its_variable(
    home: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(variable, value)
    assert complaint(home, "[web]\nport = 80\n").startswith(f"environment, {variable}: {sentence}")


def test_a_value_in_the_environment_that_is_not_json_is_rejected(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHARTLOOM_CLASSIFY__MRN_PATTERNS", "abc")
    assert "Write lists and tables as JSON." in complaint(home)


def test_a_variable_with_one_underscore_has_no_effect_and_causes_a_warning(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CHARTLOOM_WEB_PORT", "tcp://10.0.0.1:80")
    monkeypatch.setenv("CHARTLOOM_SERVICE_HOST", "10.0.0.1")
    with caplog.at_level(logging.WARNING):
        assert load_settings(home).web.port == 8765
    assert [record.getMessage() for record in caplog.records] == [
        "CHARTLOOM_WEB_PORT is not a setting and has no effect; did you mean CHARTLOOM_WEB__PORT?"
    ]


def test_every_problem_is_reported_at_once_and_a_secret_is_not_printed(home: Path) -> None:
    message = complaint(
        home, "[web]\nport = 0\nprot = 1\n[database]\ndsn = 5\n[storage]\nsecret_key = 1234567\n"
    )
    assert len(message.splitlines()) == 4
    assert "1234567" not in message


def test_a_command_ends_with_exit_code_5_and_the_sentence(home: Path) -> None:
    (home / "chartloom.toml").write_text("[web]\nprot = 1\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "doctor", "--home", str(home)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 5
    assert "there is no setting web.prot; did you mean web.port?" in done.stderr


def test_settings_of_the_environment_override_the_file_and_the_file_the_defaults(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "chartloom.toml").write_text("[web]\nport = 81\n[worker]\nprocesses = 3\n", encoding="utf-8")
    monkeypatch.setenv("CHARTLOOM_WEB__PORT", "82")
    settings = load_settings(home)
    assert (settings.web.port, settings.worker.processes, settings.worker.max_retries) == (82, 3, 2)


def numbers_without_a_range(model: type[BaseModel]) -> list[str]:
    below = [table_of(field.annotation) for field in model.model_fields.values()]
    own = [
        f"{model.__name__}.{name}"
        for name, field in model.model_fields.items()
        if allowed_values(field) in ("a number", "a whole number")
    ]
    return own + [name for table in below if table for name in numbers_without_a_range(table)]


def test_every_number_has_a_range() -> None:
    assert numbers_without_a_range(Settings) == []


def test_the_lines_of_keys_are_found_in_every_spelling(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text("a.b = 1\n[ c . 'd.e' ]  # why\n\"f\" = 2\n[[g]]\nh = 1\n", encoding="utf-8")
    lines = key_lines(file)
    assert lines["a", "b"] == 1
    assert lines["c", "d.e", "f"] == 3
    assert lines["g", "h"] == 5
