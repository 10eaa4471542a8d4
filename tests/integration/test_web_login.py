"""Signing in: passwords, sessions, and lock-out."""

from __future__ import annotations

from typing import Any

import pytest
from argon2 import PasswordHasher
from fastapi.testclient import TestClient
from httpx import Response

from pipeline.errors import InvalidInput
from pipeline.web.auth import accounts
from pipeline.web.auth.permissions import Role
from pipeline.web.auth.request_context import SESSION_COOKIE
from tests.support.hospital import PASSWORD, Hospital


@pytest.fixture
def ruth(hospital: Hospital) -> int:
    return accounts.add_account(hospital.connection, "ruth", Role.REVIEWER, PASSWORD, "Ruth Example")


def sign_in(site: TestClient, password: str = PASSWORD, then: str = "/queue", name: str = "ruth") -> Response:
    site.cookies.clear()
    return site.post("/login", data={"name": name, "password": password, "then": then})


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
    hospital.connection.execute("update account set password = %s, failures = 3 where id = %s", [old, ruth])
    assert sign_in(site, "wrong").status_code == 401
    assert stored_account(hospital, ruth)["password"] == old
    assert sign_in(site).status_code == 303
    renewed = stored_account(hospital, ruth)
    assert renewed["failures"] == 0
    assert not PasswordHasher().check_needs_rehash(renewed["password"])
    assert sign_in(site).status_code == 303
    assert stored_account(hospital, ruth) == renewed


def stored_account(hospital: Hospital, account: int) -> dict[str, Any]:
    row = hospital.connection.execute(
        "select password, failures from account where id = %s", [account]
    ).fetchone()
    assert row is not None
    return row


def test_five_wrong_passwords_lock_the_account_even_for_the_right_one(site: TestClient, ruth: int) -> None:
    assert [sign_in(site, "wrong").status_code for _ in range(5)] == [401] * 5
    assert sign_in(site).status_code == 429


def test_a_lock_ends_automatically(hospital: Hospital, site: TestClient, ruth: int) -> None:
    for _ in range(5):
        sign_in(site, "wrong")
    hospital.connection.execute("update account set locked_until = now() - interval '1 second'")
    assert sign_in(site).status_code == 303


def test_an_address_that_guesses_names_is_blocked(hospital: Hospital, site: TestClient, ruth: int) -> None:
    hospital.connection.execute(
        "insert into sign_in_failure (address) select 'testclient' from generate_series(1, 30)"
    )
    assert sign_in(site).status_code == 429


def test_an_unknown_name_and_a_wrong_password_get_the_same_response(site: TestClient, ruth: int) -> None:
    one, other = sign_in(site, "wrong"), sign_in(site, "wrong", name="nobody")
    assert one.status_code == other.status_code == 401
    assert one.text.replace("ruth", "") == other.text.replace("nobody", "")


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
    answer = site.post("/logout", data={"csrf": accounts.csrf_token(token)})
    assert "cache" in answer.headers["clear-site-data"]
    assert site.get("/queue", headers={"cookie": f"{SESSION_COOKIE}={token}"}).status_code == 303


def test_closing_an_account_ends_its_sessions_at_once(
    hospital: Hospital, site: TestClient, ruth: int
) -> None:
    sign_in(site)
    accounts.change_account(hospital.connection, ruth, Role.REVIEWER, enabled=False)
    assert site.get("/queue").status_code == 303
    assert sign_in(site).status_code == 401


def test_a_new_password_ends_the_old_sessions(hospital: Hospital, site: TestClient, ruth: int) -> None:
    sign_in(site)
    old = site.cookies[SESSION_COOKIE]
    form = {
        "csrf": accounts.csrf_token(old),
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


def test_the_first_start_creates_an_administrator_and_shows_the_password_once(hospital: Hospital) -> None:
    assert accounts.ensure_administrator(hospital.connection) is None
    hospital.connection.execute("delete from account")
    password = accounts.ensure_administrator(hospital.connection)
    assert password is not None
    assert accounts.ensure_administrator(hospital.connection) is None
    found = accounts.sign_in(hospital.connection, "admin", password, "here")
    assert found is not None
    assert found[0].role is Role.ADMINISTRATOR
