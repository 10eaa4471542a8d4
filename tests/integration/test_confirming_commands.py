"""Commands that join or move charts name both patients and ask for a confirmation."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import typer
from typer.testing import CliRunner

from pipeline.commands import common, documents
from pipeline.commands.patients.app import register as register_patients
from pipeline.errors import ChartloomError
from tests.support.environment import environment
from tests.support.hospital import Hospital

Run = Callable[..., tuple[int, str]]
MARTHA, MARTA, TOMASZ = "10012345", "10012399", "10055501"


@pytest.fixture
def run(hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in the hospital's installation. Returns the exit code and the output.

    `answer`: what a person types on the terminal; None: standard input is no terminal."""
    for name, value in environment(hospital.settings).items():
        monkeypatch.setenv(name, value)
    app = typer.Typer()
    register_patients(app)
    documents.register(app)

    def run_command(*words: str, answer: str | None = None) -> tuple[int, str]:
        monkeypatch.setattr(common, "has_terminal", lambda: answer is not None)
        result = CliRunner().invoke(app, list(words), input=answer)
        if isinstance(result.exception, ChartloomError):
            return result.exception.exit_code, str(result.exception)
        return result.exit_code, result.output

    return run_command


def merged(hospital: Hospital) -> int:
    row = hospital.connection.execute("select count(*) as n from patient_merge").fetchone()
    assert row is not None
    return int(row["n"])


def test_a_merge_names_both_patients_and_is_done_only_if_confirmed(hospital: Hospital, run: Run) -> None:
    hospital.connection.execute(
        "update patient set given = 'Martha', dob = '1956-08-03' where mrn = %s", [MARTA]
    )
    code, output = run("patients", "merge", MARTA, MARTHA, answer="n\n")
    assert (code, merged(hospital)) == (1, 0)
    assert (
        f"Merge Okafor, Martha (MRN {MARTA}, born 1956-08-03, 0 documents) "
        f"into Okafor, Martha (MRN {MARTHA}, born 1956-08-03, 0 documents)?"
    ) in output
    code, output = run("patients", "merge", MARTA, MARTHA)
    assert (code, merged(hospital), "add --yes" in output) == (2, 0, True)
    assert run("patients", "merge", MARTA, MARTHA, answer="y\n")[0] == 0
    assert merged(hospital) == 1


def test_records_that_differ_are_merged_only_with_a_reason_which_is_audited(
    hospital: Hospital, run: Run
) -> None:
    code, output = run("patients", "merge", MARTA, MARTHA, "--yes")
    assert (code, merged(hospital)) == (2, 0)
    assert "differ in: first name, birth date. They may be two people." in output
    note = "A typing error at the front desk."
    code, output = run("patients", "merge", MARTA, MARTHA, "--note", note, "--by", "mwhite", answer="y\n")
    assert (code, "They differ in: first name, birth date." in output) == (0, True)
    row = hospital.connection.execute("select account, patient_id, detail from audit").fetchone()
    assert row == {
        "account": "mwhite",
        "patient_id": hospital.patient_ids[0],
        "detail": {"merged": hospital.patient_ids[1], "documents": 0, "reason": note},
    }


def test_a_move_names_the_patient_of_each_chart_and_is_done_only_if_confirmed(
    hospital: Hospital, run: Run
) -> None:
    document = hospital.filed_document()
    command = ("documents", "reassign", str(document), MARTHA, "--note", "The label is another patient's.")

    def chart() -> int:
        row = hospital.connection.execute(
            "select patient_id from document where id = %s", [document]
        ).fetchone()
        assert row is not None
        return int(row["patient_id"])

    code, output = run(*command, answer="n\n")
    assert (code, chart()) == (1, hospital.patient_ids[2])
    assert (
        f"Move document {document} from Wielgosz, Tomasz (MRN {TOMASZ}, born 1971-12-30, 1 document) "
        f"to Okafor, Martha (MRN {MARTHA}, born 1956-08-03, 0 documents)?"
    ) in output
    assert run(*command)[0] == 2
    assert run(*command, "--yes")[0] == 0
    assert chart() == hospital.patient_ids[0]
