"""What `chartloom patients link`, `patients duplicates` and `train matching` do."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import typer

from pipeline.commands.common import emit
from pipeline.config import load_settings
from pipeline.errors import NotFound
from pipeline.matching.person import person_from_record
from pipeline.patients.bulk_load import LoadResult, read_csv
from pipeline.patients.candidates import all_patients
from pipeline.patients.fhir_import import read_fhir
from pipeline.patients.outcome_statistics import labeled_outcomes
from pipeline.patients.patient_record import PatientUpdate
from pipeline.patients.record_linkage import LinkageResult, link_people, write_linkage
from pipeline.patients.weight_training import train_weights, write_weights
from pipeline.runtime.installation import open_installation


def read_people(file: Path) -> list[PatientUpdate]:
    """Return the people of a CSV or FHIR file. Raises NotFound and InvalidInput."""
    if not file.exists():
        raise NotFound(f"{file} does not exist.")
    return list(
        read_fhir(file)
        if file.suffix in (".json", ".ndjson")
        else read_csv(file, LoadResult(), needed=("family",))
    )


def link_files(left: Path, right: Path, out: Path, *, as_json: bool, home: Path | None) -> None:
    """Link two files and write the result."""
    lefts, rights = read_people(left), read_people(right)
    linkage = link_people(lefts, rights, load_settings(home).matching)
    write_linkage(linkage, lefts, rights, out)
    print_report(linkage, out, as_json=as_json)


def find_duplicates(out: Path, *, as_json: bool, home: Path | None) -> None:
    """Find people who are in the index more than once, and write the result."""
    settings = load_settings(home)
    with open_installation(settings, store=False) as installation, installation.connect() as connection:
        people = list(all_patients(connection))
    linkage = link_people(people, None, settings.matching)
    write_linkage(linkage, people, None, out)
    print_report(linkage, out, as_json=as_json)


def train_matching(out: Path, *, home: Path | None) -> None:
    """Train matching weights on the index, and write them with their card."""
    settings = load_settings(home)
    with open_installation(settings, store=False) as installation, installation.connect() as connection:
        people: Iterable[PatientUpdate] = all_patients(connection)
        weights = train_weights(
            [person_from_record(patient.row) for patient in people], list(labeled_outcomes(connection))
        )
    write_weights(weights, out)
    learned = weights["learned"]
    typer.echo(f"Learned from {learned['patients']} patients and {learned['documents']} filed documents.")
    typer.echo(f"The weights are in {out}; their card, next to the file, describes the training data.")


def print_report(linkage: LinkageResult, out: Path, *, as_json: bool) -> None:
    """Print the counts, and where the files are."""
    counts = linkage.report()
    if as_json:
        emit({"out": str(out), **counts})
    else:
        typer.echo(", ".join(f"{name.replace('_', ' ')}: {count}" for name, count in counts.items()))
        typer.echo(f"links.csv, review.csv, clusters.csv and report.json are in {out}")
