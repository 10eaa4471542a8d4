"""The clerk's browser: submit files and see the outcome of each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect

from pipeline.web.auth.permissions import Role
from tests.support.hospital import Hospital

Window = Callable[..., Page]


def test_submitted_files_each_show_their_outcome(hospital: Hospital, window: Window, tmp_path: Path) -> None:
    Image.new("L", (300, 400), 200).save(tmp_path / "one.png")
    (tmp_path / "two.png").write_bytes((tmp_path / "one.png").read_bytes())
    (tmp_path / "three.pdf").write_bytes(b"this is no PDF")
    page = window(Role.CLERK)
    page.goto("/intake")
    page.set_input_files("#files", [tmp_path / "one.png", tmp_path / "two.png", tmp_path / "three.pdf"])
    lines = page.locator("#uploads li")
    expect(lines.nth(2)).to_contain_text("could not be ingested")
    expect(lines.nth(0)).to_have_text("one.png: uploaded, processing")
    expect(lines.nth(1)).to_have_text("two.png: already received as one.png")
    page.reload()
    expect(page.get_by_role("row", name="one.png")).to_contain_text("processing")
    page.goto("/quarantine")
    expect(page.get_by_role("row", name="three.pdf")).to_be_visible()
    page.get_by_role("button", name="Dismiss three.pdf").press("Enter")
    expect(page.locator("main")).to_contain_text("No files in quarantine")


def test_the_intake_page_shows_that_the_counts_are_balanced(hospital: Hospital, window: Window) -> None:
    hospital.filed_document()
    page = window(Role.CLERK)
    page.goto("/reconciliation")
    expect(page.get_by_role("status")).to_have_text("Every file and page is accounted for.")
    expect(page.get_by_role("table").first).to_contain_text("Seen")
