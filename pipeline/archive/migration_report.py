"""`archive report`: a folder with report.pdf, by which people sign off, and the same data as CSV files."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline import __version__
from pipeline.archive.migration_jobs import MigrationJob
from pipeline.archive.page_accounting import (
    OUTCOMES,
    Reconciliation,
    destroyable_files,
    exceptions,
    reconcile,
    snapshot,
)
from pipeline.archive.quality_sampling import Sample
from pipeline.letters import Letter
from pipeline.store.database import Connection

MAX_PRINTED_EXCEPTIONS = 5_000
"""A report of more than a few hundred pages is better read as CSV."""
TIME_FORMAT = "%Y-%m-%d %H:%M UTC"
EXCEPTION_COLUMNS = ("batch", "row", "document", "path", "code", "detail")
DESTROYABLE_COLUMNS = ("batch", "row", "path", "sha256", "scan", "signed_by", "signed_at")
BATCH_COLUMNS = (
    "name",
    "rows",
    "files",
    "pages",
    "verified",
    "exempt",
    "failed",
    "unchecked",
    "waiting",
    "signed_by",
    "signed_at",
)


def write_report(connection: Connection, job: MigrationJob, out: Path) -> Reconciliation:
    """Write the report of one moment into a folder. Return the totals that it shows."""
    out.mkdir(parents=True, exist_ok=True)
    counts: Counter[str] = Counter()
    printed: list[dict[str, Any]] = []
    with snapshot(connection, job) as now:
        totals = reconcile(now, job)
        _write_csv(out / "exceptions.csv", EXCEPTION_COLUMNS, _count(exceptions(now), counts, printed))
        destroyable = _write_csv(out / "may-be-destroyed.csv", DESTROYABLE_COLUMNS, destroyable_files(now))
    _write_csv(out / "totals.csv", ("what", "outcome", "count"), _totals(totals))
    batches = ({name: getattr(batch, name) for name in BATCH_COLUMNS} for batch in totals.batches)
    _write_csv(out / "batches.csv", BATCH_COLUMNS, batches)
    (out / "report.pdf").write_bytes(_pdf(totals, counts, printed, destroyable))
    return totals


def _count(
    rows: Iterable[dict[str, Any]], counts: Counter[str], printed: list[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Pass the exceptions through, count them by code, and collect the first of them for the PDF."""
    for row in rows:
        counts[row["code"]] += 1
        if len(printed) < MAX_PRINTED_EXCEPTIONS:
            printed.append(row)
        yield row


def _write_csv(file: Path, columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> int:
    """Write a CSV file and return the number of its rows."""
    written = 0
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns, extrasaction="ignore")
        writer.writeheader()
        for row in rows:
            writer.writerow(row)
            written += 1
    return written


def _totals(totals: Reconciliation) -> Iterator[dict[str, Any]]:
    for what, counts in (("documents", totals.rows), ("files", totals.files)):
        yield {"what": what, "outcome": "all", "count": sum(counts.values())}
        yield from ({"what": what, "outcome": outcome, "count": counts[outcome]} for outcome in OUTCOMES)
    yield {"what": "pages", "outcome": "all", "count": totals.pages["in"]}
    yield from (
        {"what": "pages", "outcome": outcome, "count": count}
        for outcome, count in totals.pages.items()
        if outcome != "in"
    )


def _pdf(
    totals: Reconciliation, counts: Counter[str], printed: list[dict[str, Any]], destroyable: int
) -> bytes:
    job = totals.job
    letter = Letter(f"Migration {job.name}")
    letter.paragraph(
        f"Printed {datetime.now(UTC):{TIME_FORMAT}} by Chartloom {__version__}."
        f" Started {job.started_at.astimezone(UTC):{TIME_FORMAT}}."
    )
    letter.paragraph(f"Manifest {job.manifest}, SHA-256 {job.manifest_sha256 or 'none: it is a folder tree'}")
    _add_outcomes(letter, totals)
    _add_batches(letter, totals, destroyable)
    letter.heading("Quality of filing, measured by samples")
    for sample in totals.samples:
        drawn, *results = describe_sample(sample)
        letter.paragraph(drawn)
        for result in results:
            letter.paragraph(result.strip(), indent_pt=12)
    if not totals.samples:
        letter.paragraph("No sample has been drawn: the error rate of filing has not been measured.")
    letter.heading("Exceptions")
    letter.table(("Code", "Count"), sorted(counts.items()), (28, 14))
    if counts.total() > len(printed):
        letter.paragraph(
            f"The first {len(printed):,} of {counts.total():,} are printed; exceptions.csv has all of them."
        )
    lines = [(row["code"], row["batch"], row["row"], _file_and_detail(row)) for row in printed]
    letter.table(("Code", "Batch", "Row", "File and detail"), lines, (20, 14, 14, 57))
    return letter.pdf()


def _add_outcomes(letter: Letter, totals: Reconciliation) -> None:
    letter.heading("Does it add up?")
    for difference in totals.differences:
        letter.paragraph(f"NO: {difference}.")
    if not totals.differences:
        letter.paragraph(
            f"Yes: {totals.job.listed:,} documents are listed and {totals.pages['in']:,} pages came in;"
            " each is counted once below."
        )
    letter.heading("Documents and files by outcome")
    rows = [
        (outcome, totals.rows[outcome], totals.files[outcome])
        for outcome in OUTCOMES
        if totals.rows[outcome] or totals.files[outcome]
    ]
    all_rows = ("all", sum(row[1] for row in rows), sum(row[2] for row in rows))
    letter.table(("Outcome", "Documents", "Files"), [*rows, all_rows], (20, 14, 14))
    letter.heading("Pages by outcome")
    pages = [(outcome, count) for outcome, count in totals.pages.items() if count and outcome != "in"]
    letter.table(("Outcome", "Pages"), [*pages, ("all", totals.pages["in"])], (20, 14))


def _add_batches(letter: Letter, totals: Reconciliation, destroyable: int) -> None:
    letter.heading("Batches")
    rows = [
        (
            batch.name,
            batch.rows,
            batch.pages,
            batch.verified,
            batch.exempt,
            batch.failed,
            batch.unchecked,
            _signature(batch.signed_by, batch.signed_at),
        )
        for batch in totals.batches
    ]
    head = ("Batch", "Documents", "Pages", "Verified", "Exempt", "Failed", "Unchecked", "Signed off by")
    letter.table(head, rows, (14, 11, 9, 9, 10, 8, 11, 33))
    letter.paragraph(
        f"{destroyable:,} source files may be destroyed (may-be-destroyed.csv): they are verified, filed or"
        " blank, not waiting for review, and in batches that were verified and signed off."
    )


def _file_and_detail(row: dict[str, Any]) -> str:
    return " ".join(dict.fromkeys(part for part in (row["path"], row["detail"]) if part))


def _signature(signed_by: str | None, signed_at: datetime | None) -> str:
    if not signed_by or not signed_at:
        return "not signed off"
    return f"{signed_by}, {signed_at.astimezone(UTC):{TIME_FORMAT}}"


def describe_sample(sample: Sample) -> Iterator[str]:
    """Yield the description of a sample: how it was drawn, its result, and each document with errors."""
    low, high = sample.interval
    yield (
        f"Sample {sample.id} of {f'batch {sample.batch}' if sample.batch else 'all batches'}:"
        f" {sample.size:,} of {sample.population:,} filed documents,"
        f" drawn with seed {sample.seed} by {sample.drawn_by}"
        f" on {sample.drawn_at.astimezone(UTC):{TIME_FORMAT}},"
        f" to show with {sample.confidence:.0%} confidence"
        f" that fewer than {sample.error_limit:.2%} are wrong."
    )
    share = sample.errors / sample.checked if sample.checked else 0.0
    verdict = {None: "not all are checked yet", True: "passed", False: "NOT passed"}[sample.passed]
    yield (
        f"  {sample.checked:,} checked, {sample.errors:,} wrong: {share:.3%},"
        f" between {low:.3%} and {high:.3%} (exact interval of {sample.confidence:.0%}); {verdict}."
    )
    for error in sample.found:
        yield f"  document {error['document']}: {', '.join(error['wrong'])} corrected by {error['by']}"
