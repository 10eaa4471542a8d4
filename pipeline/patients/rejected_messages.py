"""HL7 messages that were rejected: kept with the reason and the record numbers that they name, until a person
has dealt with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Literal

from psycopg.types.json import Jsonb

from pipeline.errors import InvalidInput, NotFound
from pipeline.patients.adt_message import Message, NamedPatient
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.patients")
State = Literal["rejected", "settled"]


def keep_rejected(
    connection: Connection, message: Message, body: bytes, problem: str, patients: Sequence[NamedPatient]
) -> bool:
    """Keep a rejected message with the reason; return False if a person has settled it already."""
    key = {name: getattr(message, name) for name in ("sender", "control_id", "event", "sha256")}
    named = Jsonb([asdict(patient) for patient in patients])
    params = key | {"problem": problem, "body": body, "patients": named}
    return connection.execute(SQL["keep_rejected"], params).rowcount == 1


def rejected_messages(connection: Connection, limit: int, state: State = "rejected") -> list[dict[str, Any]]:
    """Return the messages that were rejected and not applied since, or those that were settled, the newest
    first.
    """
    return connection.execute(SQL["rejected_messages"], {"status": state, "limit": limit}).fetchall()


def count_rejected_messages(connection: Connection) -> int:
    """Return the number of messages that wait for a person."""
    row = connection.execute(SQL["count_rejected_messages"]).fetchone()
    return int(row["messages"]) if row else 0


def settle_message(connection: Connection, message: int, actor: str, note: str) -> None:
    """Mark a rejected message as handled by a person. Its content is deleted, and it is not applied if it is
    sent again.

    Raises:
        NotFound: if there is no such message, or it is not rejected.
        InvalidInput: if the note is blank.
    """
    patients_of_rejected(connection, message)
    if not note.strip():
        raise InvalidInput("The note is missing.", "State in a few words what you did.", "missing_note")
    connection.execute(SQL["settle_message"], {"id": message, "actor": actor, "note": note.strip()})


def settle_if_merged(connection: Connection, message: int, actor: str, note: str) -> bool:
    """Mark a rejected message as handled if all records that it merges are merged now; return whether.

    Raises:
        NotFound: if there is no such message, or it is not rejected.
    """
    patients = patients_of_rejected(connection, message)
    priors = [prior for patient in patients for prior in patient["priors"]]
    unmerged = connection.execute(SQL["unmerged_priors"], {"patients": Jsonb(patients)}).fetchall()
    if not priors or unmerged:
        return False
    settle_message(connection, message, actor, note)
    return True


def patients_of_rejected(connection: Connection, message: int) -> list[dict[str, Any]]:
    """Return the patients that a rejected message names, {"mrn", "priors"}, and lock it. Raises NotFound."""
    row = connection.execute(SQL["rejected_message"], {"id": message}).fetchone()
    if row is None:
        raise NotFound(
            f"There is no rejected message {message}.",
            "Someone may have settled it, or it was sent again and applied.",
        )
    patients: list[dict[str, Any]] = row["patients"]
    return patients
