"""Every page in light and dark: axe-core finds no violation, nothing is wider than the window or a tablet,
and the focus is always visible.
"""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page

from pipeline.index import document_actions
from pipeline.index.document_actions import ReviewContext
from pipeline.patients.rejected_messages import settle_message
from pipeline.web.auth.accounts import add_account
from pipeline.web.auth.permissions import Role
from tests.browser.violations import TABLET, WINDOW, violations
from tests.support.hospital import PASSWORD, Hospital

Window = Callable[..., Page]
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
    ("intake", Role.CLERK, "/intake"),
    ("quarantine", Role.CLERK, "/quarantine"),
    ("reconciliation", Role.CLERK, "/reconciliation"),
    ("dashboard", Role.SUPERVISOR, "/dashboard"),
    ("deliveries", Role.SUPERVISOR, "/deliveries"),
    ("messages", Role.SUPERVISOR, "/messages"),
    ("messages-administrator", Role.ADMINISTRATOR, "/messages"),
    ("messages-settled", Role.SUPERVISOR, "/messages?state=settled"),
    ("merge", Role.SUPERVISOR, "/patients/{patient}/merge"),
    ("moved", Role.REVIEWER, "/documents/{moved}/moves/{move}"),
    ("audit", Role.PRIVACY_OFFICER, "/audit"),
    ("accounts", Role.ADMINISTRATOR, "/accounts"),
    ("password", Role.CLINICIAN, "/password"),
    ("not-found", Role.REVIEWER, "/documents/999999"),
    ("not-allowed", Role.CLERK, "/queue"),
)


def test_axe_finds_no_violation_on_any_page_in_light_or_dark_and_each_fits_a_tablet(
    hospital: Hospital, window: Window, screenshot: Callable[[Page, str], None]
) -> None:
    item, document = hospital.uncertain_item(pages=3), hospital.filed_document()
    hospital.connection.execute(
        "update review_item set claimed_by = 'reviewer', claimed_until = now() + interval '1 hour'"
    )
    moved = hospital.filed_document("another.pdf")
    why = ReviewContext(document=moved, revision=1, actor="reviewer", note="The name is another.")
    move = document_actions.reassign(hospital.connection, why, hospital.patient_ids[0])
    params = {
        "item": item,
        "document": document,
        "patient": hospital.patient_ids[2],
        "moved": moved,
        "move": move,
    }
    still_being_read(hospital)
    settle_message(hospital.connection, hospital.rejected_message("A43"), "supervisor", "Moved by hand.")
    hospital.rejected_message()
    windows: dict[Role | None, Page] = {}
    found = []
    for name, role, path in PAGES:
        page = windows.get(role) or windows.setdefault(role, window(role))
        page.goto(path.format(**params))
        found += violations(page, name, screenshot)
    reviewing = windows[Role.REVIEWER]
    reviewing.goto(f"/items/{item}")
    hospital.connection.execute("update document set revision = revision + 1")  # another user was faster
    reviewing.keyboard.press("1")
    reviewing.keyboard.press("a")
    reviewing.get_by_role("heading", name="Not saved").wait_for()
    assert found + violations(reviewing, "conflict", screenshot) == []


def still_being_read(hospital: Hospital) -> None:
    """A large scan of which one page was read so far, with the cover sheet of the patient whose chart is
    shown.
    """
    scan = """insert into scan (sha256, name, media_type, size, pages_in)
              values (repeat('e', 64), 'box 12.pdf', 'application/pdf', 1, 900) returning id"""
    row = hospital.connection.execute(scan).fetchone()
    assert row is not None
    page = """insert into pending_page (scan_id, number, text, mrn)
              values (%s, 1, 'Thorax in two planes', '10055501')"""
    hospital.connection.execute(page, [row["id"]])


def test_the_actions_stand_in_one_row_in_sight_and_the_focus_is_visible_wherever_the_tab_key_leads(
    hospital: Hospital, window: Window
) -> None:
    item = hospital.uncertain_item()
    hospital.connection.execute(
        "update review_item set claimed_by = 'reviewer', claimed_until = now() + interval '1 hour'"
    )
    page = window(Role.REVIEWER)
    page.goto(f"/items/{item}")
    for size in (TABLET, WINDOW):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        boxes = page.evaluate(
            "[...document.querySelectorAll('.actions button')].map((b) => b.getBoundingClientRect().toJSON())"
        )
        assert len(boxes) == 5
        assert max(box["top"] for box in boxes) - min(box["top"] for box in boxes) < 4
        assert max(box["bottom"] for box in boxes) <= size["height"]
        assert max(box["right"] for box in boxes) <= size["width"]
    outline = """(() => {
        const style = getComputedStyle(document.activeElement);
        return style.outlineStyle + ' ' + style.outlineWidth;
    })()"""
    for _ in range(45):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break
        assert page.evaluate(outline) == "solid 3px", page.evaluate("document.activeElement.outerHTML")


def test_the_selected_theme_is_kept(hospital: Hospital, window: Window) -> None:
    page = window(Role.REVIEWER)
    page.goto("/queue")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.locator("#theme-button").click()
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light


def test_a_user_signs_in_reads_a_chart_and_signs_out(hospital: Hospital, window: Window) -> None:
    hospital.filed_document()
    add_account(hospital.connection, "dr.lee", Role.CLINICIAN, PASSWORD, "Dr Lee")
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
