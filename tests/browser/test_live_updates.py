"""Pages update on the screen without a reload."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from pipeline.index import document_actions
from pipeline.index.document_actions import ReviewContext
from pipeline.web.auth.permissions import Role
from pipeline.web.review import review_queue
from tests.support.hospital import Hospital


def test_a_filing_updates_the_open_dashboard(
    hospital: Hospital, window: Callable[..., Page], screenshot: Callable[[Page, str], None]
) -> None:
    item = hospital.uncertain_item()
    page = window(Role.SUPERVISOR)
    page.goto("/dashboard")
    waiting = page.locator("dt", has_text="Waiting for review").locator("xpath=following-sibling::dd[1]")
    expect(waiting).to_have_text("1")
    expect(page.locator("#live")).to_have_text("live")
    review_queue.claim(hospital.connection, item, "reviewer", 10)
    context = ReviewContext(document=1, revision=1, actor="reviewer", item=item)
    document_actions.file_document(
        hospital.connection, context, patient=hospital.patient_ids[0], type="discharge_summary", fields={}
    )
    expect(waiting).to_have_text("0", timeout=15_000)
    expect(page.get_by_role("row", name="reviewer 1 0 0 0")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Uncertain patient")).to_be_visible()
    screenshot(page, "dashboard-live")


def test_an_arriving_file_appears_on_the_open_intake_page(
    hospital: Hospital, window: Callable[..., Page]
) -> None:
    page = window(Role.CLERK)
    page.goto("/intake")
    expect(page.locator("#live")).to_have_text("live")
    hospital.filed_document("from the ward.pdf")
    expect(page.get_by_role("row", name="from the ward.pdf")).to_be_visible(timeout=15_000)
