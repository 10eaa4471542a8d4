"""Two records of one patient made one, and parted again: recorded, reversible, and the documents move
along.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.errors import Conflict, NotFound
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.patients")


@dataclass(frozen=True, slots=True)
class Merge:
    """A merge that was done or undone, and how many documents moved."""

    id: int
    loser: int
    survivor: int
    documents: int


def patient_id(connection: Connection, mrn: str) -> int:
    """The patient of this MRN, current or former; a merged one stands for itself. Raises NotFound."""
    row = connection.execute(SQL["patient_by_mrn"], {"mrn": mrn}).fetchone()
    if row is None:
        raise NotFound(f"No patient of the index has the MRN {mrn}.")
    return int(row["id"])


def is_part_of(connection: Connection, patient: int, other: int) -> bool:
    """Whether the patient has been merged into the other."""
    row = connection.execute(SQL["is_part_of"], {"patient": patient, "other": other}).fetchone()
    return row is not None


def merge(connection: Connection, loser: int, survivor: int, by: str) -> Merge:
    """Make `loser` a part of `survivor`: its documents move, its numbers and names lead there from now on.

    Raises Conflict where the two are one already, or where either was merged into another.
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
        said = {"loser": loser, "survivor": survivor, "by": by}
        connection.execute(SQL["follow"], said)
        moved = [
            row["id"] for row in connection.execute(SQL["move_documents"], {"from": loser, "to": survivor})
        ]
        done = connection.execute(SQL["record_merge"], said | {"documents": moved}).fetchone()
        connection.execute(SQL["close_record"], said)
        note = f"Patient {loser} merged into {survivor}"
        connection.execute(
            SQL["record_moves"],
            {"documents": moved, "by": by, "act": "merge", "note": note, "from": loser, "to": survivor},
        )
    assert done is not None
    return Merge(done["id"], loser, survivor, len(moved))


def unmerge(connection: Connection, loser: int, by: str) -> Merge:
    """Part a merged patient from its survivor again. The documents that the merge moved go back, unless a
    person has since filed them elsewhere; those that came later stay. Raises Conflict where the patient is
    not merged."""
    with connection.transaction():
        row = connection.execute(SQL["standing_merge"], {"loser": loser}).fetchone()
        if row is None:
            raise Conflict(f"Patient {loser} is not merged with another.")
        survivor = row["survivor"]
        back = {"documents": row["documents"], "from": survivor, "to": loser}
        moved = [found["id"] for found in connection.execute(SQL["move_documents_back"], back)]
        connection.execute(SQL["reopen_record"], {"loser": loser, "followers": row["followers"]})
        connection.execute(SQL["undo_merge"], {"id": row["id"], "by": by})
        note = f"Patient {loser} parted from {survivor}"
        connection.execute(
            SQL["record_moves"], back | {"documents": moved, "by": by, "act": "unmerge", "note": note}
        )
    return Merge(row["id"], loser, survivor, len(moved))


def renumber(connection: Connection, old: str, new: str) -> None:
    """Give the patient of MRN `old` the MRN `new`; the old one still leads to the patient. Raises NotFound,
    Conflict.
    """
    with connection.transaction():
        patient = patient_id(connection, old)
        if connection.execute(SQL["mrn_in_use"], {"mrn": new, "id": patient}).fetchone():
            raise Conflict(
                f"The MRN {new} is another patient's.", "Merge the two (A40), or correct the number."
            )
        connection.execute(SQL["renumber"], {"id": patient, "mrn": new})
        connection.execute(SQL["keep_old_mrn"], {"id": patient, "mrn": old})
