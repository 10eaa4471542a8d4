"""The audit log: a line for each time someone looked into a chart or changed something. Append-only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg.types.json import Jsonb

from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.store")
COMMAND_LINE = "command line"
"""The role recorded for commands: a user who may run commands on the server is trusted."""


def write_audit(
    connection: Connection,
    account: str,
    action: str,
    *,
    role: str = COMMAND_LINE,
    address: str | None = None,
    patient: int | None = None,
    document: int | None = None,
    scan: int | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write a line, in the transaction of the action that it records.

    Args:
        connection: The database.
        account: The user's name.
        action: What was done, such as "view_chart".
        role: The role in which it was done.
        address: The client's address; None for a command.
        patient: ID of the patient concerned.
        document: ID of the document concerned.
        scan: ID of the scan concerned.
        detail: Further facts, as JSON.
    """
    user = {"account": account, "role": role, "address": address, "action": action}
    subject = {"patient": patient, "document": document, "scan": scan, "detail": Jsonb(dict(detail or {}))}
    connection.execute(SQL["write_audit"], user | subject)
