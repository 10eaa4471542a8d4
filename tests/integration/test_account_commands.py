"""The commands for accounts and API tokens, as an administrator types them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import typer
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from pipeline.commands import accounts
from pipeline.errors import ChartloomError
from pipeline.web.auth.permissions import Role
from tests.support.environment import environment
from tests.support.hospital import Hospital

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(hospital: Hospital, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in the hospital's installation. Returns the exit code and the output."""
    for name, value in environment(hospital.settings).items():
        monkeypatch.setenv(name, value)
    app = typer.Typer()
    accounts.register(app)

    def run_command(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["accounts", *words])
        if isinstance(result.exception, ChartloomError):
            return result.exception.exit_code, str(result.exception)
        return result.exit_code, result.output

    return run_command


def test_a_new_password_of_the_command_line_is_temporary_told_to_the_person_and_audited_without_it(
    hospital: Hospital, run: Run, site: TestClient
) -> None:
    assert run("add", "Lena", "--role", "clerk", "--by", "olga")[0] == 0
    code, output = run("password", "lena", "--remove-second-factor", "--by", "olga")
    assert code == 0
    password = output.split("password ")[1].split()[0]
    assert site.post("/login", data={"name": "lena", "password": password}).status_code == 303
    assert site.get("/intake").headers["location"] == "/password"
    told = hospital.connection.execute(
        "select kind, actor from account_notice where recipient_id = %s order by id",
        [hospital.accounts[Role.PRIVACY_OFFICER]],
    ).fetchall()
    assert told == [{"kind": "added", "actor": "olga"}, {"kind": "password_reset", "actor": "olga"}]
    lines = hospital.connection.execute("select account, detail::text as detail from audit").fetchall()
    assert [line["account"] for line in lines[:2]] == ["olga", "olga"]
    assert not any(password in line["detail"] for line in lines)


def test_a_token_is_created_with_scopes_listed_and_revoked(run: Run, site: TestClient) -> None:
    code, output = run("token", "reviewer", "--name", "worklist", "--scope", "review.read", "--days", "7")
    assert code == 0
    headers = {"authorization": f"Bearer {output.split()[0]}"}
    assert site.get("/api/v1/queue", headers=headers).status_code == 200
    assert site.get("/api/v1/search?q=x", headers=headers).status_code == 403
    listed = json.loads(run("tokens", "--json")[1])
    assert (listed["name"], listed["account"], listed["scopes"]) == ("worklist", "reviewer", ["review.read"])
    assert listed["used_from"] == "testclient"
    assert run("token", "clerk", "--name", "worklist", "--revoke") == (0, "0 revoked\n")
    assert run("token", "reviewer", "--name", "worklist", "--revoke") == (0, "1 revoked\n")
    assert site.get("/api/v1/queue", headers=headers).status_code == 401
    assert "revoked" in run("tokens")[1]


def test_a_token_without_a_scope_or_for_too_long_is_refused(run: Run) -> None:
    assert run("token", "reviewer", "--name", "x")[0] == 2
    assert run("token", "reviewer", "--name", "x", "--scope", "everything")[0] == 2
    assert run("token", "reviewer", "--name", "x", "--scope", "search", "--days", "10000")[0] == 2
    assert run("tokens") == (0, "")


def test_an_account_is_marked_for_emergencies_and_linked_to_single_sign_on(
    hospital: Hospital, run: Run
) -> None:
    assert run("emergency", "clerk")[0] == 0
    assert run("link-sso", "clerk", "https://login.example#1")[0] == 0
    assert run("emergency", "nobody")[0] == 7
    row = hospital.connection.execute(
        "select emergency, subject from account where name = 'clerk'"
    ).fetchone()
    assert row == {"emergency": True, "subject": "https://login.example#1"}
    assert run("emergency", "clerk", "--forbid")[0] == 0
    assert "clerk" in run("list")[1]
