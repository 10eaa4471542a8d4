"""Signing for a batch: a person's name under what was proved and what was not. Only then may its paper go."""

from __future__ import annotations

from dataclasses import asdict

from psycopg.types.json import Jsonb

from pipeline.archive.migration_jobs import Archive
from pipeline.archive.page_accounting import BatchAccount, account_of, snapshot
from pipeline.errors import BadInput, Conflict, NotFound
from pipeline.store.audit import write_audit
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.archive")
MAY_SIGN = ("supervisor", "privacy_officer")
TOTALS = ("rows", "files", "pages", "proved", "excepted")


def sign(connection: Connection, archive: Archive, batch: str, *, by: str, at: str) -> BatchAccount:
    """Sign for a batch that verified, with the totals as they are now. `at`: who sat at the machine, for the
    audit.

    Raises NotFound, BadInput where that person may not sign, Conflict where the batch has not been verified.
    """
    row = connection.execute(SQL["signer"], [by]).fetchone()
    if row is None or row["role"] not in MAY_SIGN:
        raise BadInput(
            f"{by} may not sign.",
            f"It takes an open account of the role {' or '.join(MAY_SIGN)}.",
            "may_not_sign",
        )
    with snapshot(connection, archive):
        found = next(
            (known for known in account_of(connection, archive).batches if known.name == batch), None
        )
        if found is None:
            raise NotFound(
                f"The migration {archive.name} has no batch {batch}.",
                "`chartloom migrate report` names them.",
            )
        if not found.verified or found.waiting:
            left = f"{found.unchecked} documents are not checked, {found.faults} are faults, {found.waiting} not read yet"
            raise Conflict(
                f"Batch {batch} has not verified: {left}.",
                "Run `chartloom migrate verify`, mend what it names.",
            )
        totals = {name: value for name, value in asdict(found).items() if name in TOTALS}
        connection.execute(SQL["sign_batch"], {"batch": found.id, "by": by, "totals": Jsonb(totals)})
        detail = {"archive": archive.name, "batch": batch, "at": at, **totals}
        write_audit(connection, by, "sign_archive_batch", role=row["role"], detail=detail)
    return found
