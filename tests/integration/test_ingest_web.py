"""The intake pages: a ZIP file from the browser, and the list of incomplete batches and quarantined scans."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

from pipeline.ingest.batches import close_batches
from pipeline.web.auth.permissions import Role
from pipeline.web.auth.sessions import csrf_token
from tests.support.hospital import Hospital, SignedInUser
from tests.support.scan_records import printed

SignInAs = Callable[[Role], SignedInUser]


def test_a_zip_from_the_browser_is_a_batch_of_its_files(hospital: Hospital, sign_in_as: SignInAs) -> None:
    box = io.BytesIO()
    with zipfile.ZipFile(box, "w") as archive:
        archive.writestr("1.tif", printed("Progress note"))
        archive.writestr("note.txt", "no scan")
    clerk = sign_in_as(Role.CLERK)
    headers = clerk.headers | {
        "x-csrf-token": csrf_token(clerk.token),
        "content-type": "application/octet-stream",
    }
    answer = clerk.client.post("/upload/box%2017.zip", content=box.getvalue(), headers=headers)
    assert answer.status_code == 200, answer.text
    result = answer.json()
    assert (result["status"], result["files"]) == ("stored", 2)
    assert result["reason"].startswith("1 of 2 files could not be ingested")
    found = hospital.connection.execute(
        "select name, (select count(*) from ingest_event) as files from batch"
    ).fetchall()
    assert found == [{"name": "box 17.zip", "files": 2}]


def test_an_incomplete_batch_and_a_waiting_file_are_on_the_intake_page_and_the_batch_is_in_the_queue(
    hospital: Hospital, sign_in_as: SignInAs
) -> None:
    connection, document = hospital.connection, hospital.filed_document()
    row = connection.execute("insert into batch (name) values ('box 17') returning id").fetchone()
    assert row is not None
    params = {"batch": row["id"], "document": document}
    connection.execute(
        "insert into ingest_event (scan_id, name, duplicate, seen_at, batch_id)"
        " select scan_id, 'a', false, now(), %(batch)s from document where id = %(document)s", params,
    )  # fmt: skip
    connection.execute(
        "insert into batch_sheet (scan_id, text, batch_id, files)"
        " select scan_id, 'a sheet', %(batch)s, 3 from document where id = %(document)s", params,
    )  # fmt: skip
    connection.execute(
        "insert into intake_file (path, size, waiting_reason) values ('locked.pdf', 1, 'It cannot be read.')"
    )
    close_batches(connection, 0)
    ledger = sign_in_as(Role.CLERK).get("/reconciliation").text
    assert "3 files expected, 1 arrived" in ledger
    assert "Every file and page is accounted for.<" not in ledger
    assert "/items/" not in ledger, "a clerk may not open items"
    assert "/items/" in sign_in_as(Role.SUPERVISOR).get("/reconciliation").text
    assert "locked.pdf" in ledger
    assert "It cannot be read." in ledger
    queue = sign_in_as(Role.REVIEWER).get("/queue?reason=batch").text
    assert "Batch box 17 does not add up: 3 files expected, 1 arrived." in queue
    item = connection.execute("select id from review_item where kinds = '{batch}'").fetchone()
    assert item is not None
    reviewer = sign_in_as(Role.REVIEWER)
    reviewer.post(f"/items/{item['id']}/claim")
    assert "How was it resolved?" in reviewer.get(f"/items/{item['id']}").text
    assert (
        reviewer.post(f"/items/{item['id']}/reject", revision=0, note="two sheets counted wrong").status_code
        == 303
    )
    close_batches(connection, 0)
    state = connection.execute(
        "select balanced, closed_by, note from batch join review_item as r on r.id = review_item_id"
    ).fetchone()
    assert state is not None
    assert (state["balanced"], state["closed_by"], state["note"]) == (
        False,
        reviewer.name,
        "two sheets counted wrong",
    )
