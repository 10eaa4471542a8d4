"""Commands: patients (load, merge, unmerge, link, duplicates), match and adt."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.commands.common import Home, Json, Yes, emit
from pipeline.errors import InvalidInput

patients = typer.Typer(
    help="The patient index: load patients, merge and unmerge records, link files.", no_args_is_help=True
)


MAX_LISTED_MESSAGES = 1000  # rejected messages, the newest


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
    patients.command(epilog="Example: chartloom patients rejected --json")(rejected)
    patients.command(epilog="Example: chartloom patients link old.csv new.csv --out linked")(link)
    patients.command(epilog="Example: chartloom patients duplicates --out duplicates")(duplicates)
    app.add_typer(patients, name="patients")
    app.command(
        epilog="Example: echo "
        """'{"id": "1", "family": "Reyes", "given": "Susan", "dob": "1964-09-29"}' | chartloom match"""
    )(match)
    app.command(epilog="Example: chartloom adt --host 0.0.0.0 --port 2575")(adt)


def load(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A CSV file with a header, FHIR R4 patients or HL7 v2 messages."),
    ],
    format: Annotated[
        Format | None, typer.Option("--format", help="[default: by the suffix of the name]")
    ] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Load patients. Those whose MRN is in the index are updated.

    Exit codes: 0 all were loaded; 2 a row was rejected or the file cannot be read; 3 a service is
    unavailable; 7 the file does not exist.
    """
    from pipeline.commands.patients.load import load_patients

    sys.exit(load_patients(file, format.value if format else None, as_json=as_json, home=home))


Mrn = Annotated[str, typer.Argument(metavar="MRN", help="A current or former MRN.")]
DecidedBy = Annotated[str, typer.Option("--by", metavar="NAME", help="Name for the audit log.")]


def merge_records(
    loser: Mrn,
    survivor: Mrn,
    by: DecidedBy = "operator",
    note: Annotated[
        str,
        typer.Option("--note", metavar="TEXT", help="Why they are the same person, for the audit log."),
    ] = "",
    yes: Yes = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Merge the first patient into the second: the documents move, and the numbers and names of the first
    find the second from now on.

    Both are named, and you are asked for a confirmation. If their first names or birth dates differ, they may
    be two people, and --note is required.

    Exit codes: 0 done; 1 not confirmed, or one of them is already merged; 2 --note is missing, or no one can
    confirm; 3 a service is unavailable; 7 there is no such patient.
    """
    from pipeline.commands.patients.merge import merge_patients

    merge_patients(loser, survivor, by, note, yes=yes, as_json=as_json, home=home)


def unmerge_records(loser: Mrn, by: DecidedBy = "operator", as_json: Json = False, home: Home = None) -> None:
    """Undo the merge of a patient. The documents that were moved by it go back.

    Exit codes: 0 done; 1 the patient is not merged; 3 a service is unavailable; 7 there is no such patient.
    """
    from pipeline.commands.patients.merge import unmerge_patients

    unmerge_patients(loser, by, as_json=as_json, home=home)


Out = Annotated[
    Path,
    typer.Option(
        "--out", metavar="DIR", help="Folder for links.csv, review.csv, clusters.csv and report.json."
    ),
]


def link(
    left: Annotated[Path, typer.Argument(metavar="LEFT", help="A CSV or FHIR file.")],
    right: Annotated[Path, typer.Argument(metavar="RIGHT", help="A CSV or FHIR file.")],
    out: Out = Path("linked"),
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Find which patients of two files are the same people, without the patient index. Uncertain pairs are in
    review.csv.

    Exit codes: 0 done; 2 a file cannot be read; 7 a file does not exist.
    """
    from pipeline.commands.patients.link import link_files

    link_files(left, right, out, as_json=as_json, home=home)


def rejected(as_json: Json = False, home: Home = None) -> None:
    """List the HL7 messages that were not applied, with the reason, such as merges that a person must decide.

    Exit codes: 0 done; 3 a service is unavailable.
    """
    from pipeline.commands.common import database
    from pipeline.patients.rejected_messages import rejected_messages

    with database(home) as connection:
        messages = rejected_messages(connection, MAX_LISTED_MESSAGES)
    for message in messages:
        received_at = message["received_at"].isoformat(timespec="seconds")
        if as_json:
            emit(message | {"received_at": received_at})
        else:
            typer.echo(f"{received_at}  {message['event']}  {message['control_id']}  {message['problem']}")


def duplicates(out: Out = Path("duplicates"), as_json: Json = False, home: Home = None) -> None:
    """Find people who are in the index more than once. Nothing is merged: see `patients merge`.

    Exit codes: 0 done; 3 a service is unavailable.
    """
    from pipeline.commands.patients.link import find_duplicates

    find_duplicates(out, as_json=as_json, home=home)


def adt(
    host: Annotated[
        str | None, typer.Option("--host", metavar="HOST", help="Address to listen on.  [default: adt.host]")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            metavar="N",
            min=0,
            max=65535,
            help="Port to listen on; 0: a free one.  [default: adt.port]",
        ),
    ] = None,
    home: Home = None,
) -> None:
    """Keep the patient index current from HL7 v2 ADT messages over MLLP. Each is acknowledged after it is
    committed.

    A message that cannot be applied is acknowledged with AE and kept.

    Exit codes: 0 stopped; 3 a service is unavailable; 5 a setting is wrong.
    """
    from pipeline.commands.patients.adt import listen

    listen(host, port, home)


def match(
    jsonl: Annotated[bool, typer.Option("--jsonl", help="JSON lines in and out: the only format.")] = True,  # noqa: ARG001
    pairs: Annotated[
        bool, typer.Option("--pairs", help="Compare the two records of each line, left and right.")
    ] = False,
    home: Home = None,
) -> None:
    """Find the patient of each record on standard input: match, possible or none, with the candidates and the
    reasons. With --pairs, the patient index is not used.

    For each input line, one line is printed at once.

    Exit codes: 0 done; 2 a line was not a record; 3 a service is unavailable.
    """
    from pipeline.config import load_settings
    from pipeline.patients.match_json import match_pair, match_record

    settings = load_settings(home)
    if pairs:
        sys.exit(process_lines(lambda record: match_pair(record, settings.matching)))

    from pipeline.runtime.installation import open_installation

    with open_installation(settings, store=False) as installation, installation.connect() as connection:
        sys.exit(process_lines(lambda record: match_record(connection, record, settings.matching)))


def process_lines(process: Callable[[dict[str, Any]], dict[str, Any]]) -> int:
    """Print the result of each line of standard input, or an error if the line is not a record.

    Returns:
        The exit code of the command.
    """
    status = 0
    for number, text in enumerate(sys.stdin, 1):
        if not text.strip():
            continue
        try:
            emit(process(parse_record(text)))
        except InvalidInput as error:
            emit({"line": number, "error": str(error), "code": error.code})
            status = InvalidInput.exit_code
    return status


def parse_record(text: str) -> dict[str, Any]:
    """Return the JSON object on a line. Raises InvalidInput."""
    try:
        record = json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"Not JSON: {error}.", "Send one JSON object per line.") from None
    if not isinstance(record, dict) or not all(
        isinstance(record.get(side, {}), dict) for side in ("left", "right")
    ):
        raise InvalidInput("Not a JSON object that describes a person.", "Send one JSON object per line.")
    return record
