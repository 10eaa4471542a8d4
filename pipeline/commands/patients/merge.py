"""What `patients merge` and `patients unmerge` do."""

from __future__ import annotations

from pathlib import Path

import typer

from pipeline.commands.common import database, emit
from pipeline.patients.patient_merge import Merge, merge, patient_id, unmerge


def merge_patients(loser: str, survivor: str, by: str, *, as_json: bool, home: Path | None) -> None:
    """Merge two patients, named by MRN."""
    with database(home) as connection:
        done = merge(connection, patient_id(connection, loser), patient_id(connection, survivor), by)
    tell(done, f"{loser} is now part of {survivor}", as_json=as_json)


def unmerge_patients(loser: str, by: str, *, as_json: bool, home: Path | None) -> None:
    """Part a merged patient, named by MRN."""
    with database(home) as connection:
        done = unmerge(connection, patient_id(connection, loser), by)
    tell(done, f"{loser} stands alone again", as_json=as_json)


def tell(done: Merge, words: str, *, as_json: bool) -> None:
    """What was done."""
    if as_json:
        emit({"merge": done.id, "loser": done.loser, "survivor": done.survivor, "documents": done.documents})
    else:
        typer.echo(f"{words}; documents moved: {done.documents}")
