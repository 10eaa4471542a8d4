"""The page of deliveries: what a supervisor sees and does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.delivery import outbox
from pipeline.web.auth.permissions import Role
from tests.support.delivery_archive import Archive
from tests.support.hospital import SignedInUser

SignInAs = Callable[[Role], SignedInUser]


@pytest.fixture
def failed(archive: Archive, tmp_path: Path) -> int:
    """A delivery that cannot be built, of a document whose next delivery waits."""
    archive.destination("archive", "folder", str(tmp_path))
    document = archive.file()
    archive.change(document, pdf="f" * 64)
    archive.change(document, type="letter")
    archive.deliver()
    return int(outbox.deliveries(archive.connection, state="failed")[0].id)


def test_the_page_lists_failed_deliveries(failed: int, sign_in_as: SignInAs) -> None:
    text = sign_in_as(Role.SUPERVISOR).get("/deliveries").text
    assert f"{failed} to archive" in text
    assert "build_failed" in text
    assert "its data is missing or damaged" in text
    assert "Consent" not in text


def test_a_supervisor_retries_or_discards_a_delivery_with_a_reason(
    archive: Archive, failed: int, sign_in_as: SignInAs
) -> None:
    user = sign_in_as(Role.SUPERVISOR)
    assert user.post("/deliveries/action", delivery=str(failed), operation="retry").status_code == 303
    assert outbox.delivery(archive.connection, failed).state == "pending"
    archive.deliver()
    assert (
        user.post("/deliveries/action", delivery=str(failed), operation="discard", note=" ").status_code
        == 422
    )
    assert (
        user.post(
            "/deliveries/action", delivery=str(failed), operation="discard", note="scanned again"
        ).status_code
        == 303
    )
    row = archive.connection.execute(
        "select detail from audit where action = 'delivery' order by id desc limit 1"
    ).fetchone()
    assert row is not None
    assert row["detail"]["note"] == "scanned again"


def test_all_failed_deliveries_of_a_destination_are_retried_at_once(
    archive: Archive, failed: int, sign_in_as: SignInAs
) -> None:
    assert (
        sign_in_as(Role.ADMINISTRATOR).post("/deliveries/action", to="archive", operation="retry").status_code
        == 303
    )
    assert outbox.deliveries(archive.connection, state="failed") == []
