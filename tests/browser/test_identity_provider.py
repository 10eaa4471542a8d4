"""Signing in through a real identity provider: the npm package oidc-provider in a separate process."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pydantic import SecretStr

from pipeline.config import Settings
from pipeline.web.auth.accounts import link_sso
from tests.support.hospital import Hospital

HERE = Path(__file__).parent / "identity_provider"
FETCH_SECONDS = 120.0  # a few megabytes
Window = Callable[..., Page]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def packages() -> Path:
    """The provider's packages, installed once by npm. Skipped with the reason if npm or its registry is
    missing.
    """
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("npm is not installed: apt-get install npm")
    if not (HERE / "node_modules" / "oidc-provider").is_dir():
        command = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--silent"]
        try:
            subprocess.run(command, cwd=HERE, check=True, timeout=FETCH_SECONDS, capture_output=True)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            shutil.rmtree(
                HERE / "node_modules", ignore_errors=True
            )  # an incomplete installation would look complete
            pytest.skip("npm could not fetch oidc-provider: is its registry reachable?")
    return HERE


@pytest.fixture
def issuer() -> str:
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture
def settings(settings: Settings, issuer: str) -> Settings:
    """The settings with the provider."""
    known = {
        "oidc_issuer": issuer,
        "oidc_client_id": "chartloom",
        "oidc_client_secret": SecretStr("a secret of the tests only"),
    }
    return settings.model_copy(update={"web": settings.web.model_copy(update=known)})


@pytest.fixture
def provider(packages: Path, issuer: str, site: str) -> Iterator[None]:
    """The running provider."""
    port = issuer.rpartition(":")[2]
    command = ["node", "provider.mjs", port, f"{site}/login/oidc/callback"]
    with subprocess.Popen(
        command, cwd=packages, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        assert any("ready" in line for line in process.stdout)
        yield
        process.terminate()


def sign_in_there(page: Page, who: str) -> None:
    """Fill in the provider's form, then consent to the sign-in."""
    page.goto("/login")
    page.get_by_role("link", name="Sign in with").press("Enter")
    page.fill("input[name=login]", who)
    page.fill("input[name=password]", "any")
    page.keyboard.press("Enter")
    page.get_by_role("button", name=re.compile("continue", re.IGNORECASE)).press("Enter")


def clerk_page(hospital: Hospital, window: Window, issuer: str) -> Page:
    """Link the clerk to a user of the provider, sign in there, and return the page."""
    link_sso(hospital.connection, "clerk", f"{issuer}#carl")
    page = window(None)
    sign_in_there(page, "carl")
    page.wait_for_url("**/intake")
    return page


def test_a_linked_user_signs_in_to_the_account_with_its_permissions(
    hospital: Hospital, window: Window, issuer: str, provider: None
) -> None:
    page = clerk_page(hospital, window, issuer)
    expect(page.get_by_role("link", name="Clerk")).to_be_visible()
    row = hospital.connection.execute("select account, action from audit where action = 'login'").fetchone()
    assert row == {"account": "clerk", "action": "login"}
    page.goto("/queue")
    expect(page.get_by_role("heading", name="Not allowed")).to_be_visible()


def test_who_is_signed_in_is_confirmed_by_a_new_sign_in_at_the_provider(
    hospital: Hospital, window: Window, issuer: str, provider: None
) -> None:
    page = clerk_page(hospital, window, issuer)
    page.goto("/account/second-factor")
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    page.get_by_role("link", name="again").press("Enter")
    page.fill("input[name=login]", "carl")
    page.fill("input[name=password]", "any")
    page.keyboard.press("Enter")
    page.wait_for_url("**/intake")
    page.goto("/account/second-factor")
    expect(page.get_by_role("heading", name="Set up a second factor")).to_be_visible()


def test_a_user_without_a_linked_account_cannot_sign_in(
    hospital: Hospital, window: Window, issuer: str, provider: None
) -> None:
    page = window(None)
    sign_in_there(page, "stranger")
    expect(page.get_by_role("alert")).to_contain_text(f"{issuer}#stranger")
    page.goto("/queue")
    page.wait_for_url("**/login?then=*")


def test_a_response_that_this_browser_did_not_request_is_rejected(
    hospital: Hospital, window: Window, provider: None
) -> None:
    page = window(None)
    page.goto("/login/oidc/callback?state=stolen&code=stolen")
    expect(page.get_by_role("alert")).to_contain_text("not started in this browser")
    page.goto("/login")
    page.get_by_role("link", name="Sign in with").click()
    page.wait_for_selector("input[name=login]")
    page.goto("/login/oidc/callback?state=stolen&code=stolen")
    expect(page.get_by_role("alert")).to_contain_text("another sign-in")
