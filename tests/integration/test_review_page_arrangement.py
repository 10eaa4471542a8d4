"""Splitting a scan again: every page stays in exactly one place, the automatic results are kept, and it can
be undone.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from typing import Any

import pikepdf
import pytest
from httpx import Response

from pipeline.ingest.reconciliation import reconcile
from pipeline.records import Reason
from pipeline.web.auth.permissions import Role
from pipeline.web.review.page_arrangement import evaluate_document
from tests.support.hospital import Hospital, SignedInUser

SignInAs = Callable[[Role], SignedInUser]
ISSUE = Reason(code="insufficient_identifiers", detail="The MRN is not legible.")


@pytest.fixture
def scan(hospital: Hospital) -> int:
    """A scan of two documents in review: pages 1 to 3 and page 4."""
    martha = ["Patient: Okafor, Martha", "DOB: 1956-08-03", "DISCHARGE SUMMARY"]
    tomasz = ["Patient: Wielgosz, Tomasz", "DOB: 1971-12-30", "OPERATIVE REPORT"]
    found = hospital.file_scan("two.pdf", [martha, ["Page 2"], tomasz], [["Page 4"]], issue=ISSUE)
    hospital.connection.execute("update scan set page_count = 4 where id = %s", [found])
    return found


def current_documents(hospital: Hospital) -> dict[int, list[int]]:
    sql = "select id, pages from document where status = 'review' order by pages[1]"
    return {row["id"]: row["pages"] for row in hospital.connection.execute(sql)}


def arrange(
    hospital: Hospital, user: SignedInUser, scan: int, groups: list[list[int]], excluded: list[int],
    rotations: dict[int, int] | None = None, seen_revisions: dict[int, int] | None = None,
) -> Response:  # fmt: skip
    revisions = {
        row["id"]: row["revision"] for row in hospital.connection.execute("select id, revision from document")
    }
    arrangement = {
        "groups": groups,
        "excluded": excluded,
        "rotations": rotations or {},
        "revisions": revisions | {str(key): value for key, value in (seen_revisions or {}).items()},
    }
    return user.post(f"/scans/{scan}/pages", arrangement=json.dumps(arrangement))


def balanced(hospital: Hospital) -> bool:
    faults = [fault for fault in reconcile(hospital.connection).faults if fault.code not in ("stalled",)]
    return faults == []


def test_a_document_is_split_and_each_part_is_processed_again(
    hospital: Hospital, scan: int, sign_in_as: SignInAs
) -> None:
    answer = arrange(hospital, sign_in_as(Role.REVIEWER), scan, [[1, 2], [3], [4]], [])
    assert answer.status_code == 303
    assert list(current_documents(hospital).values()) == [[1, 2], [3], [4]]
    assert balanced(hospital)
    sql = "select candidates, reasons, claimed_by from review_item i where closed_at is null order by id"
    first, second, third = hospital.connection.execute(sql).fetchall()
    assert first["claimed_by"] is None  # the untouched document's own item
    assert (second["claimed_by"], third["claimed_by"]) == ("reviewer", None)
    assert [item["candidates"][0]["person"]["family"] for item in (second, third)] == ["Okafor", "Wielgosz"]
    assert second["reasons"][0]["code"] == "manually_rearranged"


def test_no_patient_is_selected_in_advance_after_a_merge_of_pages(
    hospital: Hospital, scan: int, sign_in_as: SignInAs
) -> None:
    user = sign_in_as(Role.REVIEWER)
    item = arrange(hospital, user, scan, [[1, 2, 3, 4]], []).headers["location"]
    page = user.get(item).text
    assert 'type="radio" name="patient"' in page
    assert not re.search(r'<input type="radio"[^>]* checked', page)


def test_documents_are_merged_and_pages_reordered(
    hospital: Hospital, scan: int, sign_in_as: SignInAs
) -> None:
    arrange(hospital, sign_in_as(Role.REVIEWER), scan, [[4, 1, 2, 3]], [])
    assert list(current_documents(hospital).values()) == [[4, 1, 2, 3]]
    assert balanced(hospital)
    row = hospital.connection.execute("select pdf from document where status = 'review'").fetchone()
    assert row is not None
    assert hospital.blobs.get(row["pdf"]).startswith(b"%PDF")


def test_an_excluded_page_is_kept_and_can_be_restored(
    hospital: Hospital, scan: int, sign_in_as: SignInAs
) -> None:
    user = sign_in_as(Role.REVIEWER)
    arrange(hospital, user, scan, [[1, 3], [4]], [2])
    assert list(current_documents(hospital).values()) == [[1, 3], [4]]
    assert balanced(hospital)
    assert arrange(hospital, user, scan, [[1, 2, 3], [4]], []).status_code == 303
    assert list(current_documents(hospital).values()) == [[1, 2, 3], [4]]
    assert balanced(hospital)


def test_a_page_that_a_user_rotated_is_rotated_in_the_filed_pdf_and_on_the_screen(
    hospital: Hospital, scan: int, sign_in_as: SignInAs
) -> None:
    user = sign_in_as(Role.REVIEWER)
    item = arrange(hospital, user, scan, [[1, 2, 3], [4]], [], {2: 90}).headers["location"]
    assert user.get(item).text.count('data-rotation="90"') == 2  # the page and its thumbnail
    assert (
        user.post(
            f"{item}/file", revision="2", type="letter", patient=str(hospital.patient_ids[0])
        ).status_code
        == 303
    )
    row = hospital.connection.execute("select pdf from document where status = 'filed'").fetchone()
    assert row is not None
    with pikepdf.open(io.BytesIO(hospital.blobs.get(row["pdf"]))) as pdf:
        assert [int(page.obj.get("/Rotate", 0)) for page in pdf.pages] == [0, 90, 0]
    assert (
        arrange(hospital, user, scan, [[4]], []).status_code == 422
    )  # the other document was not touched: nothing to change


def test_undoing_a_rotation_rotates_the_page_back(
    hospital: Hospital, scan: int, sign_in_as: SignInAs
) -> None:
    user = sign_in_as(Role.REVIEWER)
    before = hospital.connection.execute("select pdf from document where id = 1").fetchone()
    arrange(hospital, user, scan, [[1, 2, 3], [4]], [], {2: 180})
    user.post("/undo")
    sql = "select pdf, page_rotations, status from document where id = 1"
    row = hospital.connection.execute(sql).fetchone()
    assert row == (before or {}) | {"page_rotations": {}, "status": "review"}


def test_the_automatic_result_of_the_old_document_is_unchanged(
    hospital: Hospital, scan: int, sign_in_as: SignInAs
) -> None:
    before = hospital.connection.execute("select id, machine_result from document order by id").fetchall()
    arrange(hospital, sign_in_as(Role.REVIEWER), scan, [[1, 2], [3], [4]], [])
    sql = "select id, machine_result from document order by id limit 2"
    after = hospital.connection.execute(sql).fetchall()
    assert after == before


def test_undo_restores_the_old_documents(hospital: Hospital, scan: int, sign_in_as: SignInAs) -> None:
    before = current_documents(hospital)
    user = sign_in_as(Role.REVIEWER)
    arrange(hospital, user, scan, [[1, 2], [3, 4]], [])
    assert user.post("/undo").status_code == 303
    assert current_documents(hospital) == before
    assert balanced(hospital)
    texts = hospital.connection.execute("select text from document_page order by number").fetchall()
    assert [row["text"].splitlines()[-1] for row in texts] == [
        "DISCHARGE SUMMARY",
        "Page 2",
        "OPERATIVE REPORT",
        "Page 4",
    ]


def test_undo_is_rejected_after_a_decision_on_a_part(
    hospital: Hospital, scan: int, sign_in_as: SignInAs
) -> None:
    user = sign_in_as(Role.REVIEWER)
    item = arrange(hospital, user, scan, [[1, 2], [3], [4]], []).headers["location"]
    first: dict[str, Any] = (
        hospital.connection.execute("select min(id) as id from decision where action = 'regroup'").fetchone()
        or {}
    )
    user.post(f"{item}/file", revision="2", type="letter", patient=str(hospital.patient_ids[0]))
    assert user.post("/undo", decision=str(first["id"])).status_code == 409


def test_an_arrangement_of_an_older_revision_is_rejected_and_nothing_changes(
    hospital: Hospital, scan: int, sign_in_as: SignInAs
) -> None:
    first = next(iter(current_documents(hospital)))
    answer = arrange(
        hospital, sign_in_as(Role.REVIEWER), scan, [[1], [2, 3], [4]], [], seen_revisions={first: 0}
    )
    assert answer.status_code == 409
    assert list(current_documents(hospital).values()) == [[1, 2, 3], [4]]


def test_pages_of_a_document_that_another_user_has_claimed_are_not_moved(
    hospital: Hospital, scan: int, sign_in_as: SignInAs
) -> None:
    hospital.connection.execute(
        "update review_item set claimed_by = 'ann', claimed_until = now() + interval '1 hour'"
    )
    assert arrange(hospital, sign_in_as(Role.REVIEWER), scan, [[1], [2, 3], [4]], []).status_code == 409


@pytest.mark.parametrize(
    ("groups", "excluded"),
    [
        ([[1, 2], [3]], []),
        ([[1, 2, 3, 4, 5]], []),
        ([[1, 2], [2, 3], [4]], []),
        ([[1, 2, 3], [4]], []),
        ([[]], [1, 2, 3, 4]),
    ],
    ids=["a page lost", "a page too many", "a page twice", "nothing changed", "an empty document"],
)
def test_an_arrangement_that_loses_or_duplicates_pages_is_rejected(
    hospital: Hospital, scan: int, sign_in_as: SignInAs, groups: list[list[int]], excluded: list[int]
) -> None:
    assert arrange(hospital, sign_in_as(Role.REVIEWER), scan, groups, excluded).status_code == 422
    assert list(current_documents(hospital).values()) == [[1, 2, 3], [4]]


WRONG_ORDER = Reason(
    code="page_order", detail="The pages are not in the order of their printed numbers: 1, 3, 2."
)


def numbered_scan(hospital: Hospital, *feet: str) -> int:
    """A scan of one document in review; each page ends with the line that is given for it."""
    head = ["Patient: Okafor, Martha", "DOB: 1956-08-03", "DISCHARGE SUMMARY"]
    return hospital.file_scan("backs.pdf", [[*head, foot] for foot in feet], issue=WRONG_ORDER)


def shown_order(page: str) -> list[int]:
    """Return the pages of the tiles, in their order."""
    return [int(number) for number in re.findall(r'class="tile" data-number="(\d+)"', page)]


def test_pages_in_a_wrong_order_are_shown_in_the_printed_order_and_saved_like_any_other_arrangement(
    hospital: Hospital, sign_in_as: SignInAs
) -> None:
    scan = numbered_scan(hospital, "Page 1 of 3", "Page 3 of 3", "Page 2 of 3")
    user = sign_in_as(Role.REVIEWER)
    ((document, pages),) = current_documents(hospital).items()
    item = hospital.first_item(scan)
    link = f"/scans/{scan}/pages?order={document}"
    assert f'href="{link}"' in user.get(f"/items/{item}").text
    preview = user.get(link)
    assert "in the order of their printed page numbers: 1, 3, 2." in preview.text
    assert shown_order(preview.text) == [1, 3, 2]
    assert list(current_documents(hospital).values()) == [pages] == [[1, 2, 3]]
    answer = arrange(hospital, user, scan, [[1, 3, 2]], [])
    assert list(current_documents(hospital).values()) == [[1, 3, 2]]
    new_item = user.get(answer.headers["location"]).text
    assert "put these pages together" in new_item
    assert "page_order" not in new_item
    sql = "select detail ->> 'action' as action from audit where action = 'decide'"
    assert {row["action"] for row in hospital.connection.execute(sql)} == {"regroup"}


def test_pages_whose_printed_numbers_state_no_order_are_arranged_by_hand(
    hospital: Hospital, sign_in_as: SignInAs
) -> None:
    scan = numbered_scan(hospital, "Page 2 of 2", "Page 2 of 2")
    user = sign_in_as(Role.REVIEWER)
    (document,) = current_documents(hospital)
    assert user.get(f"/scans/{scan}/pages?order={document}").status_code == 422
    assert user.get(f"/scans/{scan}/pages?order=999999").status_code == 404


def test_the_button_for_the_printed_order_is_shown_only_with_that_reason(
    hospital: Hospital, scan: int, sign_in_as: SignInAs
) -> None:
    assert "?order=" not in sign_in_as(Role.REVIEWER).get(f"/items/{hospital.first_item(scan)}").text


def test_an_arranged_document_is_checked_as_a_new_one_is(
    hospital: Hospital, scan: int, sign_in_as: SignInAs
) -> None:
    arrange(hospital, sign_in_as(Role.REVIEWER), scan, [[1, 2, 3, 4]], [])
    sql = "select reasons from review_item where closed_at is null"
    (item,) = hospital.connection.execute(sql).fetchall()
    assert {"manually_rearranged", "mixed_patients"} <= {reason["code"] for reason in item["reasons"]}


def test_a_name_that_the_hospital_writes_for_unknown_patients_finds_no_candidate_in_an_arranged_document(
    hospital: Hospital, sign_in_as: SignInAs
) -> None:
    found = []
    for placeholders in ((), ("Okafor", "Martha")):
        classify = hospital.settings.classify.model_copy(update={"placeholder_names": placeholders})
        settings = hospital.settings.model_copy(update={"classify": classify})
        lines = ["Patient Name: Okafor, Martha", "DISCHARGE SUMMARY"]
        filing = evaluate_document(hospital.connection, [hospital.make_page(1, lines)], "mwhite", settings)
        assert filing.document.field("patient_name") is not None
        found.append(len(filing.candidates) > 0)
    assert found == [True, False]


def test_pages_of_a_filed_document_are_not_moved(hospital: Hospital, sign_in_as: SignInAs) -> None:
    hospital.filed_document()
    assert arrange(hospital, sign_in_as(Role.REVIEWER), 1, [[1]], []).status_code == 422
