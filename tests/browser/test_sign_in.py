"""The pages of signing in and of one's own account, in a browser: first sign-in, second factor, recovery."""

from __future__ import annotations

import time
from collections.abc import Callable

from axe_playwright_python.sync_playwright import Axe
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from playwright.sync_api import Page, expect

from pipeline.web.auth import accounts
from pipeline.web.auth.accounts import Temporary
from pipeline.web.auth.permissions import Role
from pipeline.web.auth.tokens import add_token
from tests.support.hospital import Hospital

Window = Callable[..., Page]
Screenshot = Callable[[Page, str], None]
NEW = "trombone lichen orbit sauce"


def check(page: Page, name: str, screenshot: Screenshot) -> None:
    """Take pictures in light and dark, and check that axe-core finds nothing and nothing is too wide."""
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        screenshot(page, f"{name}-{theme}")
        found = [violation["id"] for violation in Axe().run(page).response["violations"]]
        assert found == [], (name, theme)
    window, tablet = {"width": 1280, "height": 800}, {"width": 820, "height": 1180}
    for size in (tablet, window):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (name, size)


def test_from_the_temporary_password_to_a_second_factor_and_back_in_with_a_code(
    hospital: Hospital, window: Window, screenshot: Screenshot
) -> None:
    temporary = Temporary.generate(1)
    account = accounts.add_account(hospital.connection, "lena", Role.CLERK, temporary, "Lena Example")
    page = window(None)
    page.goto("/login")
    page.fill("#name", "lena")
    page.fill("#password", "wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Wrong user name or password")
    check(page, "sign-in-failed", screenshot)
    page.fill("#password", temporary.password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Change your password")).to_be_visible()
    check(page, "temporary-password", screenshot)
    page.fill("#old", temporary.password)
    page.fill("#new", NEW)
    page.fill("#confirmation", NEW)
    page.keyboard.press("Enter")
    page.wait_for_url("**/intake")
    page.get_by_role("link", name="Lena Example").click()
    check(page, "account", screenshot)
    page.get_by_role("link", name="Set up a second factor").click()
    expect(page.get_by_role("heading", name="Set up a second factor")).to_be_visible()
    check(page, "second-factor", screenshot)
    row = hospital.connection.execute(
        "select secret from second_factor where account_id = %s", [account]
    ).fetchone()
    assert row is not None
    app = TOTP(bytes(row["secret"]), 6, SHA1(), 30)
    page.fill("#code", app.generate(int(time.time()) - 30).decode())
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Keep your recovery codes")).to_be_visible()
    check(page, "recovery-codes", screenshot)
    page.goto("/account")
    check(page, "account-with-factor", screenshot)
    page.get_by_role("button", name="Sign out").click()
    page.fill("#name", "lena")
    page.fill("#password", NEW)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Enter your code")).to_be_visible()
    check(page, "code", screenshot)
    page.fill("#code", app.generate(int(time.time())).decode())
    page.keyboard.press("Enter")
    page.wait_for_url("**/intake")
    hospital.connection.execute("update web_session set authenticated_at = now() - interval '1 hour'")
    page.goto("/account/second-factor")
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    check(page, "reauthentication", screenshot)


def test_the_privacy_officer_reads_what_an_administrator_changed_before_anything_else(
    hospital: Hospital, window: Window, screenshot: Screenshot
) -> None:
    person = accounts.account_named(hospital.connection, "clerk")
    accounts.reset_password(hospital.connection, person, 1, "administrator")
    add_token(hospital.connection, person.id, "worklist of the EHR", actor="administrator")
    page = window(Role.PRIVACY_OFFICER)
    page.goto("/audit")
    expect(page.get_by_role("heading", name="Changes since your last sign-in")).to_be_visible()
    check(page, "notices", screenshot)
    page.get_by_role("button", name="I have read this").click()
    page.wait_for_url("**/audit")
    administrator = window(Role.ADMINISTRATOR)
    administrator.goto("/tokens")
    check(administrator, "tokens", screenshot)
    administrator.goto("/accounts")
    check(administrator, "accounts", screenshot)
