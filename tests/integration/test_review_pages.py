"""Cutting a scan anew: every page stays in exactly one place, the machine's answers stay, and it can be
undone.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pikepdf
import pytest
from httpx import Response

from pipeline.ingest.reconciliation import reconcile
from pipeline.records import Reason
from pipeline.web.auth.permissions import Role
from tests.reviewing import House, Visitor

Enter = Callable[[Role], Visitor]
DOUBT = Reason(code="patient_unclear", detail="The MRN is not legible.")


@pytest.fixture
def scan(house: House) -> int:
    """A scan of two documents in review: pages 1 to 3 and page 4."""
    martha = ["Patient: Okafor, Martha", "DOB: 1956-08-03", "DISCHARGE SUMMARY"]
    tomasz = ["Patient: Wielgosz, Tomasz", "DOB: 1971-12-30", "OPERATIVE REPORT"]
    found = house.scan("two.pdf", [martha, ["Page 2"], tomasz], [["Page 4"]], doubt=DOUBT)
    house.connection.execute("update scan set page_count = 4 where id = %s", [found])
    return found


def living(house: House) -> dict[int, list[int]]:
    sql = "select id, pages from document where status = 'review' order by pages[1]"
    return {row["id"]: row["pages"] for row in house.connection.execute(sql)}


def cut(
    house: House, visitor: Visitor, scan: int, groups: list[list[int]], left_out: list[int],
    turns: dict[int, int] | None = None, seen: dict[int, int] | None = None,
) -> Response:  # fmt: skip
    revisions = {
        row["id"]: row["revision"] for row in house.connection.execute("select id, revision from document")
    }
    told = {
        "groups": groups,
        "left_out": left_out,
        "turns": turns or {},
        "seen": revisions | {str(key): value for key, value in (seen or {}).items()},
    }
    return visitor.post(f"/scans/{scan}/pages", arrangement=json.dumps(told))


def adds_up(house: House) -> bool:
    faults = [fault for fault in reconcile(house.connection).faults if fault.code not in ("stuck",)]
    return faults == []


def test_a_document_is_split_and_each_part_is_judged_anew(house: House, scan: int, enter: Enter) -> None:
    answer = cut(house, enter(Role.REVIEWER), scan, [[1, 2], [3], [4]], [])
    assert answer.status_code == 303
    assert list(living(house).values()) == [[1, 2], [3], [4]]
    assert adds_up(house)
    sql = "select candidates, reasons, claimed_by from review_item i where settled_at is null order by id"
    first, second, third = house.connection.execute(sql).fetchall()
    assert first["claimed_by"] is None  # the untouched document's own item
    assert (second["claimed_by"], third["claimed_by"]) == ("reviewer", None)
    assert [item["candidates"][0]["person"]["family"] for item in (second, third)] == ["Okafor", "Wielgosz"]
    assert second["reasons"][0]["code"] == "person_rearranged"


def test_documents_are_merged_and_pages_reordered(house: House, scan: int, enter: Enter) -> None:
    cut(house, enter(Role.REVIEWER), scan, [[4, 1, 2, 3]], [])
    assert list(living(house).values()) == [[4, 1, 2, 3]]
    assert adds_up(house)
    row = house.connection.execute("select pdf from document where status = 'review'").fetchone()
    assert row is not None
    assert house.blobs.get(row["pdf"]).startswith(b"%PDF")


def test_a_page_left_out_is_kept_aside_and_can_be_brought_back(house: House, scan: int, enter: Enter) -> None:
    visitor = enter(Role.REVIEWER)
    cut(house, visitor, scan, [[1, 3], [4]], [2])
    assert list(living(house).values()) == [[1, 3], [4]]
    assert adds_up(house)
    assert cut(house, visitor, scan, [[1, 2, 3], [4]], []).status_code == 303
    assert list(living(house).values()) == [[1, 2, 3], [4]]
    assert adds_up(house)


def test_a_page_turned_by_a_person_lies_so_in_the_filed_pdf_and_on_the_screen(
    house: House, scan: int, enter: Enter
) -> None:
    visitor = enter(Role.REVIEWER)
    item = cut(house, visitor, scan, [[1, 2, 3], [4]], [], {2: 90}).headers["location"]
    assert visitor.get(item).text.count('data-turn="90"') == 2  # the page and its thumbnail
    assert (
        visitor.post(f"{item}/file", revision="2", type="letter", patient=str(house.known[0])).status_code
        == 303
    )
    row = house.connection.execute("select pdf from document where status = 'filed'").fetchone()
    assert row is not None
    with pikepdf.open(io.BytesIO(house.blobs.get(row["pdf"]))) as pdf:
        assert [int(page.obj.get("/Rotate", 0)) for page in pdf.pages] == [0, 90, 0]
    assert (
        cut(house, visitor, scan, [[4]], []).status_code == 422
    )  # the other document was not touched: nothing to change


def test_undoing_a_turn_lays_the_page_back(house: House, scan: int, enter: Enter) -> None:
    visitor = enter(Role.REVIEWER)
    before = house.connection.execute("select pdf from document where id = 1").fetchone()
    cut(house, visitor, scan, [[1, 2, 3], [4]], [], {2: 180})
    visitor.post("/undo")
    row = house.connection.execute("select pdf, turns, status from document where id = 1").fetchone()
    assert row == (before or {}) | {"turns": {}, "status": "review"}


def test_the_old_documents_answer_stays_as_it_was(house: House, scan: int, enter: Enter) -> None:
    before = house.connection.execute("select id, machine from document order by id").fetchall()
    cut(house, enter(Role.REVIEWER), scan, [[1, 2], [3], [4]], [])
    after = house.connection.execute("select id, machine from document order by id limit 2").fetchall()
    assert after == before


def test_undo_brings_the_old_documents_back(house: House, scan: int, enter: Enter) -> None:
    before = living(house)
    visitor = enter(Role.REVIEWER)
    cut(house, visitor, scan, [[1, 2], [3, 4]], [])
    assert visitor.post("/undo").status_code == 303
    assert living(house) == before
    assert adds_up(house)
    texts = house.connection.execute("select text from document_page order by number").fetchall()
    assert [row["text"].splitlines()[-1] for row in texts] == [
        "DISCHARGE SUMMARY",
        "Page 2",
        "OPERATIVE REPORT",
        "Page 4",
    ]


def test_undo_is_refused_once_a_part_has_been_decided_on(house: House, scan: int, enter: Enter) -> None:
    visitor = enter(Role.REVIEWER)
    item = cut(house, visitor, scan, [[1, 2], [3], [4]], []).headers["location"]
    first: dict[str, Any] = (
        house.connection.execute("select min(id) as id from decision where act = 'regroup'").fetchone() or {}
    )
    visitor.post(f"{item}/file", revision="2", type="letter", patient=str(house.known[0]))
    assert visitor.post("/undo", decision=str(first["id"])).status_code == 409


def test_who_saw_an_older_cut_is_refused_and_nothing_changes(house: House, scan: int, enter: Enter) -> None:
    first = next(iter(living(house)))
    answer = cut(house, enter(Role.REVIEWER), scan, [[1], [2, 3], [4]], [], seen={first: 0})
    assert answer.status_code == 409
    assert list(living(house).values()) == [[1, 2, 3], [4]]


def test_pages_of_a_document_that_somebody_holds_are_not_moved(house: House, scan: int, enter: Enter) -> None:
    house.connection.execute(
        "update review_item set claimed_by = 'ann', claimed_until = now() + interval '1 hour'"
    )
    assert cut(house, enter(Role.REVIEWER), scan, [[1], [2, 3], [4]], []).status_code == 409


@pytest.mark.parametrize(
    ("groups", "left_out"),
    [
        ([[1, 2], [3]], []),
        ([[1, 2, 3, 4, 5]], []),
        ([[1, 2], [2, 3], [4]], []),
        ([[1, 2, 3], [4]], []),
        ([[]], [1, 2, 3, 4]),
    ],
    ids=["a page lost", "a page too many", "a page twice", "nothing changed", "an empty document"],
)
def test_what_does_not_add_up_is_refused(
    house: House, scan: int, enter: Enter, groups: list[list[int]], left_out: list[int]
) -> None:
    assert cut(house, enter(Role.REVIEWER), scan, groups, left_out).status_code == 422
    assert list(living(house).values()) == [[1, 2, 3], [4]]


def test_pages_of_a_filed_document_stay_where_they_are(house: House, enter: Enter) -> None:
    house.sure()
    assert cut(house, enter(Role.REVIEWER), 1, [[1]], []).status_code == 422
