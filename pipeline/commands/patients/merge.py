"""What `chartloom patients merge` and `patients unmerge` do."""

from __future__ import annotations

from pathlib import Path

import typer

from pipeline.commands.common import database, emit
from pipeline.patients.patient_merge import Merge, merge, patient_id, unmerge


def merge_patients(loser: str, survivor: str, by: str, *, as_json: bool, home: Path | None) -> None:
    """Merge two patients, named by MRN."""
    with database(home) as connection:
        done = merge(connection, patient_id(connection, loser), patient_id(connection, survivor), by)
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
