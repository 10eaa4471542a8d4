"""The demonstration: drop sample charts of fictitious patients into the intake folder and show their
progress.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from psycopg.rows import DictRow
from rich.console import Console
from rich.table import Table

from pipeline.config import Settings
from pipeline.errors import ChartloomError
from pipeline.resources import PACKAGE
from pipeline.runtime.installation import Installation
from pipeline.runtime.service_refcount import Reporter
from pipeline.store.database import Connection
from pipeline.store.sql import statements

CHART_COUNT, PATIENT_COUNT, SEED = 12, 200, 7
DONE = "done"
POLL_INTERVAL_SECONDS = 2.0
FOLLOW_TIMEOUT_SECONDS = 900.0  # then the table shows the current state, and the work continues
SQL = statements("pipeline.runtime")


@dataclass(frozen=True, slots=True)
class Demo:
    """The demonstration, which `up --demo` runs once everything has started."""

    settings: Settings
    report: Reporter
    console: Console

    def __call__(self, installation: Installation) -> None:
        """Generate the charts, load their patients, drop the files and show their progress to the end."""
        with installation.connect() as connection:
            if _scans(connection):
                self.report("the sample charts are already there; dropping none")
            else:
                dropped = self._drop()
                self._follow(connection, dropped)
            self._show(connection)

    def _drop(self) -> int:
        with tempfile.TemporaryDirectory(prefix="chartloom-demo-") as folder:
            charts = Path(folder)
            self.report(f"generating {CHART_COUNT} sample charts of {PATIENT_COUNT} fictitious patients")
            _run([sys.executable, "-m", "pipeline", "synthesize", "charts", folder, "--seed", str(SEED),
                  "--charts", str(CHART_COUNT), "--patients", str(PATIENT_COUNT)])  # fmt: skip
            home = ["--home", str(self.settings.home)]
            _run([sys.executable, "-m", "pipeline", "patients", "load", str(charts / "patients.csv"), *home])
            files = sorted(
                f for f in charts.iterdir() if f.suffix.lower() in (".pdf", ".tif", ".tiff", ".png", ".jpg")
            )
            files += [_locked_pdf(charts), _empty_file(charts)]
            for file in files:
                _drop(file, self.settings.intake_folder)
        self.report(f"dropped {len(files)} files into {self.settings.intake_folder}")
        return len(files)

    def _follow(self, connection: Connection, dropped: int) -> None:
        end, reported = time.monotonic() + FOLLOW_TIMEOUT_SECONDS, ""
        while time.monotonic() < end:
            counts = _counts(connection)
            line = ", ".join(f"{number} {what}" for what, number in counts.items() if what != DONE)
            if line != reported:
                self.report(f"{counts[DONE]} of {dropped} files done; documents: {line}")
                reported = line
            if counts[DONE] >= dropped:
                return
            time.sleep(POLL_INTERVAL_SECONDS)

    def _show(self, connection: Connection) -> None:
        table = Table(
            "file",
            "outcome",
            "types",
            "why not filed",
            title="The sample charts",
            title_justify="left",
        )
        for row in _scans(connection):
            filed, review = row["filed"], row["review"]
            outcome = f"{filed} filed, {review} in review" if row["scan"] == "done" else row["scan"]
            table.add_row(
                row["name"], outcome, row["types"], row["quarantine_reason"] or row["reasons"] or ""
            )
        self.console.print(table)


def _scans(connection: Connection) -> list[DictRow]:
    return connection.execute(SQL["sample_scans"]).fetchall()


def _counts(connection: Connection) -> dict[str, int]:
    rows = _scans(connection)
    return {
        DONE: sum(row["scan"] in ("done", "quarantined") for row in rows),
        "filed": sum(row["filed"] for row in rows),
        "in review": sum(row["review"] for row in rows),
        "files quarantined": sum(row["scan"] == "quarantined" for row in rows),
    }


def _locked_pdf(folder: Path) -> Path:
    """Return a PDF that requires a password, as patients send them."""
    import pikepdf

    file = folder / "letter with a password.pdf"
    with pikepdf.new() as document:
        document.add_blank_page(page_size=(612, 792))
        password = f"{random.Random(SEED).getrandbits(64):x}"
        document.save(file, encryption=pikepdf.Encryption(user=password, owner=password, R=6))
    return file


def _empty_file(folder: Path) -> Path:
    """Return an empty file, as a scanner leaves it when its disk is full."""
    file = folder / "scan that broke off.pdf"
    file.touch()
    return file


def _drop(file: Path, folder: Path) -> None:
    """Copy under a name that the watcher ignores, then rename, so that the file is never seen half-
    written.
    """
    draft = folder / f".{file.name}.part"
    shutil.copyfile(file, draft)
    draft.rename(folder / file.name)


def _run(argv: list[str]) -> None:
    ran = subprocess.run(argv, cwd=PACKAGE.parent, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        lines = ran.stderr.strip().splitlines()
        raise ChartloomError(f"{' '.join(argv[2:5])} failed: {lines[-1] if lines else ran.returncode}.")
