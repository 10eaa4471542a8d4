"""MRN and birth date are typed twice, blind, with the keyboard only."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from pipeline.config import Settings
from pipeline.web.auth.permissions import Role
from tests.support.hospital import Hospital

Window = Callable[..., Page]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The settings, with double entry."""
    return settings.model_copy(update={"web": settings.web.model_copy(update={"double_entry": True})})


def type_values(page: Page, item: int, mrn: str, dob: str) -> None:
    page.goto("/queue")
    page.keyboard.press("n")
    page.wait_for_url(f"**/items/{item}")
    expect(page.locator("#field-mrn")).to_be_focused()
    page.keyboard.type(mrn)
    page.wait_for_load_state("load")
    page.keyboard.press("Enter")
    expect(page.locator("#field-dob")).to_be_focused()
    page.keyboard.type(dob)
    page.keyboard.press("Control+Enter")


def test_the_item_is_filed_when_two_users_typed_the_same(
    hospital: Hospital, window: Window, screenshot: Callable[[Page, str], None]
) -> None:
    item = hospital.uncertain_item()
    first, second = window(Role.REVIEWER), window(Role.SUPERVISOR, "dark")
    first.goto(f"/items/{item}")
    expect(first.locator("main")).not_to_contain_text("08/03/1956")
    type_values(first, item, "10012345", "1956-08-30")
    first.wait_for_url("**/queue")
    second.goto(f"/items/{item}")
    for page, theme in ((first, "light"), (second, "dark")):
        page.goto(f"/items/{item}")
        screenshot(page, f"entry-{theme}")
        assert Axe().run(page).response["violations"] == []
    type_values(second, item, "10012345", "1956-08-30")
    expect(second.locator("#field-dob")).to_have_value("08/30/1956")
    second.keyboard.press("Escape")
    second.keyboard.press("1")
    second.keyboard.press("a")
    second.wait_for_url("**/queue?done=*")
    row = hospital.connection.execute(
        "select value from document_field where name = 'dob' and source = 'person'"
    ).fetchone()
    assert row == {"value": "1956-08-30"}
