"""What a client can do to the web application with large, slow and half-sent requests: each attack is
bounded, and bodies are read only from those who may send them.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient
from starlette.applications import Starlette

from pipeline.config.values import parse_network
from pipeline.web import request_limits
from pipeline.web.auth.permissions import Role
from tests.support.hospital import Hospital, SignedInUser, application, csrf_token
from tests.support.web_server import serving

POOL_CONNECTIONS = 3
LIMITS = {
    "request_header_timeout_seconds": 0.5,
    "request_body_timeout_seconds": 4.0,
    "min_upload_bytes_per_second": 1_000_000,
    "max_request_bytes": 20_000,
    "max_connections": 40,
    "max_connections_per_client": 50,
}
HUGE = 600_000_000
SignIn = Callable[[Role], SignedInUser]


@pytest.fixture
def address(hospital: Hospital, dsn: str) -> Iterator[tuple[str, int]]:
    """The application with low limits and few database connections."""
    settings = hospital.settings
    intake = settings.intake.model_copy(update={"max_bytes": 500_000})
    web = settings.web.model_copy(update=LIMITS)
    hospital.settings = settings.model_copy(update={"web": web, "intake": intake})
    with application(hospital, dsn, POOL_CONNECTIONS) as app, serving(app) as url:
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        yield parts.hostname, parts.port


@pytest.fixture
def sign_in(hospital: Hospital, address: tuple[str, int]) -> SignIn:
    """Open a session. Requests are sent by `request`, not by its client."""
    return lambda role: SignedInUser.sign_in(hospital, TestClient(Starlette()), role)


def head(path: str, headers: dict[str, str], method: str = "POST") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", *(f"{k}: {v}" for k, v in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def signed(user: SignedInUser, **more: str) -> dict[str, str]:
    changes = {name.replace("_", "-"): value for name, value in more.items()}
    return user.headers | {"x-csrf-token": csrf_token(user.token)} | changes


def answer(sender: socket.socket) -> bytes:
    """Return everything that the server sends until it closes the connection."""
    parts = []
    with contextlib.suppress(ConnectionError):
        while received := sender.recv(65_536):
            parts.append(received)
    return b"".join(parts)


def status(response: bytes) -> int:
    return int(response.split(b" ", 2)[1]) if response else 0


def request(address: tuple[str, int], *parts: bytes) -> bytes:
    """Send a request and return the response."""
    with socket.create_connection(address, timeout=20) as sender:
        with contextlib.suppress(ConnectionError):  # refused while it is being sent
            for part in parts:
                sender.sendall(part)
        return answer(sender)


def get(address: tuple[str, int], path: str) -> int:
    return status(request(address, head(path, {"connection": "close"}, "GET")))


MULTIPART = {"content-type": "multipart/form-data; boundary=x", "accept": "application/json"}
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/items/1/file", MULTIPART),
        ("/upload/large.pdf", {"accept": "application/json"}),
        ("/api/v1/items/1/file", JSON),
        ("/api/v1/items/1/file", JSON | {"authorization": "Bearer made-up"}),
        ("/upload/large.pdf", {"cookie": "chartloom_session=made-up", "accept": "application/json"}),
    ],
)
def test_the_body_of_an_unknown_sender_is_not_read(
    address: tuple[str, int], path: str, headers: dict[str, str]
) -> None:
    declared = request(address, head(path, headers | {"content-length": str(HUGE)}))  # no body follows
    assert status(declared) == 401
    assert b"connection: close" in declared.lower()
    assert status(request(address, head(path, headers | {"transfer-encoding": "chunked"}))) == 401


def test_a_path_that_does_not_exist_reads_no_body(address: tuple[str, int]) -> None:
    for path in ("/nothing", "/static/app.js", "/queue"):
        assert status(request(address, head(path, {"content-length": str(HUGE)}))) in (404, 405)
    assert status(request(address, head("/login", {"content-length": str(HUGE)}, "GET"))) == 200


def test_a_sign_in_may_be_a_few_kilobytes(address: tuple[str, int]) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert status(request(address, head("/login", form | {"content-length": "100000"}))) == 413
    body = b"name=a&password=" + b"x" * 17_000
    large = head("/login", form | {"content-length": str(len(body))})
    assert status(request(address, large, body)) == 413


def test_a_signed_in_user_cannot_send_more_than_the_limit(address: tuple[str, int], sign_in: SignIn) -> None:
    reviewer = sign_in(Role.REVIEWER)
    for path, kind in (("/items/1/file", MULTIPART), ("/api/v1/items/1/file", JSON)):
        headers = signed(reviewer) | kind
        declared = request(address, head(path, headers | {"content-length": str(HUGE)}))
        assert status(declared) == 413
        chunk = b"4e20\r\n" + b"x" * 20_000 + b"\r\n"
        streamed = request(address, head(path, headers | {"transfer-encoding": "chunked"}), chunk, chunk)
        assert status(streamed) == 413
        assert b"connection: close" in streamed.lower()


def test_an_upload_may_be_as_large_as_a_scan_and_only_of_those_who_may_upload(
    address: tuple[str, int], sign_in: SignIn, hospital: Hospital
) -> None:
    clerk, reviewer = sign_in(Role.CLERK), sign_in(Role.REVIEWER)
    content = b"x" * 100_000  # more than other requests may have
    headers = signed(clerk, content_length=str(len(content)), connection="close")
    assert status(request(address, head("/upload/a.pdf", headers), content)) == 200
    too_large = head("/upload/a.pdf", signed(clerk, content_length="600000"))
    assert status(request(address, too_large)) == 413
    form = head("/upload/a.pdf", signed(clerk, content_length=str(HUGE)) | MULTIPART)
    assert status(request(address, form)) == 413
    refused = head("/upload/a.pdf", signed(reviewer, content_length="100000", accept="application/json"))
    assert status(request(address, refused)) == 403


def test_slow_uploads_hold_no_database_connection(address: tuple[str, int], sign_in: SignIn) -> None:
    clerk = sign_in(Role.CLERK)
    content = b"%PDF-1.4 not a scan"
    headers = signed(clerk, content_length=str(len(content)), connection="close")
    with contextlib.ExitStack() as stack:
        senders = [
            stack.enter_context(socket.create_connection(address, timeout=20))
            for _ in range(4 * POOL_CONNECTIONS)
        ]
        for number, sender in enumerate(senders):
            sender.sendall(head(f"/upload/{number}.pdf", headers) + content[:5])
        assert [get(address, "/health") for _ in range(5)] == [200] * 5
        senders[0].sendall(content[5:])  # it is still being received, so the others were too
        assert status(answer(senders[0])) == 200
        assert {status(answer(sender)) for sender in senders[1:]} == {408}


def test_slow_forms_hold_no_database_connection(address: tuple[str, int], sign_in: SignIn) -> None:
    headers = signed(sign_in(Role.REVIEWER), content_length="1000") | MULTIPART
    with contextlib.ExitStack() as stack:
        for _ in range(4 * POOL_CONNECTIONS):
            sender = stack.enter_context(socket.create_connection(address, timeout=20))
            sender.sendall(head("/items/1/file", headers) + b"--x\r\n")
        assert get(address, "/health") == 200


def test_a_client_that_does_not_complete_its_header_is_disconnected(address: tuple[str, int]) -> None:
    for begun in (b"", b"GET / HTTP/1.1\r\nhost: a\r\n"):
        with socket.create_connection(address, timeout=20) as sender:
            started = time.monotonic()
            sender.sendall(begun)
            assert answer(sender) == b""
            assert time.monotonic() - started < 5


def test_a_header_that_arrives_byte_by_byte_does_not_extend_the_time(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=20) as sender:
        started = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - started < 10:
                sender.sendall(b"G")
                time.sleep(0.05)
        assert time.monotonic() - started < 5


def test_a_further_request_on_a_connection_has_the_same_deadline(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=20) as sender:
        sender.sendall(head("/health", {}, "GET"))
        assert status(sender.recv(65_536)) == 200
        sender.sendall(b"GET /hea")
        started = time.monotonic()
        answer(sender)
        assert time.monotonic() - started < 5


def test_a_form_that_is_not_completed_is_refused(address: tuple[str, int], sign_in: SignIn) -> None:
    headers = signed(sign_in(Role.REVIEWER), content_length="100") | JSON
    started = time.monotonic()
    assert status(request(address, head("/api/v1/items/1/file", headers), b"{")) == 408
    assert time.monotonic() - started < 10


def test_further_connections_are_refused_and_the_application_recovers(address: tuple[str, int]) -> None:
    idle = [socket.create_connection(address, timeout=20) for _ in range(LIMITS["max_connections"])]  # type: ignore[call-overload]
    time.sleep(0.1)
    assert get(address, "/health") == 503
    for sender in idle:
        assert answer(sender) == b""  # each is disconnected within its limit
        sender.close()
    assert get(address, "/health") == 200


def test_the_connections_of_one_address_are_limited_unless_it_is_a_proxy(
    hospital: Hospital, dsn: str
) -> None:
    for proxies, are_open in (((), 5), ((parse_network("127.0.0.1"),), 8)):
        changes = {"max_connections_per_client": 5, "trusted_proxies": proxies}
        web = hospital.settings.web.model_copy(update=changes)
        hospital.settings = hospital.settings.model_copy(update={"web": web})
        with application(hospital, dsn) as app, serving(app) as url, contextlib.ExitStack() as stack:
            address = (str(urlsplit(url).hostname), int(urlsplit(url).port or 0))
            senders = [stack.enter_context(socket.create_connection(address, timeout=20)) for _ in range(8)]
            statuses = []
            for sender in senders:
                with contextlib.suppress(ConnectionError):
                    sender.sendall(head("/health", {}, "GET"))
                    statuses.append(status(sender.recv(65_536)))
            assert statuses.count(200) == are_open


def test_an_upload_ends_when_the_session_of_its_sender_ends(
    address: tuple[str, int], sign_in: SignIn, hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_limits, "AUTHENTICATION_INTERVAL_SECONDS", 0.0)
    headers = signed(sign_in(Role.CLERK), content_length="400000", accept="application/json")
    with socket.create_connection(address, timeout=20) as sender:
        sender.sendall(head("/upload/a.pdf", headers) + b"x" * 10)
        time.sleep(0.2)
        hospital.connection.execute("delete from web_session")
        sender.sendall(b"x" * 10)
        assert status(answer(sender)) == 401


def test_deeply_nested_json_is_refused(address: tuple[str, int], sign_in: SignIn) -> None:
    body = b"[" * 19_000
    headers = signed(sign_in(Role.REVIEWER), content_length=str(len(body)), connection="close") | JSON
    assert status(request(address, head("/api/v1/items/1/file", headers), body)) in (400, 422)


def test_behind_a_proxy_the_audit_has_the_address_of_the_client_and_browsers_are_told_to_use_https(
    hospital: Hospital, dsn: str
) -> None:
    web = hospital.settings.web.model_copy(update={"trusted_proxies": (parse_network("10.20.0.7"),)})
    hospital.settings = hospital.settings.model_copy(update={"web": web})
    forwarded = {"x-forwarded-for": "198.51.100.7", "x-forwarded-proto": "https"}
    form = {"name": "reviewer", "password": "wrong"}
    with application(hospital, dsn) as app:
        for peer in ("10.20.0.7", "127.0.0.1"):
            client = TestClient(app, client=(peer, 4711), base_url="http://chartloom")
            answer = client.post("/login", data=form, headers=forwarded)
            assert ("strict-transport-security" in answer.headers) == (peer == "10.20.0.7")
    rows = hospital.connection.execute("select address from audit where action = 'login_failed' order by id")
    assert [row["address"] for row in rows] == ["198.51.100.7", "127.0.0.1"]
