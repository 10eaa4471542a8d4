"""The audit of ADT messages that change who a patient or a visit is: what was asked, what was done, and who
sent it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipeline.patients.adt_message import (
    ACCOUNT_EVENTS,
    MERGE_EVENTS,
    RENUMBERING_EVENTS,
    UNSUPPORTED_EVENTS,
    VISIT_EVENTS,
    Message,
)
from pipeline.store.audit import write_audit
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.patients")
ACTOR = ROLE = "adt"
ACTIONS = {
    **dict.fromkeys(UNSUPPORTED_EVENTS, "change_identity"),
    **dict.fromkeys(VISIT_EVENTS, "move_visit"),
    **dict.fromkeys(ACCOUNT_EVENTS, "change_account"),
    **dict.fromkeys(RENUMBERING_EVENTS, "renumber"),
    **dict.fromkeys(MERGE_EVENTS, "merge"),
}
"""The audit action of each event (MSH-9.2)."""
MAX_HEADER_CHARS = 200
"""Longest value of the header that is audited: the sender chooses its length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who sent a message: the network address, and the subject of the certificate ("" if there is none)."""

    address: str
    certificate: str = ""


def audit_message(
    connection: Connection, message: Message, sender: Sender | None, *, refused: str | None = None
) -> None:
    """Write an audit line for each patient whose identity a message changes, in its transaction.

    Args:
        connection: the database.
        message: the message. One that could not be parsed names no patient: it gets one line.
        sender: who sent it; None: it did not come from a listener, and nothing is written.
        refused: the code of the error, if it was rejected.
    """
    action = ACTIONS.get(message.event.partition("^")[2])
    if sender is None or action is None or not message.event.startswith("ADT"):
        return
    detail: dict[str, Any] = {
        "sender": message.sender[:MAX_HEADER_CHARS],
        "control_id": message.control_id[:MAX_HEADER_CHARS],
        "event": message.event[:MAX_HEADER_CHARS],
    }
    detail |= {"certificate": sender.certificate} if sender.certificate else {}
    detail |= {"refused": True, "code": refused} if refused else {}
    for change in message.changes or (None,):
        numbers = [] if change is None else [change.patient.row["mrn"], *(mrn for _, mrn in change.priors)]
        about = detail | ({"mrns": numbers} if numbers else {})
        rows = connection.execute(SQL["patients_of_mrns"], {"mrns": numbers}).fetchall() if numbers else []
        for patient in [row["id"] for row in rows] or [None]:
            write_audit(
                connection,
                ACTOR,
                action,
                role=ROLE,
                address=sender.address,
                patient=patient,
                detail=about,
            )
