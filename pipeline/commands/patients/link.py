"""What `patients link`, `patients duplicates` and `patients train` do."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import typer

from pipeline.commands.common import emit
from pipeline.config import load_settings
from pipeline.errors import NotFound
from pipeline.matching.person import person_from
from pipeline.patients.bulk_load import Load, csv_rows
from pipeline.patients.candidates import index_people
from pipeline.patients.fhir_import import fhir_patients
from pipeline.patients.outcome_statistics import decided
from pipeline.patients.patient_record import Incoming
from pipeline.patients.record_linkage import Linking, link, write
from pipeline.patients.weight_training import train
from pipeline.patients.weight_training import write as write_weights
from pipeline.runtime.installation import open_installation


def people_of(file: Path) -> list[Incoming]:
    """The people of a CSV or FHIR file. Raises NotFound, InvalidInput."""
    if not file.exists():
        raise NotFound(f"{file} does not exist.")
    return list(
        fhir_patients(file)
        if file.suffix in (".json", ".ndjson")
        else csv_rows(file, Load(), needed=("family",))
    )


def link_files(left: Path, right: Path, out: Path, *, as_json: bool, home: Path | None) -> None:
    """Link two files and write what was found."""
    lefts, rights = people_of(left), people_of(right)
    found = link(lefts, rights, load_settings(home).matching)
    write(found, lefts, rights, out)
    tell(found, out, as_json=as_json)


def find_duplicates(out: Path, *, as_json: bool, home: Path | None) -> None:
    """Find people who are in the index twice."""
    settings = load_settings(home)
    with open_installation(settings, store=False) as installation, installation.connect() as connection:
        people = list(index_people(connection))
    found = link(people, None, settings.matching)
    write(found, people, None, out)
    tell(found, out, as_json=as_json)


def learn_weights(out: Path, *, home: Path | None) -> None:
    """Learn weights from the index."""
    settings = load_settings(home)
    with open_installation(settings, store=False) as installation, installation.connect() as connection:
        people: Iterable[Incoming] = index_people(connection)
        weights = train([person_from(patient.row) for patient in people], list(decided(connection)))
    write_weights(weights, out)
    learned = weights["learned"]
    typer.echo(f"Learned from {learned['patients']} patients and {learned['documents']} filed documents.")
    typer.echo(f"The weights are in {out}; the card next to them says what they were learned from.")


def tell(found: Linking, out: Path, *, as_json: bool) -> None:
    """The report, and where the rest is."""
    figures = found.report()
    if as_json:
        emit({"out": str(out), **figures})
    else:
        typer.echo(", ".join(f"{name.replace('_', ' ')}: {count}" for name, count in figures.items()))
        typer.echo(f"links.csv, review.csv, clusters.csv and report.json are in {out}")
