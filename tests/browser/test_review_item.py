"""Review items are decided in the browser with the keyboard alone."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from pipeline.web.auth.permissions import Role
from tests.support.hospital import Hospital

Window = Callable[..., Page]


def press(page: Page, *keys: str) -> int:
    for key in keys:
        page.keyboard.press(key)
    return len(keys)


def status(hospital: Hospital, item: int) -> dict[str, object]:
    sql = """select d.status, d.patient_id, d.type, i.closed_by, i.claimed_by from review_item i
             join document d on d.id = i.document_id where i.id = %s"""
    row = hospital.connection.execute(sql, [item]).fetchone()
    assert row is not None
    return row


def test_an_item_without_contradictions_is_filed_with_two_keys_and_the_next_one_opens(
    hospital: Hospital, window: Window
) -> None:
    first, second = hospital.uncertain_item("a.pdf"), hospital.uncertain_item("b.pdf")
    page = window(Role.REVIEWER)
    page.goto("/queue")
    press(page, "n")
    page.wait_for_url(f"**/items/{first}")
    keys = press(page, "1", "a")
    page.wait_for_url(f"**/items/{second}?done=*")
    assert keys <= 5
    found = status(hospital, first)
    assert (found["status"], found["patient_id"], found["closed_by"]) == (
        "filed",
        hospital.patient_ids[0],
        "reviewer",
    )


def test_no_patient_is_preselected_if_the_patient_is_uncertain(hospital: Hospital, window: Window) -> None:
    item = hospital.uncertain_item()
    page = window(Role.REVIEWER)
    page.goto("/queue")
    press(page, "n")
    page.wait_for_url(f"**/items/{item}")
    expect(page.locator("input[name=patient]:checked")).to_have_count(0)
    press(page, "a")
    expect(page.get_by_role("alert")).to_contain_text("Choose the patient first")
    assert status(hospital, item)["status"] == "review"


def test_focusing_a_field_highlights_its_box_on_its_page(hospital: Hospital, window: Window) -> None:
    item = hospital.uncertain_item(pages=3)
    page = window(Role.REVIEWER)
    page.goto(f"/items/{item}")
    press(page, "c")
    page.wait_for_selector(".actions")
    press(page, "j", "j")
    expect(page.locator(".current-page")).to_have_text("3")
    press(page, "f")
    expect(page.locator(".current-page")).to_have_text("1")
    highlighted = page.locator("rect.field-box.active")
    expect(highlighted).to_have_count(1)
    box, picture = highlighted.bounding_box(), page.locator(".page-view:not([hidden]) img").bounding_box()
    assert box is not None
    assert picture is not None
    assert picture["x"] <= box["x"] <= picture["x"] + picture["width"]
    assert picture["y"] <= box["y"] <= picture["y"] + picture["height"] / 4


def test_a_page_is_zoomed_fitted_and_rotated_with_keys(hospital: Hospital, window: Window) -> None:
    item = hospital.uncertain_item()
    page = window(Role.REVIEWER)
    page.goto(f"/items/{item}")
    sheet = page.locator(".page-view:not([hidden])")

    def size() -> tuple[int, int]:
        box = sheet.bounding_box()
        assert box is not None
        return round(box["width"]), round(box["height"])

    fitted = size()
    press(page, "+", "+")
    assert size()[0] > fitted[0] * 1.5
    press(page, "0")
    assert size() == fitted
    press(page, "r")
    assert size()[0] > size()[1]


def test_another_patient_is_searched_for_and_chosen_on_the_item(hospital: Hospital, window: Window) -> None:
    item = hospital.uncertain_item()
    page = window(Role.REVIEWER)
    page.goto(f"/items/{item}")
    press(page, "c")
    page.wait_for_selector(".actions")
    press(page, "/")
    page.keyboard.type("cabalero")
    page.get_by_role("option", name="Caballero-Reyes, Ines").wait_for()
    press(page, "ArrowDown", "Enter")
    expect(page.locator("#patient-chosen")).to_contain_text("Contradicts the page")
    press(page, "a")
    expect(page.get_by_role("alert")).to_contain_text("This patient contradicts the page")
    page.get_by_label("Reason, if you file against the page").fill("The page has her mother's label.")
    press(page, "Control+Enter")
    page.wait_for_url("**/queue?done=*")
    assert status(hospital, item)["patient_id"] == hospital.patient_ids[3]


def test_a_corrected_value_is_filed_with_control_and_enter(hospital: Hospital, window: Window) -> None:
    item = hospital.uncertain_item()
    page = window(Role.REVIEWER)
    page.goto(f"/items/{item}")
    press(page, "c")
    page.wait_for_selector(".actions")
    press(page, "1", "f", "Enter", "Enter")
    page.keyboard.type("10012345")
    press(page, "Control+Enter")
    page.wait_for_url("**/queue?done=*")
    sql = "select value from document_field where name = 'mrn' and source = 'person'"
    assert hospital.connection.execute(sql).fetchone() == {"value": "10012345"}


def test_the_last_decision_is_undone_with_one_key(hospital: Hospital, window: Window) -> None:
    item = hospital.uncertain_item()
    page = window(Role.REVIEWER)
    page.goto("/queue")
    press(page, "n")
    page.wait_for_url(f"**/items/{item}")
    press(page, "1", "a")
    page.wait_for_url("**/queue?done=*")
    press(page, "u")
    page.wait_for_url(f"**/items/{item}")
    assert status(hospital, item)["status"] == "review"
    assert status(hospital, item)["claimed_by"] == "reviewer"


def test_two_reviewers_of_one_queue_are_never_offered_the_same_item(
    hospital: Hospital, window: Window
) -> None:
    first, second = hospital.uncertain_item("a.pdf"), hospital.uncertain_item("b.pdf")
    ann, ben = window(Role.REVIEWER), window(Role.SUPERVISOR)
    for page, item in ((ann, first), (ben, second)):
        page.goto("/queue")
        press(page, "n")
        page.wait_for_url(f"**/items/{item}")
    ben.goto(f"/items/{first}")
    expect(ben.get_by_role("status")).to_contain_text("reviewer is working on this item")
    expect(ben.locator(".actions")).to_have_count(0)


def test_an_item_is_escalated_and_another_is_sent_back_for_rescanning(
    hospital: Hospital, window: Window
) -> None:
    first, second = hospital.uncertain_item("a.pdf"), hospital.uncertain_item("b.pdf")
    page = window(Role.REVIEWER)
    page.goto("/queue")
    press(page, "n")
    page.wait_for_url(f"**/items/{first}")
    press(page, "e")
    page.keyboard.type("Two sisters of one name?")
    press(page, "Tab", "Enter")
    page.wait_for_url(f"**/items/{second}")
    press(page, "x")
    page.keyboard.type("The page is cut off.")
    press(page, "Tab", "Enter")
    page.wait_for_url("**/queue?done=*")
    assert status(hospital, second)["status"] == "withdrawn"
    assert status(hospital, first)["status"] == "review"


def test_single_key_shortcuts_can_be_disabled(hospital: Hospital, window: Window) -> None:
    hospital.uncertain_item()
    page = window(Role.REVIEWER)
    page.goto("/queue")
    press(page, "?")
    page.get_by_label("Enable single-key shortcuts").uncheck()
    press(page, "Escape", "n")
    page.wait_for_timeout(300)
    assert page.url.endswith("/queue")


def test_the_text_under_a_drawn_box_is_entered_into_the_field_and_stored_with_the_box(
    hospital: Hospital, window: Window
) -> None:
    item = hospital.uncertain_item()
    page = window(Role.REVIEWER)
    page.goto(f"/items/{item}")
    press(page, "c")
    page.wait_for_selector(".actions")
    press(page, "1")
    page.get_by_label("Read Date of birth from a box drawn on the page").click()
    picture = page.locator(".page-view:not([hidden]) img").bounding_box()
    assert picture is not None
    scale = picture["width"] / 850
    words = hospital.connection.execute("select words from page where number = 1").fetchone()
    assert words is not None
    box = next(word["box"] for word in words["words"] if word["text"] == "2026-03-14")
    page.mouse.move(picture["x"] + (box[0] - 3) * scale, picture["y"] + (box[1] - 3) * scale)
    page.mouse.down()
    page.mouse.move(picture["x"] + (box[2] + 3) * scale, picture["y"] + (box[3] + 3) * scale, steps=4)
    page.mouse.up()
    expect(page.locator("#field-dob")).to_have_value("2026-03-14")
    page.get_by_label("Reason, if you file against the page").fill("Her birth date is not on the page.")
    press(page, "Control+Enter")
    page.wait_for_url("**/queue?done=*")
    row = hospital.connection.execute(
        "select value, page, box from document_field where name = 'dob' and source = 'person'"
    ).fetchone()
    assert row is not None
    assert (row["value"], row["page"]) == ("2026-03-14", 1)
    assert all(abs(a - b) <= 5 for a, b in zip(row["box"], box, strict=True))


def test_the_page_image_of_the_next_item_is_loaded_in_advance(hospital: Hospital, window: Window) -> None:
    hospital.uncertain_item("a.pdf")
    second = hospital.uncertain_item("b.pdf")
    page = window(Role.REVIEWER)
    scan = hospital.connection.execute("select scan_id from review_item where id = %s", [second]).fetchone()
    assert scan is not None
    page.goto("/queue")
    with page.expect_request(f"**/scans/{scan['scan_id']}/pages/1/preview"):
        press(page, "n")
    page.wait_for_url("**/items/*")


def test_a_scan_is_split_into_two_documents_with_the_keyboard(
    hospital: Hospital, window: Window, screenshot: Callable[[Page, str], None]
) -> None:
    item = hospital.uncertain_item(pages=4)
    page = window(Role.REVIEWER)
    page.goto(f"/items/{item}")
    press(page, "m")
    page.wait_for_url("**/scans/*/pages")
    press(page, "ArrowRight", "r", "ArrowRight", "b", "ArrowRight", "x")
    expect(page.locator(".tile-document")).to_have_text(
        [
            "Document 1, page 1 of 2",
            "Document 1, page 2 of 2",
            "Document 2, page 1 of 1",
            "excluded",
        ]
    )
    screenshot(page, "pages-light")
    press(page, "a")
    page.wait_for_url("**/items/*")
    rows = hospital.connection.execute(
        "select pages, status from document where id > 1 order by id"
    ).fetchall()
    assert [(row["pages"], row["status"]) for row in rows] == [
        ([1, 2], "review"),
        ([3], "review"),
        ([4], "withdrawn"),
    ]
    press(page, "j")
    turned = page.locator(".page-view:not([hidden])").bounding_box()
    assert turned is not None
    assert turned["width"] > turned["height"]  # the rotation was stored with the page


def test_the_browser_that_saves_second_shows_both_versions(
    hospital: Hospital, window: Window, screenshot: Callable[[Page, str], None]
) -> None:
    item = hospital.uncertain_item()
    slow, fast = window(Role.REVIEWER), window(Role.SUPERVISOR)
    slow.goto(f"/items/{item}")
    press(slow, "c")
    slow.wait_for_selector(".actions")
    hospital.connection.execute(
        "update review_item set claimed_until = now() - interval '1 second'"
    )  # the claim has expired
    fast.goto(f"/items/{item}")
    press(fast, "c")
    fast.wait_for_selector(".actions")
    press(fast, "1", "a")
    fast.wait_for_url("**/queue?done=*")
    press(slow, "2", "a")
    expect(slow.get_by_role("heading", name="Not saved: someone else changed this document")).to_be_visible()
    expect(
        slow.get_by_role("row", name="Patient Okafor, Marta 10012399 Okafor, Martha 10012345")
    ).to_be_visible()
    screenshot(slow, "conflict-light")
    assert status(hospital, item)["patient_id"] == hospital.patient_ids[0]
