"""Measure how long a reviewer waits for the screen, in a real browser on loopback.

    python -m bench.review ... --screens 60

Next item: from the key that files an item until the page of the next item is painted. Page image: from the
browser's request for an image that it does not have until the image is painted. Both are measured by the
browser: the largest contentful paint of each page is the page image.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI
from playwright.sync_api import Page, sync_playwright

from pipeline.web.auth.request_context import SESSION_COOKIE
from tests.support.web_server import serving

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
POLL_INTERVAL_MS = 20
INIT_SCRIPT = """
addEventListener("keydown", (event) => {
  if (event.key === "a") sessionStorage.setItem("pressed", performance.timeOrigin + performance.now());
}, true);
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if (entry.element?.matches(".page-view img"))
      window.painted = { at: performance.timeOrigin + entry.startTime, url: entry.url };
  }
}).observe({ type: "largest-contentful-paint", buffered: true });
"""
PAINTED = "window.painted && window.painted.at"
DECIDED = "window.painted && window.painted.at - Number(sessionStorage.getItem('pressed'))"
FETCHED = """window.painted && window.painted.at - performance.timeOrigin
    - performance.getEntriesByType("resource").find((entry) => entry.name === window.painted.url).startTime"""


@contextmanager
def browsing(app: FastAPI, token: str) -> Iterator[Page]:
    """Yield a Chromium page that is signed in to the application, which runs on a free port on loopback."""
    with serving(app) as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=CHROMIUM_ARGUMENTS
        )
        context = browser.new_context(base_url=site, viewport={"width": 1280, "height": 800})
        context.add_cookies(
            [{"name": SESSION_COOKIE, "value": token, "url": site, "httpOnly": True, "sameSite": "Strict"}]
        )
        context.add_init_script(INIT_SCRIPT)
        yield context.new_page()
        browser.close()


def next_items(page: Page, times: int, pause: float) -> list[float]:
    """Return the milliseconds from the key that decides to the next item's page. `pause` is the time in
    seconds that a person looks before pressing the key.
    """
    page.goto("/queue")
    page.keyboard.press("n")
    page.wait_for_url("**/items/*")
    times_ms = []
    for number in range(times + 1):
        _milliseconds(page, PAINTED)
        time.sleep(pause)
        before = page.url
        page.keyboard.press("1")
        page.keyboard.press("a")
        page.wait_for_url(lambda url, before=before: url != before)  # type: ignore[misc]
        if number:  # the first one is a warm-up
            times_ms.append(_milliseconds(page, DECIDED))
    return times_ms


def page_images(page: Page, documents: list[int]) -> list[float]:
    """Return the milliseconds from the request for a page image to its paint, for documents that were not
    opened before.
    """
    times_ms = []
    for number, document in enumerate(documents):
        page.goto(f"/documents/{document}")
        if number:
            times_ms.append(_milliseconds(page, FETCHED))
    return times_ms


def _milliseconds(page: Page, expression: str) -> float:
    """Return the value of the expression when the page image is painted. The content security policy of the
    page allows no evaluated script in the page itself.
    """
    while (value := page.evaluate(expression)) is None:
        page.wait_for_timeout(POLL_INTERVAL_MS)
    return float(value)
