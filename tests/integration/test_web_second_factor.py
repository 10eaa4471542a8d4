"""The second factor, re-authentication, and what an administrator changes in an account."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from fastapi.testclient import TestClient
from httpx import Response

from pipeline.config import Settings
from pipeline.errors import Conflict
from pipeline.store.database import connect
from pipeline.web.auth import accounts, attempts, second_factor
from pipeline.web.auth.attempts import PERSON
from pipeline.web.auth.notices import notices_for
from pipeline.web.auth.permissions import Role
from pipeline.web.auth.request_context import DEVICE_COOKIE, SESSION_COOKIE
from pipeline.web.auth.second_factor import accept_code, matching_counter
from pipeline.web.auth.sessions import csrf_token
from tests.support.hospital import PASSWORD, Hospital, SignedInUser, application

SignInAs = Callable[[Role], SignedInUser]
RFC_SECRET = b"12345678901234567890"


@pytest.fixture
def ruth(hospital: Hospital) -> int:
    return accounts.add_account(hospital.connection, "ruth", Role.REVIEWER, PASSWORD, "Ruth Example")


class App:
    """An authenticator app."""

    def __init__(self, hospital: Hospital, account: int) -> None:
        row = hospital.connection.execute(
            "select secret from second_factor where account_id = %s", [account]
        ).fetchone()
        assert row is not None
        self._generator = TOTP(bytes(row["secret"]), 6, SHA1(), 30)

    def code(self, steps: int = 0) -> str:
        """The code now, or some steps of 30 seconds later."""
        return self._generator.generate(int(time.time()) + 30 * steps).decode()


def enroll(hospital: Hospital, account: int) -> list[str]:
    """Set up a second factor, with a code of the step before, and return the recovery codes."""
    second_factor.begin_enrollment(hospital.connection, account, "ruth")
    codes = second_factor.confirm_enrollment(hospital.connection, account, App(hospital, account).code(-1))
    assert codes is not None
    return codes


def sign_in(site: TestClient, name: str = "ruth") -> Response:
    site.cookies.clear()
    answer: Response = site.post("/login", data={"name": name, "password": PASSWORD, "then": "/queue"})
    return answer


def post(site: TestClient, path: str, **form: Any) -> Response:
    answer: Response = site.post(path, data={"csrf": csrf_token(site.cookies[SESSION_COOKIE])} | form)
    return answer


@pytest.mark.parametrize(
    ("seconds", "code"), [(1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")]
)
def test_codes_are_those_of_rfc_6238_and_accepted_one_step_early_or_late(seconds: int, code: str) -> None:
    step = seconds // 30
    assert matching_counter(RFC_SECRET, code, seconds) == step
    assert matching_counter(RFC_SECRET, f"{code[:3]} {code[3:]}", seconds + 30) == step
    assert matching_counter(RFC_SECRET, code, seconds - 30) == step
    assert matching_counter(RFC_SECRET, code, seconds + 60) is None
    assert matching_counter(RFC_SECRET, code[:5], seconds) is None


def test_after_the_password_nothing_opens_before_the_code(
    hospital: Hospital, site: TestClient, ruth: int
) -> None:
    enroll(hospital, ruth)
    answer = sign_in(site)
    assert answer.headers["location"] == "/login/code?then=%2Fqueue"
    assert DEVICE_COOKIE not in site.cookies
    before = site.cookies[SESSION_COOKIE]
    assert site.get("/queue").headers["location"] == "/login/code"
    assert "/queue" not in site.get("/login/code").text, "the menu is not shown"
    assert post(site, "/password", old=PASSWORD, new="x" * 12, confirmation="x" * 12).status_code == 303
    assert site.get("/queue").status_code == 303
    assert post(site, "/login/code", code="000000").status_code == 401
    answer = post(site, "/login/code", code=App(hospital, ruth).code(), then="/queue")
    assert answer.headers["location"] == "/queue"
    assert site.get("/queue").status_code == 200
    assert site.cookies[SESSION_COOKIE] != before
    site.cookies.clear()
    assert site.get("/queue", headers={"cookie": f"{SESSION_COOKIE}={before}"}).status_code == 303


def test_the_password_alone_is_worth_nothing_after_five_minutes(
    hospital: Hospital, site: TestClient, ruth: int
) -> None:
    enroll(hospital, ruth)
    sign_in(site)
    hospital.connection.execute("update web_session set opened_at = now() - interval '6 minutes'")
    assert post(site, "/login/code", code=App(hospital, ruth).code()).status_code in (303, 401)
    assert site.get("/queue").headers["location"].startswith("/login?")


def test_a_code_is_accepted_once_even_by_two_at_the_same_time(
    hospital: Hospital, dsn: str, ruth: int
) -> None:
    enroll(hospital, ruth)
    code = App(hospital, ruth).code()
    start = threading.Barrier(4)

    def use(_: int) -> bool:
        with connect(dsn) as connection:
            start.wait()
            return accept_code(connection, ruth, code)

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(use, range(4))) == [False, False, False, True]
    assert not accept_code(hospital.connection, ruth, App(hospital, ruth).code(-1)), "an older code"


def test_a_recovery_code_is_accepted_once_and_stored_only_as_a_hash(hospital: Hospital, ruth: int) -> None:
    codes = enroll(hospital, ruth)
    assert len(set(codes)) == second_factor.RECOVERY_CODES
    stored = {row["code"] for row in hospital.connection.execute("select code from recovery_code")}
    assert not stored & set(codes)
    assert accept_code(hospital.connection, ruth, codes[0].lower().replace("-", " "))
    assert not accept_code(hospital.connection, ruth, codes[0])
    assert accept_code(hospital.connection, ruth, codes[1])
    assert second_factor.unused_recovery_codes(hospital.connection, ruth) == len(codes) - 2


def test_guessing_codes_is_counted_and_a_right_password_does_not_reset_the_count(
    hospital: Hospital, site: TestClient, ruth: int
) -> None:
    enroll(hospital, ruth)
    sign_in(site)
    for number in range(PERSON.free):
        assert post(site, "/login/code", code=f"{number:06}").status_code == 401
        assert sign_in(site).status_code == 303
    key = attempts._key("name", "code", "ruth")
    row = hospital.connection.execute("select failures from sign_in_attempt where key = %s", [key]).fetchone()
    assert row is not None
    assert PERSON.free - 1 < row["failures"] <= PERSON.free
    hospital.connection.execute(
        "update sign_in_attempt set blocked_until = blocked_until + interval '1 hour'"  # not a test of speed
    )
    assert post(site, "/login/code", code=App(hospital, ruth).code()).status_code == 401
    assert site.get("/queue").headers["location"] == "/login/code"


@pytest.fixture
def strict_site(hospital: Hospital, dsn: str) -> Iterator[TestClient]:
    """The application with a second factor required for reviewers."""
    required = hospital.settings.sign_in.model_copy(update={"second_factor_roles": ("reviewer",)})
    hospital.settings = hospital.settings.model_copy(update={"sign_in": required})
    with (
        application(hospital, dsn) as app,
        TestClient(app, base_url="http://127.0.0.1", follow_redirects=False) as client,
    ):
        yield client


def test_a_role_that_requires_a_second_factor_sets_it_up_before_anything_else(
    hospital: Hospital, strict_site: TestClient, ruth: int
) -> None:
    sign_in(strict_site)
    assert strict_site.get("/queue").headers["location"] == "/account/second-factor"
    page = strict_site.get("/account/second-factor").text
    assert "<svg" in page
    assert "style=" not in page
    assert post(strict_site, "/account/second-factor", code="000000").status_code == 422
    answer = post(strict_site, "/account/second-factor", code=App(hospital, ruth).code())
    assert len(re.findall(r"[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3}", answer.text)) == second_factor.RECOVERY_CODES
    assert strict_site.get("/queue").status_code == 200
    assert post(strict_site, "/account/second-factor/remove").status_code == 409
    assert second_factor.has_second_factor(hospital.connection, ruth)


def test_changes_of_accounts_need_a_recent_sign_in(
    hospital: Hospital, site: TestClient, sign_in_as: SignInAs, ruth: int
) -> None:
    hospital.connection.execute("update account set role = 'administrator' where id = %s", [ruth])
    sign_in(site)
    hospital.connection.execute("update web_session set authenticated_at = now() - interval '11 minutes'")
    clerk = hospital.accounts[Role.CLERK]
    form = {"role": "supervisor", "enabled": "true", "reset": "true"}
    answer = post(site, f"/accounts/{clerk}", **form)
    assert answer.headers["location"].startswith("/account/confirm")
    assert accounts.account_with_id(hospital.connection, clerk).role is Role.CLERK
    assert site.get("/account/second-factor").headers["location"].startswith("/account/confirm")
    assert post(site, "/account/confirm", old="wrong", then="/accounts").status_code == 401
    assert post(site, "/account/confirm", old=PASSWORD, then="/accounts").headers["location"] == "/accounts"
    assert post(site, f"/accounts/{clerk}", **form).status_code == 200
    assert accounts.account_with_id(hospital.connection, clerk).role is Role.SUPERVISOR


def test_confirming_who_one_is_needs_the_second_factor_too(
    hospital: Hospital, site: TestClient, ruth: int
) -> None:
    enroll(hospital, ruth)
    sign_in(site)
    post(site, "/login/code", code=App(hospital, ruth).code())
    assert post(site, "/account/confirm", old=PASSWORD).status_code == 401
    codes = second_factor.renew_recovery_codes(hospital.connection, ruth)
    assert post(site, "/account/confirm", old=PASSWORD, code=codes[0]).status_code == 303


def test_an_administrator_who_takes_over_an_account_is_seen_by_its_person_and_the_privacy_officer(
    hospital: Hospital, site: TestClient, sign_in_as: SignInAs, ruth: int
) -> None:
    enroll(hospital, ruth)
    sign_in(site)
    victims_session = site.cookies[SESSION_COOKIE]
    administrator = sign_in_as(Role.ADMINISTRATOR)
    answer = administrator.post(
        f"/accounts/{ruth}", role="reviewer", enabled="true", reset="true", reset_factor="true"
    )
    temporary = re.search(r'class="secret">([^<]+)<', answer.text)
    assert temporary is not None
    assert not second_factor.has_second_factor(hospital.connection, ruth)
    site.cookies.clear()
    assert site.get("/queue", headers={"cookie": f"{SESSION_COOKIE}={victims_session}"}).status_code == 303
    told = [notice.text for notice in notices_for(hospital.connection, ruth, unseen=True)]
    assert told == [
        "The password of Ruth Example was reset.",
        "The second factor of Ruth Example was removed.",
    ]

    officer = sign_in_as(Role.PRIVACY_OFFICER)
    assert officer.get("/audit").headers["location"] == "/account/notices"
    page = officer.get("/account/notices").text
    assert "The password of Ruth Example was reset." in page
    assert "administrator" in page
    last = max(int(number) for number in re.findall(r'name="last" value="(\d+)"', page))
    officer.post("/account/notices", last=last)
    audit = officer.get("/audit?action=account").text
    assert "reset_factor: True" in audit
    assert temporary.group(1) not in audit

    site.cookies.clear()
    site.post("/login", data={"name": "ruth", "password": temporary.group(1)})
    new = "trombone lichen orbit sauce"
    post(site, "/password", old=temporary.group(1), new=new, confirmation=new)
    assert site.get("/queue").headers["location"] == "/account/notices"
    assert "was reset" in site.get("/account/notices").text


def test_the_last_privacy_officer_and_the_last_administrator_stay(
    hospital: Hospital, sign_in_as: SignInAs
) -> None:
    officer = hospital.accounts[Role.PRIVACY_OFFICER]
    administrator = sign_in_as(Role.ADMINISTRATOR)
    for form in ({"role": "privacy_officer"}, {"role": "clerk", "enabled": "true"}):
        assert administrator.post(f"/accounts/{officer}", **form).status_code == 409
    with pytest.raises(Conflict):
        accounts.change_account(
            hospital.connection, hospital.accounts[Role.ADMINISTRATOR], Role.CLERK, True, "x"
        )
    second = accounts.add_account(hospital.connection, "second", Role.PRIVACY_OFFICER, None)
    assert administrator.post(f"/accounts/{officer}", role="privacy_officer").status_code == 303
    assert administrator.post(f"/accounts/{second}", role="privacy_officer").status_code == 409


def test_two_administrators_who_close_each_other_at_once_leave_one(hospital: Hospital, dsn: str) -> None:
    names = ("omar", "lena", "mia", "noor")
    hospital.connection.execute("update account set disabled_at = now() where role = 'administrator'")
    ids = [accounts.add_account(hospital.connection, name, Role.ADMINISTRATOR, None) for name in names]
    start = threading.Barrier(len(ids))

    def close(account: int) -> bool:
        with connect(dsn) as connection:
            start.wait()
            try:
                with connection.transaction():
                    accounts.change_account(connection, account, Role.ADMINISTRATOR, False, "another")
            except Conflict:
                return False
            return True

    with ThreadPoolExecutor(len(ids)) as threads:
        assert sum(threads.map(close, ids)) == len(ids) - 1


@pytest.fixture
def sso_settings(hospital: Hospital) -> Settings:
    """The settings of a hospital that signs in at its identity provider, with passwords for emergencies."""
    web = hospital.settings.web.model_copy(
        update={"oidc_issuer": "http://127.0.0.1:9", "oidc_client_id": "chartloom"}
    )
    emergency = hospital.settings.sign_in.model_copy(update={"passwords": "emergency"})
    hospital.settings = hospital.settings.model_copy(update={"web": web, "sign_in": emergency})
    return hospital.settings


def test_with_single_sign_on_only_marked_accounts_use_a_password_and_the_privacy_officer_is_told(
    hospital: Hospital, sso_settings: Settings, site: TestClient, sign_in_as: SignInAs, ruth: int
) -> None:
    assert 'name="password"' not in site.get("/login").text
    assert 'name="password"' in site.get("/login?emergency=true").text
    assert sign_in(site).status_code == 401
    person = accounts.account_with_id(hospital.connection, ruth)
    accounts.set_emergency(hospital.connection, person, True, "admin")
    assert sign_in(site).status_code == 303
    officer = sign_in_as(Role.PRIVACY_OFFICER)
    assert "signed in with a password in an emergency" in officer.get("/account/notices").text


def test_if_passwords_are_never_used_the_right_one_is_refused(
    hospital: Hospital, sso_settings: Settings, dsn: str, ruth: int
) -> None:
    hospital.connection.execute("update account set emergency = true")
    never = sso_settings.sign_in.model_copy(update={"passwords": "never"})
    hospital.settings = sso_settings.model_copy(update={"sign_in": never})
    with (
        application(hospital, dsn) as app,
        TestClient(app, base_url="http://127.0.0.1", follow_redirects=False) as client,
    ):
        assert sign_in(client).status_code == 401
        assert 'name="password"' not in client.get("/login?emergency=true").text
