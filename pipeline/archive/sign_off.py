"""Sign off a batch: a person confirms its verification results. Only then may its paper be destroyed."""

from __future__ import annotations

from dataclasses import asdict

from psycopg.types.json import Jsonb

from pipeline.archive.migration_jobs import MigrationJob
from pipeline.archive.page_accounting import BatchTotals, reconcile, snapshot
from pipeline.errors import Conflict, InvalidInput, NotFound
from pipeline.store.audit import write_audit
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.archive")
SIGNER_ROLES = ("supervisor", "privacy_officer")
SIGNED_TOTALS = ("rows", "files", "pages", "verified", "exempt")


def sign_batch(
    connection: Connection, job: MigrationJob, batch: str, *, actor: str, terminal: str
) -> BatchTotals:
    """Sign off a verified batch with its present totals.

    Args:
        actor: The user account that signs.
        terminal: The operating system user and host, for the audit log.

    Raises:
        NotFound: The migration has no such batch.
        InvalidInput: This person may not sign.
        Conflict: The batch has not been verified.
    """
    row = connection.execute(SQL["signer"], [actor]).fetchone()
    if row is None or row["role"] not in SIGNER_ROLES:
        raise InvalidInput(
            f"{actor} may not sign.",
            f"Sign with an active account of the role {' or '.join(SIGNER_ROLES)}.",
            "may_not_sign",
        )
    with snapshot(connection, job):
        batches = {totals.name: totals for totals in reconcile(connection, job).batches}
        if batch not in batches:
            raise NotFound(
                f"The migration {job.name} has no batch {batch}.", "`chartloom archive report` lists them."
            )
        totals = batches[batch]
        if not totals.is_verified or totals.waiting:
            raise Conflict(
                f"Batch {batch} is not verified: {totals.unchecked} documents are not checked,"
                f" {totals.failed} have failed, {totals.waiting} are not read yet.",
                "Run `chartloom archive verify` and correct what it lists.",
            )
        signed = {name: value for name, value in asdict(totals).items() if name in SIGNED_TOTALS}
        connection.execute(SQL["sign_batch"], {"batch": totals.id, "by": actor, "totals": Jsonb(signed)})
        detail = {"archive": job.name, "batch": batch, "at": terminal, **signed}
        write_audit(connection, actor, "sign_archive_batch", role=row["role"], detail=detail)
    return totals
