"""The keys of stored JSON, as SQL reads them: a renamed key fails here instead of reading a default."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg.types.json import Jsonb

from pipeline.index import document_actions
from pipeline.index.decision import Snapshot
from pipeline.index.document_actions import ReviewContext
from pipeline.index.scan_result import scan_result
from pipeline.patients.outcome_statistics import labeled_outcomes
from pipeline.web.review import review_queue
from tests.support.hospital import Hospital

RESTORED_COLUMNS = (
    "status, type, type_probability, patient_id, match_probability, date_of_service, pdf, filed_at, filed_by"
)


def select_row(hospital: Hospital, sql: str, *params: object) -> dict[str, Any]:
    row = hospital.connection.execute(sql.encode(), params).fetchone()
    assert row is not None
    return row


def claimed(hospital: Hospital, item: int, note: str = "") -> ReviewContext:
    review_queue.claim(hospital.connection, item, "ann", 10)
    document = select_row(
        hospital,
        "select d.id, d.revision from document d join review_item i on i.document_id = d.id where i.id = %s",
        item,
    )
    return ReviewContext(
        document=document["id"], revision=document["revision"], actor="ann", item=item, note=note
    )


def test_undo_restores_every_key_of_the_snapshot(hospital: Hospital) -> None:
    item = hospital.uncertain_item()
    context = claimed(hospital, item)
    document_actions.file_document(
        hospital.connection,
        context,
        patient=hospital.patient_ids[1],
        type="transfer_summary",
        fields={"mrn": "10012399", "date_of_service": "2026-03-15"},
    )
    hospital.connection.execute("update document set match_probability = 0.31")
    columns = f"select {RESTORED_COLUMNS} from document where id = %s"
    before = select_row(hospital, columns, context.document)
    assert None not in before.values()
    withdrawal = document_actions.withdraw(
        hospital.connection,
        ReviewContext(
            document=context.document, revision=context.revision + 1, actor="ann", note="Not a record."
        ),
    )
    hospital.connection.execute(
        """update document set type = 'other', type_probability = 0, patient_id = null,
           match_probability = null,
           date_of_service = null, pdf = repeat('0', 64)"""
    )
    hospital.connection.execute("delete from document_field where source = 'person'")
    document_actions.undo(hospital.connection, withdrawal, "ann")
    assert select_row(hospital, columns, context.document) == before
    fields = hospital.connection.execute(
        "select name, value from document_field where source = 'person' order by name"
    ).fetchall()
    assert [(row["name"], row["value"]) for row in fields] == [
        ("date_of_service", "2026-03-15"),
        ("mrn", "10012399"),
    ]
    stored = select_row(hospital, "select before, after from decision where id = %s", withdrawal)
    assert set(stored["before"]) == set(stored["after"]) == set(Snapshot.__annotations__)


def test_sql_reads_the_software_s_result_by_its_keys(hospital: Hospital) -> None:
    item = hospital.uncertain_item()
    martha, marta, *_ = hospital.patient_ids
    candidates = [
        {"patient": {"id": martha, "mrn": "10012345"}, "probability": 0.62, "weight": 4.0, "reasons": []},
        {"patient": {"id": marta, "mrn": "10012399"}, "probability": 0.31, "weight": 3.0, "reasons": []},
    ]
    change = {
        "type": "consent",
        "type_probability": 0.43,
        "alternatives": [{"type": "letter", "probability": 0.21}],
        "candidates": candidates,
        "reasons": [{"code": "below_threshold", "detail": "0.62", "weight": None}],
    }
    hospital.connection.execute("update document set machine_result = machine_result || %s", [Jsonb(change)])
    context = claimed(hospital, item)
    document_actions.file_document(
        hospital.connection, context, patient=marta, type="letter", fields={"mrn": "10012399"}
    )
    filed = select_row(
        hospital, "select scan_id, type_probability, match_probability from document where id = %s",
        context.document,
    )  # fmt: skip
    assert filed["type_probability"] == pytest.approx(0.21)
    assert filed["match_probability"] == pytest.approx(0.31)
    statistics = select_row(hospital, "select * from accuracy_stats")
    assert statistics["claimed_type_probability"] == pytest.approx(0.43)
    assert statistics["claimed_match_probability"] == pytest.approx(0.62)
    assert (statistics["same_type"], statistics["same_patient"], statistics["had_candidate"]) == (
        False,
        False,
        True,
    )
    (outcome,) = labeled_outcomes(hospital.connection)
    assert (outcome.right, outcome.probability) == (False, 0.62)
    (document,) = scan_result(hospital.connection, filed["scan_id"])["documents"]
    assert document["reasons"] == change["reasons"]
    document_actions.reopen(
        hospital.connection,
        ReviewContext(document=context.document, revision=context.revision + 1, actor="ann"),
    )
    opened = select_row(
        hospital, "select candidates from review_item where document_id = %s and closed_at is null",
        context.document,
    )  # fmt: skip
    assert opened["candidates"] == candidates
