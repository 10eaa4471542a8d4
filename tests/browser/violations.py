"""What is wrong with a page for people who see or operate it in another way: axe-core, and its width."""

from __future__ import annotations

from collections.abc import Callable

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

TABLET = {"width": 820, "height": 1180}
WINDOW = {"width": 1280, "height": 800}


def violations(page: Page, name: str, screenshot: Callable[[Page, str], None]) -> list[tuple[object, ...]]:
    """Return the violations that axe finds on the page in light and, because only colors differ, for
    contrast in dark, and elements wider than the screen.
    """
    found: list[tuple[object, ...]] = []
    for theme, options in (("light", None), ("dark", {"runOnly": ["color-contrast"]})):
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        report = Axe().run(page, options=options)
        found += [
            (name, theme, entry["id"], entry["nodes"][0]["target"]) for entry in report.response["violations"]
        ]
        screenshot(page, f"{name}-{theme}")
    for size in (TABLET, WINDOW):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        found += [(name, "wider than", size["width"])] if wide > 0 else []
        if size is TABLET:
            screenshot(page, f"{name}-tablet")
    page.emulate_media(color_scheme="light")
    return found
