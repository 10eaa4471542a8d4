"""The client's address and scheme come from the headers of trusted proxies only."""

from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from pipeline.config import load_settings
from pipeline.config.values import parse_network
from pipeline.web.trusted_proxies import TrustedProxies

FORWARDED = {"x-forwarded-for": "192.0.2.66, 198.51.100.7", "x-forwarded-proto": "https"}


async def seen(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the client and the scheme of the request."""
    request = Request(scope)
    assert request.client is not None
    answer = JSONResponse({"client": request.client.host, "scheme": request.url.scheme})
    await answer(scope, receive, send)


def ask(peer: str, headers: dict[str, str], *proxies: str, certificate: str | None = None) -> object:
    """Return what the application sees of a request, or the status of a refusal."""
    changes = {"trusted_proxies": tuple(map(parse_network, proxies)), "tls_certificate": certificate}
    web = load_settings().web.model_copy(update=changes)
    client = TestClient(TrustedProxies(seen, web), client=(peer, 4711), base_url="http://chartloom")
    response = client.get("/", headers=headers)
    return response.json() if response.status_code == 200 else response.status_code


def test_a_trusted_proxy_names_the_client_and_the_scheme() -> None:
    assert ask("10.20.0.7", FORWARDED, "10.20.0.7") == {"client": "198.51.100.7", "scheme": "https"}
    assert ask("10.20.0.7", FORWARDED, "10.20.0.0/16", "198.51.100.0/24") == {
        "client": "192.0.2.66",  # the nearest address that is no proxy
        "scheme": "https",
    }


def test_a_client_that_is_no_proxy_cannot_name_another_address() -> None:
    assert ask("127.0.0.1", FORWARDED) == {"client": "127.0.0.1", "scheme": "http"}
    assert ask("127.0.0.1", FORWARDED, "10.20.0.7") == {"client": "127.0.0.1", "scheme": "http"}
    secured = ask("192.0.2.1", FORWARDED, "10.20.0.7", certificate="own.pem")
    assert secured == {"client": "192.0.2.1", "scheme": "http"}


def test_a_request_of_a_proxy_counts_as_https_unless_the_proxy_says_otherwise() -> None:
    assert ask("10.20.0.7", {}, "10.20.0.7") == {"client": "10.20.0.7", "scheme": "https"}
    plain = ask("10.20.0.7", {"x-forwarded-proto": "http"}, "10.20.0.7")
    assert plain == {"client": "10.20.0.7", "scheme": "http"}


def test_without_a_certificate_only_the_proxy_and_this_machine_are_answered() -> None:
    assert ask("192.0.2.1", {}, "10.20.0.7") == 403
    assert ask("127.0.0.1", {}, "10.20.0.7") == {"client": "127.0.0.1", "scheme": "http"}


def test_an_ipv4_address_in_ipv6_notation_is_the_same_address() -> None:
    assert ask("::ffff:10.20.0.7", FORWARDED, "10.20.0.0/16") == {
        "client": "198.51.100.7",
        "scheme": "https",
    }


def test_ignored_headers_are_logged_once_for_each_address(caplog: pytest.LogCaptureFixture) -> None:
    web = load_settings().web
    client = TestClient(TrustedProxies(seen, web), client=("10.20.0.7", 4711))
    for _ in range(3):
        client.get("/", headers=FORWARDED)
    assert caplog.text.count("forwarded headers ignored") == 1
    assert "10.20.0.7" in caplog.text
    assert "198.51.100.7" not in caplog.text
