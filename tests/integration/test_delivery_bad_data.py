"""A delivery whose data cannot be read fails with a reason and does not stop the others. A failure of a
destination ends when a delivery succeeds."""

from __future__ import annotations

from pathlib import Path

from pipeline.delivery import outbox
from tests.support.delivery_archive import Archive


def test_unreadable_data_fails_and_the_others_are_sent(archive: Archive, tmp_path: Path) -> None:
    archive.destination("drop", "folder", str(tmp_path))
    documents = [archive.file() for _ in range(3)]
    archive.connection.execute(
        """update delivery set content = jsonb_set(content, '{date_of_service}', '"2024-02-31"')
           where document_id = %s""",
        [documents[1]],
    )
    archive.deliver()
    states = {row.document_id: row.state for row in outbox.deliveries(archive.connection)}
    assert [states[document] for document in documents] == ["delivered", "failed", "delivered"]
    (failed,) = outbox.deliveries(archive.connection, state="failed")
    assert (failed.problem, "cannot be read" in str(failed.detail)) == ("build_failed", True)


def test_a_failure_of_another_process_ends_with_a_success(archive: Archive, tmp_path: Path) -> None:
    archive.destination("drop", "folder", str(tmp_path))
    archive.connection.execute("update destination set failing_since = now(), failure = 'unreachable: x'")
    archive.file()
    archive.deliver()
    assert outbox.destinations(archive.connection)[0].failing_since is None
