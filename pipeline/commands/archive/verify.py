"""What `chartloom archive verify`, `report`, `sample` and `sign` do."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import typer

from pipeline.archive.import_log import CHUNK_ROWS, SQL
from pipeline.archive.manifest import ManifestDocument
from pipeline.archive.migration_jobs import MigrationJob, job_named
from pipeline.archive.migration_report import describe_sample, write_report
from pipeline.archive.quality_sampling import draw_sample
from pipeline.archive.sign_off import sign_batch
from pipeline.archive.source_files import SourceLocator
from pipeline.archive.verification import Verifier, verified_keys, verify_documents
from pipeline.commands.common import current_user, database, emit, progress
from pipeline.config import load_settings
from pipeline.errors import NotFound
from pipeline.runtime.installation import open_installation
from pipeline.store.database import Connection

VERIFIED, NOT_VERIFIED = 0, 1
"""Exit codes."""
SEED_RANGE = 2**32


def verify_migration(name: str, *, batch: str | None, again: bool, as_json: bool, home: Path | None) -> int:
    """Verify what is not verified yet (with `again`: everything), and return the exit code of the command."""
    settings = load_settings(home)
    with open_installation(settings) as installation, installation.connect() as connection:
        archive = job_named(connection, name)
        manifest = archive.open_manifest()
        verifier = Verifier(SourceLocator(manifest), connection, installation.blobs(), installation.settings)
        documents = (
            listed for listed in manifest.documents(settings.archive) if batch in (None, listed.batch)
        )
        results: Counter[str] = Counter()
        with progress("Comparing", archive.listed) as advance:
            for listed, check in verify_documents(
                verifier, archive.id, documents if again else unverified(connection, archive, documents)
            ):
                results[check.result] += 1
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
    counts = {"migration": name, **{result: results[result] for result in ("verified", "exempt", "failed")}}
    emit(counts) if as_json else typer.echo(", ".join(f"{key}: {value}" for key, value in counts.items()))
    return NOT_VERIFIED if results["failed"] else VERIFIED


def unverified(
    connection: Connection, archive: MigrationJob, documents: Iterator[ManifestDocument]
) -> Iterator[ManifestDocument]:
    """Yield the documents that were not verified before."""
    while chunk := list(islice(documents, CHUNK_ROWS)):
        verified = verified_keys(connection, archive.id, [listed.key for listed in chunk])
        yield from (listed for listed in chunk if listed.key not in verified)


def report_migration(name: str, out: Path, *, as_json: bool, home: Path | None) -> int:
    """Write the report and return the exit code of the command."""
    with database(home) as connection:
        account = write_report(connection, job_named(connection, name), out)
    if as_json:
        emit(
            {
                "migration": name,
                "out": str(out),
                "balanced": not account.differences,
                "differences": list(account.differences),
                "documents": account.rows,
                "files": account.files,
                "pages": account.pages,
            }
        )
    else:
        for what, counts in (("documents", account.rows), ("pages", account.pages)):
            typer.echo(f"{what:10} " + ", ".join(f"{key} {n:,}" for key, n in counts.items() if n))
        result = "; ".join(account.differences) or "The counts are balanced."
        typer.echo(f"{result} The report is in {out}")
    return NOT_VERIFIED if account.differences else VERIFIED


def sample_migration(
    name: str,
    *,
    batch: str | None,
    confidence: float,
    max_error_rate: float,
    seed: int | None,
    as_json: bool,
    home: Path | None,
) -> None:
    """Draw a sample of filed documents for review."""
    with database(home) as connection:
        archive = job_named(connection, name)
        drawn = draw_sample(
            connection,
            archive,
            batch_id(connection, archive, batch) if batch else None,
            confidence=confidence,
            limit=max_error_rate,
            seed=secrets.randbelow(SEED_RANGE) if seed is None else seed,
            actor=current_user(),
        )
    if as_json:
        emit({"sample": drawn.id, "size": drawn.size, "population": drawn.population, "seed": drawn.seed})
    else:
        typer.echo(next(describe_sample(drawn)))
        typer.echo("Its documents are in the review queue, with the reason quality sample.")


def sign_migration(name: str, batch: str, by: str, *, home: Path | None) -> None:
    """Sign off a batch."""
    with database(home) as connection:
        signed = sign_batch(connection, job_named(connection, name), batch, actor=by, terminal=current_user())
    typer.echo(
        f"{by} signed off batch {batch}: {signed.rows:,} documents, {signed.verified:,} verified, "
        f"{signed.exempt:,} exempt."
    )


def batch_id(connection: Connection, archive: MigrationJob, batch: str) -> int:
    """Return the id of a batch. Raises NotFound."""
    row = connection.execute(SQL["batch_named"], {"archive": archive.id, "name": batch}).fetchone()
    if row is None:
        raise NotFound(
            f"The migration {archive.name} has no batch {batch}.", "`chartloom archive report` lists them."
        )
    return int(row["id"])
