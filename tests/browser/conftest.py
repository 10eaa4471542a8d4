"""A real browser and a real server: Debian's Chromium, and the application on a free port on loopback."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from pipeline.web.auth.permissions import Role
from pipeline.web.auth.request_context import SESSION_COOKIE
from pipeline.web.auth.sessions import open_session
from pipeline.web.routes import server_sent_events
from tests.support.hospital import Hospital, application
from tests.support.web_server import serving

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TIMEOUT_MS = 15_000  # the machine may be busy


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for each file of tests. It owns Playwright's event loop, and tests of other files need
    their own.
    """
    path = shutil.which("chromium")
    assert path, "chromium is missing: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def site(hospital: Hospital, dsn: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of the running application. Its live pages are updated more often than in production."""
    monkeypatch.setattr(server_sent_events, "UPDATE_INTERVAL_SECONDS", 0.3)
    with application(hospital, dsn) as app, serving(app) as address:
        yield address


@pytest.fixture
def window(chromium: Browser, hospital: Hospital, site: str) -> Iterator[Callable[..., Page]]:
    """Open browser windows of a user with that role (None: not signed in). A script error or a violation of
    the content security policy fails the test.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_window(role: Role | None, theme: str = "light", width: int = 1280, height: int = 800) -> Page:
        context = chromium.new_context(
            base_url=site,
            viewport={"width": width, "height": height},
            color_scheme="dark" if theme == "dark" else "light",
        )
        contexts.append(context)
        if role is not None:
            token = open_session(hospital.connection, hospital.accounts[role])
            context.add_cookies(
                [
                    {
                        "name": SESSION_COOKIE,
                        "value": token,
                        "url": site,
                        "httpOnly": True,
                        "sameSite": "Strict",
                    }
                ]
            )
        page = context.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda message: complaints.append(message.text) if "Content Security" in message.text else None,
        )
        return page

    yield open_window
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def screenshot(request: pytest.FixtureRequest) -> Callable[[Page, str], None]:
    """Save screenshots to tests/browser/screenshots, which CI collects and git ignores."""
    folder = Path(__file__).parent / "screenshots"
    folder.mkdir(exist_ok=True)

    def save(page: Page, name: str) -> None:
        page.screenshot(path=folder / f"{name}.png")

    return save
