"""What `migrate verify`, `report`, `sample` and `sign` do."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator
from getpass import getuser
from itertools import islice
from pathlib import Path
from socket import gethostname

import typer

from pipeline.archive.import_log import CHUNK, SQL
from pipeline.archive.manifest import Listed
from pipeline.archive.migration_jobs import Archive, archive_named
from pipeline.archive.migration_report import in_words
from pipeline.archive.migration_report import report as write_report
from pipeline.archive.quality_sampling import draw
from pipeline.archive.sign_off import sign
from pipeline.archive.source_files import Finder
from pipeline.archive.verification import Verifier, checked, proved_keys
from pipeline.commands.common import database, emit, progress
from pipeline.config import load_settings
from pipeline.errors import NotFound
from pipeline.runtime.installation import open_installation
from pipeline.store.database import Connection

PROVED, NOT_PROVED = 0, 1
SEEDS = 2**32


def verify_migration(name: str, *, batch: str | None, again: bool, as_json: bool, home: Path | None) -> int:
    """Compare everything that is not proved yet (with `again`: everything); the command's exit status."""
    settings = load_settings(home)
    with open_installation(settings) as installation, installation.connect() as connection:
        archive = archive_named(connection, name)
        manifest = archive.opened()
        verifier = Verifier(Finder(manifest), connection, installation.blobs(), installation.settings)
        documents = (
            listed for listed in manifest.documents(settings.archive) if batch in (None, listed.batch)
        )
        found: Counter[str] = Counter()
        with progress("Comparing", archive.listed) as advance:
            for listed, check in checked(
                verifier, archive.id, documents if again else unproved(connection, archive, documents)
            ):
                found[check.result] += 1
                advance(1)
                if check.result != "verified":
                    line = {
                        "row": listed.key,
                        "files": listed.files,
                        "result": check.result,
                        "detail": check.detail,
                    }
                    emit(line) if as_json else typer.echo(f"{check.result:9} {listed.key}: {check.detail}")
        connection.execute(SQL["check_unlisted"], [archive.id])
    told = {"migration": name, **{result: found[result] for result in ("verified", "exempt", "failed")}}
    emit(told) if as_json else typer.echo(", ".join(f"{key}: {value}" for key, value in told.items()))
    return NOT_PROVED if found["failed"] else PROVED


def unproved(connection: Connection, archive: Archive, documents: Iterator[Listed]) -> Iterator[Listed]:
    """Those that no earlier comparison has proved."""
    while chunk := list(islice(documents, CHUNK)):
        proved = proved_keys(connection, archive.id, [listed.key for listed in chunk])
        yield from (listed for listed in chunk if listed.key not in proved)


def report_migration(name: str, out: Path, *, as_json: bool, home: Path | None) -> int:
    """Write the report; the command's exit status."""
    with database(home) as connection:
        account = write_report(connection, archive_named(connection, name), out)
    told = {
        "migration": name, "out": str(out), "balanced": not account.differences, "differences": list(account.differences),
        "documents": account.rows, "files": account.files, "pages": account.pages,
    }  # fmt: skip
    if as_json:
        emit(told)
    else:
        for what in ("documents", "pages"):
            counts = told[what]
            assert isinstance(counts, dict)
            typer.echo(f"{what:10} " + ", ".join(f"{key} {n:,}" for key, n in counts.items() if n))
        typer.echo(f"{'; '.join(account.differences) or 'It adds up.'} The report is in {out}")
    return NOT_PROVED if account.differences else PROVED


def sample_migration(
    name: str,
    *,
    batch: str | None,
    confidence: float,
    limit: float,
    seed: int | None,
    as_json: bool,
    home: Path | None,
) -> None:
    """Draw a sample and tell what it is."""
    with database(home) as connection:
        archive = archive_named(connection, name)
        drawn = draw(
            connection, archive, batch_id(connection, archive, batch) if batch else None,
            confidence=confidence, limit=limit, seed=secrets.randbelow(SEEDS) if seed is None else seed, by=somebody(),
        )  # fmt: skip
    if as_json:
        emit({"sample": drawn.id, "size": drawn.size, "population": drawn.population, "seed": drawn.seed})
    else:
        typer.echo(next(in_words(drawn)))
        typer.echo("Its documents are in the review queue with the reason quality sample.")


def sign_migration(name: str, batch: str, by: str, *, home: Path | None) -> None:
    """Sign for a batch."""
    with database(home) as connection:
        signed = sign(connection, archive_named(connection, name), batch, by=by, at=somebody())
    typer.echo(
        f"{by} signed for batch {batch}: {signed.rows:,} documents, {signed.proved:,} proved, {signed.excepted:,} excepted."
    )


def batch_id(connection: Connection, archive: Archive, batch: str) -> int:
    """The batch of that name. Raises NotFound."""
    row = connection.execute(SQL["batch_named"], {"archive": archive.id, "name": batch}).fetchone()
    if row is None:
        raise NotFound(
            f"The migration {archive.name} has no batch {batch}.", "`chartloom migrate report` names them."
        )
    return int(row["id"])


def somebody() -> str:
    """Who sits at this machine."""
    return f"{getuser()}@{gethostname()}"
