"""The audit: a line for each time somebody looked into a chart or changed something, kept for good and
changed by nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg.types.json import Jsonb

from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.store")
COMMAND_LINE = "command line"  # the role of who acts there: whoever may run commands on the server is trusted


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
    """Write a line, in the transaction of what it tells of. `account`: who, by name; `address`: from where,
    None at the command line; `detail`: what else is to be known, as JSON."""
    who = {"account": account, "role": role, "address": address, "action": action}
    what = {"patient": patient, "document": document, "scan": scan, "detail": Jsonb(dict(detail or {}))}
    connection.execute(SQL["write_audit"], who | what)
