"""Every page, light and dark: no violation that axe-core finds, nothing wider than the window, the focus always visible."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from pipeline.index import decisions
from pipeline.index.decisions import Sight
from pipeline.review.accounts import add_account
from pipeline.review.roles import Role
from tests.reviewing import PASSWORD, House

Window = Callable[..., Page]
STREAMS = ("supervisor", "today")  # their connection stays open
PAGES: tuple[tuple[str, Role | None, str], ...] = (
    ("login", None, "/login"),
    ("queue", Role.REVIEWER, "/queue"),
    ("queue-empty", Role.REVIEWER, "/queue?department=nowhere"),
    ("item", Role.REVIEWER, "/items/{item}"),
    ("patients", Role.CLINICIAN, "/patients?q=okafer"),
    ("patients-empty", Role.CLINICIAN, "/patients"),
    ("chart", Role.CLINICIAN, "/patients/{patient}"),
    ("pages", Role.REVIEWER, "/scans/1/pages"),
    ("document", Role.REVIEWER, "/documents/{document}?q=appendectomy"),
    ("search", Role.CLINICIAN, "/search?q=wound"),
    ("search-arriving", Role.CLINICIAN, "/search?q=thorax"),
    ("today", Role.CLERK, "/today"),
    ("quarantine", Role.CLERK, "/quarantine"),
    ("ledger", Role.CLERK, "/ledger"),
    ("supervisor", Role.SUPERVISOR, "/supervisor"),
    ("deliveries", Role.SUPERVISOR, "/deliveries"),
    ("merge", Role.SUPERVISOR, "/patients/{patient}/merge"),
    ("moved", Role.REVIEWER, "/documents/{moved}/moves/{move}"),
    ("audit", Role.PRIVACY_OFFICER, "/audit"),
    ("accounts", Role.ADMINISTRATOR, "/accounts"),
    ("password", Role.CLINICIAN, "/password"),
    ("not-found", Role.REVIEWER, "/documents/999999"),
    ("not-allowed", Role.CLERK, "/queue"),
)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(house: House, window: Window, shot: Callable[[Page, str], None], theme: str) -> None:
    item, document = house.doubtful(pages=3), house.sure()
    house.connection.execute("update review_item set claimed_by = 'reviewer', claimed_until = now() + interval '1 hour'")
    moved = house.sure("another.pdf")
    why = Sight(document=moved, revision=1, by="reviewer", note="The name is another.")
    move = decisions.move(house.connection, why, house.known[0])
    given = {"item": item, "document": document, "patient": house.known[2], "moved": moved, "move": move}
    still_being_read(house)
    windows: dict[Role | None, Page] = {}
    found = []
    for name, role, path in PAGES:
        page = windows.get(role) or windows.setdefault(role, window(role, theme))
        page.goto(path.format(**given))
        page.wait_for_load_state("load" if name in STREAMS else "networkidle")
        shot(page, f"{name}-{theme}")
        found += faults(page, name)
    reviewing = windows[Role.REVIEWER]
    reviewing.goto(f"/items/{item}")
    house.connection.execute("update document set revision = revision + 1")  # somebody else was faster
    reviewing.keyboard.press("1")
    reviewing.keyboard.press("a")
    reviewing.get_by_role("heading", name="Nothing was saved").wait_for()
    shot(reviewing, f"conflict-{theme}")
    assert found + faults(reviewing, "conflict") == []


def faults(page: Page, name: str) -> list[tuple[object, ...]]:
    """What axe finds on the page as it stands, and whether it is wider than the window."""
    report = Axe().run(page)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    found = [(name, entry["id"], entry["nodes"][0]["target"]) for entry in report.response["violations"]]
    return [*found, (name, "wider than the window", wide)] if wide > 0 else [*found]


def still_being_read(house: House) -> None:
    """A large scan of which one page was read so far: the cover sheet of the patient whose chart is looked at."""
    scan = """insert into scan (sha256, name, media_type, size, pages_in)
              values (repeat('e', 64), 'box 12.pdf', 'application/pdf', 1, 900) returning id"""
    row = house.connection.execute(scan).fetchone()
    assert row is not None
    page = "insert into arriving_page (scan_id, number, text, mrn) values (%s, 1, 'Thorax in two planes', '10055501')"
    house.connection.execute(page, [row["id"]])


def test_the_item_fits_a_tablet_held_upright(house: House, window: Window, shot: Callable[[Page, str], None]) -> None:
    item = house.doubtful()
    page = window(Role.REVIEWER, width=820, height=1180)
    page.goto(f"/items/{item}")
    page.wait_for_load_state("networkidle")
    shot(page, "item-tablet")
    assert page.evaluate("document.documentElement.scrollWidth") <= 820


def test_the_actions_stand_in_one_row_at_1280_pixels(house: House, window: Window) -> None:
    item = house.doubtful()
    house.connection.execute("update review_item set claimed_by = 'reviewer', claimed_until = now() + interval '1 hour'")
    page = window(Role.REVIEWER)
    page.goto(f"/items/{item}")
    tops = page.evaluate("[...document.querySelectorAll('.actions button')].map((b) => b.getBoundingClientRect().top)")
    assert len(tops) == 5
    assert max(tops) - min(tops) < 4


def test_the_focus_is_visible_wherever_the_tab_key_leads(house: House, window: Window) -> None:
    item = house.doubtful()
    house.connection.execute("update review_item set claimed_by = 'reviewer', claimed_until = now() + interval '1 hour'")
    page = window(Role.REVIEWER)
    page.goto(f"/items/{item}")
    outline = "(() => { const s = getComputedStyle(document.activeElement); return s.outlineStyle + ' ' + s.outlineWidth; })()"
    for _ in range(45):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break
        assert page.evaluate(outline) == "solid 3px", page.evaluate("document.activeElement.outerHTML")


def test_the_theme_is_switched_and_stays(house: House, window: Window) -> None:
    page = window(Role.REVIEWER)
    page.goto("/queue")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.locator("#theme-button").click()
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light


def test_one_signs_in_reads_a_chart_and_signs_out(house: House, window: Window) -> None:
    house.sure()
    add_account(house.connection, "dr.lee", Role.CLINICIAN, PASSWORD, "Dr Lee")
    page = window(None)
    page.goto("/")
    page.keyboard.type("dr.lee")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/patients")
    page.keyboard.type("vielgosh tomas")
    page.keyboard.press("Enter")
    page.wait_for_url("**/patients?q=*")
    page.get_by_role("link", name="Wielgosz, Tomasz").press("Enter")
    page.get_by_role("heading", name="Wielgosz, Tomasz").wait_for()
    page.get_by_role("link", name="Discharge summary").press("Enter")
    page.wait_for_url("**/documents/*")
    with page.expect_download() as download:
        page.keyboard.press("d")
    assert download.value.path().read_bytes().startswith(b"%PDF")
    page.get_by_role("button", name="Sign out").press("Enter")
    page.wait_for_url("**/login")
    page.go_back()
    page.reload()
    page.wait_for_url("**/login?then=*")
