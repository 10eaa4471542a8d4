"""Commands: patients (load, merge, unmerge, link, duplicates), match and adt."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.commands.common import Home, Json, emit
from pipeline.errors import InvalidInput

patients = typer.Typer(
    help="The patient index: load it, keep it current, join and part records.", no_args_is_help=True
)


class Format(StrEnum):
    CSV = "csv"
    FHIR = "fhir"
    HL7 = "hl7"


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    patients.command(epilog="Example: chartloom patients load patients.csv")(load)
    patients.command("merge", epilog="Example: chartloom patients merge 7700123 7700321 --by mwhite")(
        merge_records
    )
    patients.command("unmerge", epilog="Example: chartloom patients unmerge 7700123 --by mwhite")(
        unmerge_records
    )
    patients.command(epilog="Example: chartloom patients link old.csv new.csv --out linked")(link)
    patients.command(epilog="Example: chartloom patients duplicates --out duplicates")(duplicates)
    app.add_typer(patients, name="patients")
    app.command(
        epilog="""Example: echo '{"id": "1", "family": "Reyes", "given": "Susan", "dob": "1964-09-29"}' | chartloom match"""
    )(match)
    app.command(epilog="Example: chartloom adt --host 0.0.0.0 --port 2575")(adt)


def load(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A CSV file with a header, FHIR R4 patients or HL7 v2 messages."),
    ],
    format: Annotated[
        Format | None, typer.Option("--format", help="What the file is. [default: by its name]")
    ] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Load patients, bringing those that are known by their MRN up to date.

    Exit status: 0 all taken; 2 a line was refused or the file cannot be read; 3 a service is away; 7 the file
    does not exist."""
    from pipeline.commands.patients.load import load_patients

    sys.exit(load_patients(file, format.value if format else None, as_json=as_json, home=home))


Mrn = Annotated[str, typer.Argument(help="The MRN, current or former.")]
By = Annotated[str, typer.Option("--by", help="Who decided it.")]


def merge_records(
    loser: Mrn, survivor: Mrn, by: By = "operator", as_json: Json = False, home: Home = None
) -> None:
    """Make LOSER's record a part of SURVIVOR's: its documents move, its numbers and names lead there from now
    on.

    Exit status: 0 done; 1 one of them is merged already; 3 a service is away; 7 no such patient.
    """
    from pipeline.commands.patients.merge import merge_patients

    merge_patients(loser, survivor, by, as_json=as_json, home=home)


def unmerge_records(loser: Mrn, by: By = "operator", as_json: Json = False, home: Home = None) -> None:
    """Part LOSER's record from its survivor's again; the documents that came with it go back.

    Exit status: 0 done; 1 it is not merged; 3 a service is away; 7 no such patient.
    """
    from pipeline.commands.patients.merge import unmerge_patients

    unmerge_patients(loser, by, as_json=as_json, home=home)


Out = Annotated[
    Path, typer.Option("--out", help="Folder for links.csv, review.csv, clusters.csv and report.json.")
]


def link(
    left: Annotated[Path, typer.Argument(metavar="LEFT", help="CSV or FHIR.")],
    right: Annotated[Path, typer.Argument(metavar="RIGHT", help="CSV or FHIR.")],
    out: Out = Path("linked"),
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Say who of LEFT is who of RIGHT; no index is asked. What is doubtful stands in review.csv.

    Exit status: 0 done; 2 a file cannot be read; 7 a file does not exist.
    """
    from pipeline.commands.patients.link import link_files

    link_files(left, right, out, as_json=as_json, home=home)


def duplicates(out: Out = Path("duplicates"), as_json: Json = False, home: Home = None) -> None:
    """Find people who are in the index more than once. Nothing is merged: see `patients merge`.

    Exit status: 0 done; 3 a service is away.
    """
    from pipeline.commands.patients.link import find_duplicates

    find_duplicates(out, as_json=as_json, home=home)


def adt(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0: any free one.")
    ] = 2575,
    home: Home = None,
) -> None:
    """Keep the patient index current from HL7 v2 ADT messages over MLLP, each acknowledged once it is
    committed.

    A message that cannot be applied is answered AE and kept. Exit status: 0 stopped; 3 a service is away.
    """
    from pipeline.commands.patients.adt import listen

    listen(host, port, home)


def match(
    jsonl: Annotated[bool, typer.Option("--jsonl", help="JSON lines in and out: the only form.")] = True,  # noqa: ARG001
    pairs: Annotated[
        bool, typer.Option("--pairs", help="Each line holds two records, left and right; no index is asked.")
    ] = False,
    home: Home = None,
) -> None:
    """Say whom each record on standard input is about: match, possible or none, with the candidates and the
    reasons.

    One line in, one line out, at once. Exit status: 0 all answered; 2 a line was no record; 3 a service is
    away."""
    from pipeline.config import load_settings
    from pipeline.patients.match_json import match_record, match_pair

    settings = load_settings(home)
    if pairs:
        sys.exit(answer_lines(lambda record: match_pair(record, settings.matching)))

    from pipeline.runtime.installation import open_installation

    with open_installation(settings, store=False) as installation, installation.connect() as connection:
        sys.exit(answer_lines(lambda record: match_record(connection, record, settings.matching)))


def answer_lines(answer: Callable[[dict[str, Any]], dict[str, Any]]) -> int:
    """Answer standard input line by line; the exit status. A line that is no record is answered with an
    error.
    """
    status = 0
    for number, text in enumerate(sys.stdin, 1):
        if not text.strip():
            continue
        try:
            emit(answer(record_on(text)))
        except InvalidInput as error:
            emit({"line": number, "error": str(error), "code": error.code})
            status = InvalidInput.exit_code
    return status


def record_on(text: str) -> dict[str, Any]:
    """The JSON object on a line; InvalidInput where there is none."""
    try:
        record = json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"Not JSON: {error}.", "Send one JSON object a line.") from None
    if not isinstance(record, dict) or any(
        isinstance(record.get(side, {}), dict) is False for side in ("left", "right")
    ):
        raise InvalidInput("Not a JSON object of a person.", "Send one JSON object a line.")
    return record
