"""Signing in with a password, and sessions."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher
from fastapi.testclient import TestClient
from httpx import Response

from pipeline.errors import InvalidInput
from pipeline.web.auth import accounts
from pipeline.web.auth.permissions import Role
from pipeline.web.auth.request_context import SESSION_COOKIE
from pipeline.web.auth.sessions import csrf_token
from pipeline.web.server import FIRST_SIGN_IN_FILE, first_start
from tests.support.hospital import PASSWORD, Hospital


@pytest.fixture
def ruth(hospital: Hospital) -> int:
    return accounts.add_account(hospital.connection, "ruth", Role.REVIEWER, PASSWORD, "Ruth Example")


def sign_in(site: TestClient, password: str = PASSWORD, then: str = "/queue", name: str = "ruth") -> Response:
    site.cookies.clear()
    answer: Response = site.post("/login", data={"name": name, "password": password, "then": then})
    return answer


def test_the_right_password_opens_a_session_in_a_cookie_that_no_script_reads(
    site: TestClient, ruth: int
) -> None:
    answer = sign_in(site, name="Ruth")
    assert (answer.status_code, answer.headers["location"]) == (303, "/queue")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert site.get("/queue").status_code == 200


def test_over_tls_the_cookie_is_secure(site: TestClient, ruth: int) -> None:
    answer = site.post("https://127.0.0.1/login", data={"name": "ruth", "password": PASSWORD})
    assert "secure" in answer.headers["set-cookie"].lower()
    assert "strict-transport-security" in answer.headers


def test_the_database_contains_neither_password_nor_token(
    hospital: Hospital, site: TestClient, ruth: int
) -> None:
    sign_in(site)
    row = hospital.connection.execute(
        "select password, token from account a join web_session s on s.account_id = a.id"
    ).fetchone()
    assert row is not None
    assert row["password"].startswith("$argon2id$")
    assert row["token"] != site.cookies[SESSION_COOKIE]


def test_a_hash_with_old_parameters_is_replaced_at_the_next_sign_in(
    hospital: Hospital, site: TestClient, ruth: int
) -> None:
    old = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
    hospital.connection.execute("update account set password = %s where id = %s", [old, ruth])
    assert sign_in(site, "wrong").status_code == 401
    assert stored_hash(hospital, ruth) == old
    assert sign_in(site).status_code == 303
    renewed = stored_hash(hospital, ruth)
    assert not PasswordHasher().check_needs_rehash(renewed)
    assert sign_in(site).status_code == 303
    assert stored_hash(hospital, ruth) == renewed


def stored_hash(hospital: Hospital, account: int) -> str:
    row = hospital.connection.execute("select password from account where id = %s", [account]).fetchone()
    assert row is not None
    return str(row["password"])


def test_signing_in_does_not_redirect_to_another_site(site: TestClient, ruth: int) -> None:
    for then in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        assert sign_in(site, then=then).headers["location"] == "/"


def test_a_session_ends_after_inactivity(hospital: Hospital, site: TestClient, ruth: int) -> None:
    sign_in(site)
    minutes = hospital.settings.web.session_idle_minutes
    hospital.connection.execute(
        "update web_session set seen_at = now() - make_interval(mins => %s)", [minutes + 1]
    )
    answer = site.get("/queue?reason=type")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?then=%2Fqueue%3Freason%3Dtype")


def test_a_session_ends_with_the_shift(hospital: Hospital, site: TestClient, ruth: int) -> None:
    sign_in(site)
    hospital.connection.execute("update web_session set opened_at = now() - interval '13 hours'")
    assert site.get("/queue").status_code == 303


def test_signing_out_ends_the_session_and_clears_the_browsers_data(
    hospital: Hospital, site: TestClient, ruth: int
) -> None:
    sign_in(site)
    token = site.cookies[SESSION_COOKIE]
    answer = site.post("/logout", data={"csrf": csrf_token(token)})
    assert "cache" in answer.headers["clear-site-data"]
    assert site.get("/queue", headers={"cookie": f"{SESSION_COOKIE}={token}"}).status_code == 303


def test_closing_an_account_ends_its_sessions_at_once(
    hospital: Hospital, site: TestClient, ruth: int
) -> None:
    sign_in(site)
    accounts.change_account(hospital.connection, ruth, Role.REVIEWER, enabled=False, actor="admin")
    assert site.get("/queue").status_code == 303
    assert sign_in(site).status_code == 401


def test_a_new_password_ends_the_old_sessions(hospital: Hospital, site: TestClient, ruth: int) -> None:
    sign_in(site)
    old = site.cookies[SESSION_COOKIE]
    form = {
        "csrf": csrf_token(old),
        "old": PASSWORD,
        "new": "quite another one",
        "confirmation": "quite another one",
    }
    assert site.post("/password", data=form).status_code == 303
    assert site.get("/queue").status_code == 200
    site.cookies.clear()
    assert site.get("/queue", headers={"cookie": f"{SESSION_COOKIE}={old}"}).status_code == 303
    assert sign_in(site).status_code == 401


def test_a_short_password_is_rejected(hospital: Hospital) -> None:
    with pytest.raises(InvalidInput, match="12 characters"):
        accounts.add_account(hospital.connection, "short", Role.CLERK, "short")


def test_the_first_administrators_password_is_in_a_file_for_its_owner_alone_and_is_not_printed(
    hospital: Hospital, site: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    first_start(hospital.connection, hospital.settings, demo=False)
    file = hospital.settings.home / FIRST_SIGN_IN_FILE
    assert not file.exists(), "there are accounts"
    hospital.connection.execute("delete from account")
    first_start(hospital.connection, hospital.settings, demo=False)
    password = file.read_text().strip()
    assert file.stat().st_mode & 0o777 == 0o600
    printed = capsys.readouterr().out
    assert str(file) in printed
    assert password not in printed
    assert sign_in(site, password, name="admin").status_code == 303
    assert site.get("/accounts").headers["location"] == "/password", "it is temporary"
