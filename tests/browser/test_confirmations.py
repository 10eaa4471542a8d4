"""What cannot be taken back easily is confirmed on a page that names both patients and what differs. Each of
these pages has no violation that axe-core finds, and is used with the keyboard.
"""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from pipeline.records import Reason
from pipeline.web.auth.permissions import Role
from tests.browser.violations import violations
from tests.support.hospital import Hospital

Window = Callable[..., Page]
Screenshot = Callable[[Page, str], None]


def patient_of(hospital: Hospital, document: int) -> int:
    row = hospital.connection.execute("select patient_id from document where id = %s", [document]).fetchone()
    assert row is not None
    return int(row["patient_id"])


def test_a_document_is_moved_after_the_comparison_with_the_other_patient(
    hospital: Hospital, window: Window, screenshot: Screenshot
) -> None:
    document, martha = hospital.filed_document(), hospital.patient_ids[0]
    page = window(Role.REVIEWER)
    page.goto(f"/documents/{document}")
    page.get_by_text("Wrong chart, or not a record?").click()
    page.get_by_label("MRN of the correct patient").fill("10012345")
    page.get_by_label("Why was it in this chart?").fill("The label is of another patient.")
    page.get_by_label("Why was it in this chart?").press("Tab")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Move to another chart?").wait_for()
    expect(page.get_by_role("main")).to_contain_text("Now in the chart of Wielgosz, Tomasz")
    expect(page.get_by_role("heading", name="To the chart of Okafor, Martha")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("Contradicts the page")
    assert patient_of(hospital, document) != martha
    assert violations(page, "confirm-move", screenshot) == []
    page.get_by_role("button", name="Move to this chart").press("Enter")
    page.wait_for_url(f"**/documents/{document}/moves/*")
    assert patient_of(hospital, document) == martha


def test_records_that_differ_are_merged_after_a_second_look_with_a_reason(
    hospital: Hospital, window: Window, screenshot: Screenshot
) -> None:
    kept, other = hospital.patient_ids[:2]
    message = hospital.rejected_message(prior="10012399")
    page = window(Role.SUPERVISOR)
    page.goto("/messages")
    page.get_by_role("link", name="Compare 10012399 with 10012345").press("Enter")
    page.get_by_role("button", name="Merge and keep 10012345").press("Enter")
    page.get_by_label("Why are they the same person?").wait_for()
    expect(page.get_by_role("main")).to_contain_text("These records differ in: First name, Date of birth.")
    expect(page.get_by_role("columnheader", name="MRN 10012399")).to_be_visible()
    assert violations(page, "confirm-merge", screenshot) == []
    page.keyboard.type("A typing error at the front desk.")
    page.get_by_role("button", name="Merge and keep 10012345").press("Enter")
    page.wait_for_url("**/messages")
    row = hospital.connection.execute(
        "select p.merged_into, m.status from patient p, adt_message m where p.id = %s and m.id = %s",
        [other, message],
    ).fetchone()
    assert row == {"merged_into": kept, "status": "settled"}


def test_a_document_is_filed_against_the_page_only_with_a_reason(
    hospital: Hospital, window: Window, screenshot: Screenshot
) -> None:
    item = hospital.uncertain_item()
    page = window(Role.REVIEWER)
    page.goto(f"/items/{item}")
    page.keyboard.press("c")
    page.wait_for_selector(".actions")
    page.keyboard.press("/")
    page.keyboard.type("10055501")
    page.get_by_role("option", name="Wielgosz, Tomasz").wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#patient-chosen")).to_contain_text("Contradicts the page")
    page.get_by_role("button", name="File, next").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("This patient contradicts the page")
    assert violations(page, "confirm-contradiction", screenshot) == []
    page.get_by_label("Reason, if you file against the page").fill("The page has the wrong label.")
    page.get_by_role("button", name="File, next").press("Enter")
    page.wait_for_url("**/queue?done=*")
    row = hospital.connection.execute("select patient_id, status from document").fetchone()
    assert row == {"patient_id": hospital.patient_ids[2], "status": "filed"}


def test_pages_are_put_in_the_printed_order_with_two_keys(
    hospital: Hospital, window: Window, screenshot: Screenshot
) -> None:
    reason = Reason(
        code="page_order", detail="The pages are not in the order of their printed numbers: 2, 1."
    )
    pages = [["Patient: Okafor, Martha", "DISCHARGE SUMMARY", f"Page {number} of 2"] for number in (2, 1)]
    scan = hospital.file_scan("backs.pdf", pages, issue=reason)
    item = hospital.first_item(scan)
    page = window(Role.REVIEWER)
    page.goto(f"/items/{item}")
    assert violations(page, "item-page-order", screenshot) == []
    page.keyboard.press("o")
    page.wait_for_url(f"**/scans/{scan}/pages?order=*")
    expect(page.get_by_role("status").first).to_contain_text(
        "in the order of their printed page numbers: 2, 1."
    )
    assert violations(page, "pages-in-printed-order", screenshot) == []
    page.keyboard.press("a")
    page.wait_for_url("**/items/*")
    rows = hospital.connection.execute("select pages from document where status = 'review'").fetchall()
    assert rows == [{"pages": [2, 1]}]
