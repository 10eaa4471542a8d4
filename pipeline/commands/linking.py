"""What `patients link`, `patients duplicates` and `patients train` do."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import typer

from pipeline.commands.options import emit
from pipeline.config import load_settings
from pipeline.errors import NotFound
from pipeline.match.decided import decided
from pipeline.match.fhir import fhir_patients
from pipeline.match.incoming import Incoming
from pipeline.match.index import index_people
from pipeline.match.linking import Linking, link, write
from pipeline.match.loading import Load, csv_rows
from pipeline.match.person import person_from
from pipeline.match.training import train
from pipeline.match.training import write as write_weights
from pipeline.services.installation import open_installation


def people_of(file: Path) -> list[Incoming]:
    """The people of a CSV or FHIR file. Raises NotFound, BadInput."""
    if not file.exists():
        raise NotFound(f"{file} does not exist.")
    return list(fhir_patients(file) if file.suffix in (".json", ".ndjson") else csv_rows(file, Load(), needed=("family",)))


def link_files(left: Path, right: Path, out: Path, *, as_json: bool, home: Path | None) -> None:
    """Link two files and write what was found."""
    lefts, rights = people_of(left), people_of(right)
    found = link(lefts, rights, load_settings(home).match)
    write(found, lefts, rights, out)
    tell(found, out, as_json=as_json)


def find_duplicates(out: Path, *, as_json: bool, home: Path | None) -> None:
    """Find people who are in the index twice."""
    settings = load_settings(home)
    with open_installation(settings, store=False) as installation, installation.connect() as connection:
        people = list(index_people(connection))
    found = link(people, None, settings.match)
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
    typer.echo(f"In force with the setting match.weights = {str(out)!r}; the card beside it says what was learned.")


def tell(found: Linking, out: Path, *, as_json: bool) -> None:
    """The report, and where the rest is."""
    figures = found.report()
    if as_json:
        emit({"out": str(out), **figures})
    else:
        typer.echo(", ".join(f"{name.replace('_', ' ')}: {count}" for name, count in figures.items()))
        typer.echo(f"links.csv, review.csv, clusters.csv and report.json are in {out}")
