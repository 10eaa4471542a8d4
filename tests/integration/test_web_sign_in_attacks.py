"""Attacks on the sign-in: guessing in parallel, delaying others, telling accounts apart, weak and temporary
passwords."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from argon2 import PasswordHasher
from fastapi.testclient import TestClient
from httpx import Response

from pipeline.errors import InvalidInput, ServiceUnavailable
from pipeline.store.database import Pool, open_pool
from pipeline.web.auth import accounts, attempts, passwords, sign_in
from pipeline.web.auth.accounts import Temporary
from pipeline.web.auth.attempts import NETWORK, PERSON, Client, network_of
from pipeline.web.auth.permissions import Role
from pipeline.web.auth.purge import purge
from pipeline.web.auth.request_context import DEVICE_COOKIE, SESSION_COOKIE
from pipeline.web.auth.sessions import csrf_token
from pipeline.web.auth.sign_in import check_password
from tests.support.hospital import PASSWORD, Hospital, SignedInUser

THREADS = 20
SignInAs = Callable[[Role], SignedInUser]


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use argon2 with its smallest parameters: these tests count verifications, which would take minutes."""
    smallest = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    dummy = smallest.hash("no one's password")
    monkeypatch.setattr(passwords, "hasher", lambda: smallest)
    monkeypatch.setattr(passwords, "dummy_hash", lambda: dummy)


@pytest.fixture
def ruth(hospital: Hospital) -> int:
    return accounts.add_account(hospital.connection, "ruth", Role.REVIEWER, PASSWORD, "Ruth Example")


@pytest.fixture
def pool(dsn: str) -> Iterator[Pool]:
    with open_pool(dsn, THREADS) as opened:
        yield opened


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The stored hash of every verification: None if the password could not have been right."""
    seen: list[str | None] = []
    lock, original = threading.Lock(), passwords.matches

    def count(password: str, hashed: str | None) -> bool:
        with lock:
            seen.append(hashed)
        return original(password, hashed)

    monkeypatch.setattr(sign_in, "matches", count)
    return seen


@pytest.fixture
def long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the first wait last minutes, and failures stay, so that a slow machine makes no difference."""
    for name in ("PERSON", "NETWORK"):
        long = {"first_delay_seconds": 600, "max_delay_seconds": 600, "forget_seconds": 1_000_000}
        limit = replace(getattr(attempts, name), **long)
        monkeypatch.setattr(attempts, name, limit)


def post_sign_in(
    site: TestClient, password: str = PASSWORD, name: str = "ruth", device: str = ""
) -> Response:
    site.cookies.clear()
    headers = {"cookie": f"{DEVICE_COOKIE}={device}"} if device else {}
    answer: Response = site.post("/login", data={"name": name, "password": password}, headers=headers)
    return answer


def guess(pool: Pool, password: str, address: str = "192.0.2.7", device: str | None = None) -> bool:
    client = Client(address=address, device=device)
    return check_password(pool, "ruth", password, client).account is not None


def test_twenty_threads_that_guess_at_once_get_no_more_attempts_than_one(
    pool: Pool, ruth: int, verified: list[str | None], long_waits: None
) -> None:
    start = threading.Barrier(THREADS)

    def try_one(number: int) -> bool:
        start.wait()
        return guess(pool, f"guess number {number}")

    with ThreadPoolExecutor(THREADS) as threads:
        assert not any(threads.map(try_one, range(THREADS)))
    assert len(verified) == THREADS
    assert sum(hashed is not None for hashed in verified) <= PERSON.free


def test_a_flood_of_sign_ins_is_refused_instead_of_holding_every_thread_of_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(passwords, "_waiting", threading.BoundedSemaphore(1))
    started, finish = threading.Event(), threading.Event()

    class SlowHasher:
        def hash(self, password: str) -> str:
            started.set()
            assert finish.wait(60)
            return f"hash of {password}"

    monkeypatch.setattr(passwords, "hasher", SlowHasher)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(passwords.hash_password, "one")
        assert started.wait(60)
        with pytest.raises(ServiceUnavailable):
            passwords.hash_password("two")
        finish.set()
        assert first.result() == "hash of one"


def test_each_further_failure_waits_twice_as_long_and_an_early_attempt_does_not_prolong_the_wait(
    hospital: Hospital, pool: Pool, ruth: int
) -> None:
    def wait_seconds() -> float:
        row = hospital.connection.execute(
            """select max(extract(epoch from blocked_until - at)) as wait, max(blocked_until) as until
               from sign_in_attempt where failures >= %s""",
            [PERSON.free - 1],
        ).fetchone()
        assert row is not None
        return float(row["wait"] or 0)

    waits = []
    for _ in range(PERSON.free + 3):
        hospital.connection.execute("update sign_in_attempt set blocked_until = now() - interval '1 s'")
        guess(pool, "wrong")
        waits.append(wait_seconds())
    assert waits[: PERSON.free - 1] == [0] * (PERSON.free - 1)
    assert all(1.8 < later / earlier < 2.2 for earlier, later in zip(waits[-4:], waits[-3:], strict=False))
    before = wait_seconds()
    assert not guess(pool, PASSWORD)
    assert wait_seconds() == before


def test_the_wait_is_limited_and_fades_so_that_no_one_is_locked_out(
    hospital: Hospital, pool: Pool, ruth: int
) -> None:
    for _ in range(PERSON.free + 12):
        hospital.connection.execute("update sign_in_attempt set blocked_until = now() - interval '1 s'")
        guess(pool, "wrong")
    row = hospital.connection.execute(
        "select max(blocked_until - at) <= make_interval(secs => %s) as short from sign_in_attempt",
        [PERSON.max_delay_seconds],
    ).fetchone()
    assert row == {"short": True}
    hospital.connection.execute(
        """update sign_in_attempt
           set at = at - interval '1 day', blocked_until = blocked_until - interval '1 day'"""
    )
    assert not guess(pool, "wrong")
    assert guess(pool, PASSWORD), "after a day the failures are forgotten"


def test_an_attacker_elsewhere_does_not_delay_a_person_at_a_browser_that_they_have_used_before(
    site: TestClient, pool: Pool, ruth: int, long_waits: None
) -> None:
    device = post_sign_in(site).cookies[DEVICE_COOKIE]
    for _ in range(NETWORK.free + 5):
        guess(pool, "wrong", address="testclient")
    assert post_sign_in(site).status_code == 401, "an unknown browser waits"
    assert post_sign_in(site, device="made up").status_code == 401
    assert post_sign_in(site, device=device).status_code == 303


def test_a_known_browser_cannot_guess_faster_and_helps_with_no_other_account(
    hospital: Hospital, site: TestClient, ruth: int, verified: list[str | None], long_waits: None
) -> None:
    device = post_sign_in(site).cookies[DEVICE_COOKIE]
    verified.clear()
    for _ in range(PERSON.free + 3):
        post_sign_in(site, "wrong", device=device)
    assert sum(hashed is not None for hashed in verified) == PERSON.free
    accounts.add_account(hospital.connection, "omar", Role.CLERK, PASSWORD)
    verified.clear()
    for _ in range(PERSON.free + 3):
        post_sign_in(site, "wrong", name="omar", device=device)
    assert sum(hashed is not None for hashed in verified) == PERSON.free


def test_a_network_that_tries_many_names_is_slowed_down_and_a_subscriber_of_ipv6_is_one_network(
    pool: Pool, ruth: int, verified: list[str | None], long_waits: None
) -> None:
    for number in range(NETWORK.free):
        client = Client(address=f"2001:db8:1:2::{number:x}")
        check_password(pool, f"person{number}", "wrong", client)
    assert not guess(pool, PASSWORD, address="2001:db8:1:2:ffff::1")
    assert guess(pool, PASSWORD, address="2001:db8:1:3::1")
    assert network_of("::ffff:192.0.2.1") == "192.0.2.1"


def test_accounts_unknown_known_closed_expired_and_throttled_get_the_same_answer_at_the_same_cost(
    hospital: Hospital, site: TestClient, ruth: int, verified: list[str | None], long_waits: None
) -> None:
    connection = hospital.connection
    accounts.add_account(connection, "omar", Role.CLERK, PASSWORD)
    accounts.add_account(connection, "lena", Role.CLERK, Temporary.generate(1))
    connection.execute("update account set disabled_at = now() where name = 'omar'")
    connection.execute("update account set password_expires_at = now() where name = 'lena'")
    for _ in range(PERSON.free):
        guess_name(site, "mia")
    answers = []
    for name in ("ruth", "nobody", "omar", "lena", "clerk", "mia"):
        verified.clear()
        answer = guess_name(site, name)
        answers.append((answer.status_code, answer.text.replace(f'value="{name}"', ""), len(verified)))
    assert len(set(answers)) == 1
    assert answers[0][2] == 1, "exactly one hash is verified"


def guess_name(site: TestClient, name: str) -> Response:
    return post_sign_in(site, "wrong but long enough", name)


def test_the_stored_counter_does_not_contain_a_password_that_was_typed_as_the_user_name(
    hospital: Hospital, site: TestClient
) -> None:
    post_sign_in(site, "x", name="my secret password")
    rows = hospital.connection.execute("select key from sign_in_attempt").fetchall()
    assert rows
    assert all(len(row["key"]) == 64 and "secret" not in row["key"] for row in rows)


def test_guessing_the_current_password_on_an_unattended_screen_is_counted_like_a_sign_in(
    hospital: Hospital, site: TestClient, ruth: int, verified: list[str | None], long_waits: None
) -> None:
    post_sign_in(site)
    form = {
        "csrf": csrf_token(site.cookies[SESSION_COOKIE]),
        "new": "quite another one",
        "confirmation": "quite another one",
    }
    verified.clear()
    for number in range(PERSON.free + 2):
        assert site.post("/password", data=form | {"old": f"guess {number}"}).status_code == 422
        assert site.post("/account/confirm", data=form | {"old": f"guess {number}"}).status_code == 401
    assert sum(hashed is not None for hashed in verified) == PERSON.free
    assert site.post("/password", data=form | {"old": PASSWORD}).status_code == 422
    row = hospital.connection.execute(
        "select count(*) as n from audit where action = 'password' and detail @> '{\"refused\": true}'"
    ).fetchone()
    assert row == {"n": PERSON.free + 3}


@pytest.mark.parametrize(
    "weak",
    [
        " " * 12,
        "aaaaaaaaaaaa",
        "123456789012",
        "qwertyuiop12",
        "Password2026!",
        "ruth.example",
        "RuthExample2026!",
        "Northside-2026",
        "northside hospital",
        "Chartloom-1234",
        "Summer2026!!",
        "correcthorse",
        "short",
        "x" * 257,
    ],
)
def test_common_blank_repeated_and_named_passwords_are_refused(weak: str) -> None:
    with pytest.raises(InvalidInput):
        passwords.check_new_password(weak, ["ruth.example", "Ruth Example", "Northside Hospital"])


@pytest.mark.parametrize(
    "good",
    ["trombone lichen orbit sauce", "kX9#vQpL2mZt", "Ruth keeps seven noisy walruses", "пароль из слов дома"],
)
def test_long_and_random_passwords_are_accepted(good: str) -> None:
    passwords.check_new_password(good, ["ruth.example", "Ruth Example", "Northside Hospital"])


def test_twelve_blanks_and_the_hospitals_name_are_refused_on_the_page(
    hospital: Hospital, site: TestClient, ruth: int
) -> None:
    post_sign_in(site)
    csrf = csrf_token(site.cookies[SESSION_COOKIE])
    hospital_name = hospital.settings.delivery.organization_name
    for new in (" " * 12, f"{hospital_name} 2026", PASSWORD):
        form = {"csrf": csrf, "old": PASSWORD, "new": new, "confirmation": new}
        assert site.post("/password", data=form).status_code == 422
    assert post_sign_in(site).status_code == 303


def test_a_temporary_password_opens_nothing_but_the_page_to_change_it_and_expires(
    hospital: Hospital, site: TestClient
) -> None:
    temporary = Temporary.generate(1)
    account = accounts.add_account(hospital.connection, "lena", Role.CLERK, temporary)
    assert post_sign_in(site, temporary.password, "lena").status_code == 303
    assert site.get("/intake").headers["location"] == "/password"
    csrf = csrf_token(site.cookies[SESSION_COOKIE])
    refused = site.post("/quarantine/1", data={"csrf": csrf}, headers={"accept": "application/json"})
    assert refused.status_code in (303, 403, 405)
    new = "trombone lichen orbit sauce"
    form = {"csrf": csrf, "old": temporary.password, "new": new, "confirmation": new}
    assert site.post("/password", data=form).status_code == 303
    assert site.get("/intake").status_code == 200
    person = accounts.account_with_id(hospital.connection, account)
    again = accounts.reset_password(hospital.connection, person, 1, "admin")
    hospital.connection.execute("update account set password_expires_at = now() where id = %s", [account])
    assert post_sign_in(site, again.password, "lena").status_code == 401


def test_ended_sessions_faded_failures_and_unused_browsers_are_purged_and_no_others(
    hospital: Hospital, site: TestClient, ruth: int, pool: Pool
) -> None:
    post_sign_in(site)
    guess(pool, "wrong")
    assert purge(hospital.connection, 15) == {"sessions": 0, "attempts": 0, "devices": 0, "notices": 0}
    for table, column in (("web_session", "seen_at"), ("sign_in_attempt", "at"), ("known_device", "used_at")):
        hospital.connection.execute(f"update {table} set {column} = now() - interval '100 days'".encode())
    purged = purge(hospital.connection, 15)
    assert purged["sessions"] == 1
    assert purged["devices"] == 1
    assert purged["attempts"] >= 1
    row = hospital.connection.execute("select count(*) as n from sign_in_attempt").fetchone()
    assert row == {"n": 0}
