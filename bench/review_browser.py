"""How long a reviewer waits for the screen, in a real browser on loopback: `python -m bench.review ...
--screens 60`.

Next item: from the key that files an item to the next item's page painted. Page image: from the browser
asking for a page's picture, which it does not have, to its being painted. Both by the browser's own clock:
the largest contentful paint of each page, which is the page's picture."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI
from playwright.sync_api import Page, sync_playwright

from pipeline.web.auth.request_context import SESSION_COOKIE
from tests.support.web_server import serving

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LOOK_MILLISECONDS = 20
WATCH = """
addEventListener("keydown", (event) => {
  if (event.key === "a") sessionStorage.setItem("pressed", performance.timeOrigin + performance.now());
}, true);
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if (entry.element?.matches(".page-view img")) window.painted = { at: performance.timeOrigin + entry.startTime, url: entry.url };
  }
}).observe({ type: "largest-contentful-paint", buffered: true });
"""
PAINTED = "window.painted && window.painted.at"
DECIDED = "window.painted && window.painted.at - Number(sessionStorage.getItem('pressed'))"
FETCHED = """window.painted && window.painted.at - performance.timeOrigin
    - performance.getEntriesByType("resource").find((entry) => entry.name === window.painted.url).startTime"""


@contextmanager
def browsing(app: FastAPI, token: str) -> Iterator[Page]:
    """A page of Chromium, signed in to the application, which answers on a free port of loopback."""
    with serving(app) as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        context = browser.new_context(base_url=site, viewport={"width": 1280, "height": 800})
        context.add_cookies(
            [{"name": SESSION_COOKIE, "value": token, "url": site, "httpOnly": True, "sameSite": "Strict"}]
        )
        context.add_init_script(WATCH)
        yield context.new_page()
        browser.close()


def next_items(page: Page, times: int, pause: float) -> list[float]:
    """Milliseconds from the deciding key to the next item's page. `pause`: seconds that a person looks before
    the key.
    """
    page.goto("/queue")
    page.keyboard.press("n")
    page.wait_for_url("**/items/*")
    found = []
    for turn in range(times + 1):
        _milliseconds(page, PAINTED)
        time.sleep(pause)
        before = page.url
        page.keyboard.press("1")
        page.keyboard.press("a")
        page.wait_for_url(lambda url, before=before: url != before)  # type: ignore[misc]
        if turn:  # the first warms up
            found.append(_milliseconds(page, DECIDED))
    return found


def page_images(page: Page, documents: list[int]) -> list[float]:
    """Milliseconds from the request for a page's picture to its paint, of documents that were not looked at
    before.
    """
    found = []
    for turn, document in enumerate(documents):
        page.goto(f"/documents/{document}")
        if turn:
            found.append(_milliseconds(page, FETCHED))
    return found


def _milliseconds(page: Page, expression: str) -> float:
    """What the expression says once the page's picture is painted; the page's policy lets no script be
    evaluated in it.
    """
    while (found := page.evaluate(expression)) is None:
        page.wait_for_timeout(LOOK_MILLISECONDS)
    return float(found)
