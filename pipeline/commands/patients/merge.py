"""What `chartloom patients merge` and `patients unmerge` do."""

from __future__ import annotations

from pathlib import Path

import typer

from pipeline.commands.common import confirm, database, emit
from pipeline.errors import InvalidInput
from pipeline.patients.patient_merge import (
    Merge,
    differing_identity_fields,
    merge,
    patient_id,
    patient_summary,
    unmerge,
)
from pipeline.store.audit import write_audit

FIELD_NAMES = {"given": "first name", "dob": "birth date"}


def merge_patients(
    loser: str, survivor: str, by: str, note: str, *, yes: bool, as_json: bool, home: Path | None
) -> None:
    """Merge two patients, named by MRN, after the user has confirmed both.

    Raises:
        InvalidInput: Their first names or birth dates differ and there is no note, or no one confirms.
    """
    with database(home) as connection:
        ids = [patient_id(connection, mrn) for mrn in (loser, survivor)]
        given_up, kept = (patient_summary(connection, patient) for patient in ids)
        differences = [FIELD_NAMES[name] for name in differing_identity_fields(given_up, kept)]
        if differences and not note.strip():
            raise InvalidInput(
                f"{given_up} and {kept} differ in: {', '.join(differences)}. They may be two people.",
                'State why they are the same person: --note "...".',
                "reason_required",
            )
        warning = f" They differ in: {', '.join(differences)}." if differences else ""
        confirm(f"Merge {given_up} into {kept}?{warning}", yes=yes)
        with connection.transaction():
            done = merge(connection, given_up.id, kept.id, by)
            detail = {"merged": given_up.id, "documents": done.documents, "reason": note.strip() or None}
            write_audit(connection, by, "merge", patient=kept.id, detail=detail)
    print_merge(done, f"{loser} is now part of {survivor}", as_json=as_json)


def unmerge_patients(loser: str, by: str, *, as_json: bool, home: Path | None) -> None:
    """Undo the merge of a patient, named by MRN."""
    with database(home) as connection:
        done = unmerge(connection, patient_id(connection, loser), by)
    print_merge(done, f"{loser} is a patient of its own again", as_json=as_json)


def print_merge(merged: Merge, sentence: str, *, as_json: bool) -> None:
    """Print the result of a merge or unmerge."""
    if as_json:
        emit(
            {
                "merge": merged.id,
                "loser": merged.loser,
                "survivor": merged.survivor,
                "documents": merged.documents,
            }
        )
    else:
        typer.echo(f"{sentence}; documents moved: {merged.documents}")
