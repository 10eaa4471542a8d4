"""`migrate report`: a folder with report.pdf for people to sign by, and the same as CSV for those who must
look further.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline import __version__
from pipeline.archive.migration_jobs import Archive
from pipeline.archive.page_accounting import OUTCOMES, Account, account_of, destroyable, exceptions, snapshot
from pipeline.archive.pdf_report import Paper
from pipeline.archive.quality_sampling import Sample
from pipeline.store.database import Connection

PRINTED = 5_000  # exceptions that are printed; a report of more than some hundred pages is read as CSV
MINUTE = "%Y-%m-%d %H:%M UTC"
EXCEPTION = ("batch", "row", "document", "path", "code", "detail")
DESTROYABLE = ("batch", "row", "path", "sha256", "scan", "signed_by", "signed_at")


def report(connection: Connection, archive: Archive, out: Path) -> Account:
    """Write the report into a folder, all of it of one moment; the account."""
    out.mkdir(parents=True, exist_ok=True)
    with snapshot(connection, archive) as now:
        account = account_of(now, archive)
        codes: Counter[str] = Counter()
        printed: list[dict[str, Any]] = []
        _write(out / "exceptions.csv", EXCEPTION, _counted(exceptions(now), codes, printed))
        gone = _write(out / "may-be-destroyed.csv", DESTROYABLE, destroyable(now))
    _write(out / "totals.csv", ("what", "outcome", "count"), _totals(account))
    batch = (
        "name",
        "rows",
        "files",
        "pages",
        "proved",
        "excepted",
        "faults",
        "unchecked",
        "waiting",
        "signed_by",
        "signed_at",
    )
    _write(out / "batches.csv", batch, ({name: getattr(b, name) for name in batch} for b in account.batches))
    (out / "report.pdf").write_bytes(_pdf(account, codes, printed, gone))
    return account


def _counted(
    rows: Iterable[dict[str, Any]], codes: Counter[str], printed: list[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    for row in rows:
        codes[row["code"]] += 1
        if len(printed) < PRINTED:
            printed.append(row)
        yield row


def _write(file: Path, columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> int:
    """A CSV; how many rows it has."""
    written = 0
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns, extrasaction="ignore")
        writer.writeheader()
        for row in rows:
            writer.writerow(row)
            written += 1
    return written


def _totals(account: Account) -> Iterator[dict[str, Any]]:
    for what, counts in (("documents", account.rows), ("files", account.files)):
        yield {"what": what, "outcome": "all", "count": sum(counts.values())}
        yield from ({"what": what, "outcome": outcome, "count": counts[outcome]} for outcome in OUTCOMES)
    yield {"what": "pages", "outcome": "all", "count": account.pages["in"]}
    yield from (
        {"what": "pages", "outcome": what, "count": n} for what, n in account.pages.items() if what != "in"
    )


def _pdf(
    account: Account, codes: Counter[str], printed: list[dict[str, Any]], destroyable_files: int
) -> bytes:
    archive = account.archive
    paper = Paper(f"Migration {archive.name}")
    paper.line(
        f"Of {datetime.now(UTC):{MINUTE}}, by Chartloom {__version__}. Begun {archive.begun_at.astimezone(UTC):{MINUTE}}."
    )
    paper.line(
        f"Manifest {archive.manifest}, SHA-256 {archive.manifest_sha256 or 'none: it is a folder tree'}"
    )
    paper.heading("Does it add up?")
    for difference in account.differences:
        paper.line(f"NO: {difference}.")
    if not account.differences:
        paper.line(
            f"Yes: {archive.listed:,} documents listed, {account.pages['in']:,} pages came in, each in one line below."
        )
    paper.heading("Documents and files by what became of them")
    rows = [
        (what, account.rows[what], account.files[what])
        for what in OUTCOMES
        if account.rows[what] or account.files[what]
    ]
    paper.table(("outcome", "documents", "files"), [*rows, _sum("all", rows)], (20, 14, 14))
    paper.heading("Pages by what became of them")
    pages = [(what, n) for what, n in account.pages.items() if n and what != "in"]
    paper.table(("outcome", "pages"), [*pages, ("all", account.pages["in"])], (20, 14))
    _batches(paper, account, destroyable_files)
    paper.heading("Quality of filing, measured by samples")
    for sample in account.samples:
        for line in in_words(sample):
            paper.line(line)
    if not account.samples:
        paper.line("No sample has been drawn: how often filing goes wrong has not been measured.")
    paper.heading("Exceptions")
    paper.table(("code", "count"), sorted(codes.items()), (28, 14))
    if sum(codes.values()) > len(printed):
        paper.line(
            f"The first {len(printed):,} of {sum(codes.values()):,} are printed; exceptions.csv has them all."
        )
    lines = [(row["code"], row["batch"], row["row"], _about(row)) for row in printed]
    paper.table(("code", "batch", "row", "file and detail"), lines, (20, 14, 14, 57))
    return paper.pdf()


def _batches(paper: Paper, account: Account, destroyable_files: int) -> None:
    paper.heading("Batches")
    rows = [
        (
            b.name,
            b.rows,
            b.pages,
            b.proved,
            b.excepted,
            b.faults,
            b.unchecked,
            _signature(b.signed_by, b.signed_at),
        )
        for b in account.batches
    ]
    head = ("batch", "documents", "pages", "proved", "excepted", "faults", "unchecked", "signed for by")
    paper.table(head, rows, (14, 11, 9, 9, 10, 8, 11, 33))
    paper.line(
        f"{destroyable_files:,} source files may be destroyed (may-be-destroyed.csv): proved, filed or blank, on nobody's list,"
        " in batches that verified and were signed for."
    )


def _about(row: dict[str, Any]) -> str:
    return " ".join(dict.fromkeys(part for part in (row["path"], row["detail"]) if part))


def _signature(by: str | None, at: datetime | None) -> str:
    return f"{by}, {at.astimezone(UTC):{MINUTE}}" if by and at else "nobody yet"


def _sum(name: str, rows: Sequence[tuple[str, int, int]]) -> tuple[str, int, int]:
    return name, sum(row[1] for row in rows), sum(row[2] for row in rows)


def in_words(sample: Sample) -> Iterator[str]:
    """A sample for a person."""
    low, high = sample.interval
    yield (
        f"Sample {sample.id} of {f'batch {sample.batch}' if sample.batch else 'all batches'}: {sample.size:,} of"
        f" {sample.population:,} filed documents, drawn with seed {sample.seed} by {sample.drawn_by} on"
        f" {sample.drawn_at.astimezone(UTC):{MINUTE}},"
        f" to say with {sample.confidence:.0%} confidence that fewer than {sample.error_limit:.2%} are wrong."
    )
    share = sample.errors / sample.checked if sample.checked else 0.0
    verdict = {None: "not all are checked yet", True: "it says so", False: "it does NOT say so"}[
        sample.passed
    ]
    yield (
        f"  {sample.checked:,} checked, {sample.errors:,} wrong: {share:.3%}, between {low:.3%} and {high:.3%}"
        f" (exact interval of {sample.confidence:.0%}); {verdict}."
    )
    for error in sample.found:
        yield f"  document {error['document']}: {', '.join(error['wrong'])} corrected by {error['by']}"
