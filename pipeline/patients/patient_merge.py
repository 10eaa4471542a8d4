"""Merge two records of one patient and unmerge them again. Merges are recorded and reversible, and the
documents move along."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg.rows import class_row

from pipeline.errors import Conflict, NotFound
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.patients")


@dataclass(frozen=True, slots=True)
class Merge:
    """A merge that was done or undone, and the number of documents that moved."""

    id: int
    loser: int
    survivor: int
    documents: int


@dataclass(frozen=True, slots=True)
class PatientSummary:
    """What names a patient, and the number of documents in the chart."""

    id: int
    mrn: str | None
    given: str | None
    family: str | None
    dob: str | None
    documents: int

    def __str__(self) -> str:
        name = ", ".join(filter(None, (self.family, self.given))) or f"patient {self.id}"
        documents = "1 document" if self.documents == 1 else f"{self.documents} documents"
        return f"{name} (MRN {self.mrn or 'unknown'}, born {self.dob or 'unknown'}, {documents})"


def patient_id(connection: Connection, mrn: str) -> int:
    """Return the patient with this current or former MRN; a merged patient's own ID, not its survivor's.

    Raises:
        NotFound: if there is none.
    """
    row = connection.execute(SQL["patient_by_mrn"], {"mrn": mrn}).fetchone()
    if row is None:
        raise NotFound(f"No patient in the index has the MRN {mrn}.")
    return int(row["id"])


def patient_summary(connection: Connection, patient: int) -> PatientSummary:
    """Return what names a patient to a person who is to confirm a change. Raises NotFound."""
    with connection.cursor(row_factory=class_row(PatientSummary)) as cursor:
        found = cursor.execute(SQL["patient_summary"], {"id": patient}).fetchone()
    if found is None:
        raise NotFound(f"There is no patient {patient}.")
    return found


def differing_identity_fields(one: PatientSummary, other: PatientSummary) -> list[str]:
    """Return "given" and "dob" if both records have the value and they differ: they may be two people."""
    pairs = {"given": (one.given, other.given), "dob": (one.dob, other.dob)}
    return [name for name, (a, b) in pairs.items() if a and b and a.casefold() != b.casefold()]


def is_merged_into(connection: Connection, patient: int, other: int) -> bool:
    """Return whether the patient has been merged into the other."""
    row = connection.execute(SQL["is_merged_into"], {"patient": patient, "other": other}).fetchone()
    return row is not None


def merge(connection: Connection, loser: int, survivor: int, actor: str) -> Merge:
    """Merge the patient `loser` into `survivor`.

    The documents move to the survivor, and the numbers and names of the other patient identify the survivor.

    Raises:
        NotFound: if there is no such patient.
        Conflict: if both are the same patient, or either was merged into another.
    """
    with connection.transaction():
        locked = {
            row["id"]: row for row in connection.execute(SQL["lock_patients"], {"ids": [loser, survivor]})
        }
        for patient in (loser, survivor):
            if patient not in locked:
                raise NotFound(f"There is no patient {patient}.")
            if locked[patient]["merged_into"] is not None:
                raise Conflict(
                    f"Patient {patient} was merged into patient {locked[patient]['merged_into']}.",
                    "Unmerge it first.",
                )
        if loser == survivor:
            raise Conflict("A patient cannot be merged with itself.", "Name two patients.")
        params = {"loser": loser, "survivor": survivor, "by": actor}
        connection.execute(SQL["move_followers"], params)
        moved = [
            row["id"] for row in connection.execute(SQL["move_documents"], {"from": loser, "to": survivor})
        ]
        done = connection.execute(SQL["record_merge"], params | {"documents": moved}).fetchone()
        connection.execute(SQL["close_record"], params)
        note = f"Patient {loser} merged into {survivor}"
        connection.execute(
            SQL["record_moves"],
            {"documents": moved, "by": actor, "action": "merge", "note": note, "from": loser, "to": survivor},
        )
    assert done is not None
    return Merge(done["id"], loser, survivor, len(moved))


def unmerge(connection: Connection, loser: int, actor: str) -> Merge:
    """Unmerge a patient from its survivor.

    The documents that the merge moved return, unless a user has since filed them elsewhere; later documents
    stay with the survivor.

    Raises:
        Conflict: if the patient is not merged.
    """
    with connection.transaction():
        row = connection.execute(SQL["open_merge"], {"loser": loser}).fetchone()
        if row is None:
            raise Conflict(f"Patient {loser} is not merged with another.")
        survivor = row["survivor"]
        params = {"documents": row["documents"], "from": survivor, "to": loser}
        moved = [moved_row["id"] for moved_row in connection.execute(SQL["move_documents_back"], params)]
        connection.execute(SQL["reopen_record"], {"loser": loser, "followers": row["followers"]})
        connection.execute(SQL["undo_merge"], {"id": row["id"], "by": actor})
        note = f"Patient {loser} unmerged from {survivor}"
        connection.execute(
            SQL["record_moves"], params | {"documents": moved, "by": actor, "action": "unmerge", "note": note}
        )
    return Merge(row["id"], loser, survivor, len(moved))


def renumber(connection: Connection, old: str, new: str) -> None:
    """Change a patient's MRN from `old` to `new`; the old one still identifies the patient.

    Raises:
        NotFound: if no patient has the old MRN.
        Conflict: if another patient has the new one.
    """
    with connection.transaction():
        patient = patient_id(connection, old)
        if connection.execute(SQL["mrn_in_use"], {"mrn": new, "id": patient}).fetchone():
            raise Conflict(
                f"The MRN {new} belongs to another patient.",
                "Merge the two patients (A40), or correct the number.",
            )
        connection.execute(SQL["renumber"], {"id": patient, "mrn": new})
        connection.execute(SQL["add_former_mrn"], {"id": patient, "mrn": old})
