"""An old archive is moved in: every fault it has is found, everything adds up, and a kill costs nothing."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.config import Settings
from pipeline.match.loading import Load, csv_rows, load_rows
from pipeline.migrate import rows
from pipeline.migrate.account import Account
from pipeline.migrate.archives import Archive, archive_named, begin
from pipeline.migrate.crosswalk import crosswalk
from pipeline.migrate.feeding import Feeder
from pipeline.migrate.manifest import Manifest
from pipeline.migrate.mapping import load_mapping
from pipeline.migrate.planning import plan
from pipeline.migrate.reporting import report
from pipeline.migrate.sources import Finder
from pipeline.migrate.verifying import Verifier, checked
from pipeline.store.blobs import Blobs
from pipeline.store.database import Connection
from pipeline.work.bench import Bench
from pipeline.work.processing import process_scan
from pipeline.work.queue import enqueue_scan
from samples.archive import Archive as Made
from samples.archive import Kind, make_archive

ONLY_READING_TELLS = {"quarantined", "blank_page", "manifest_disagrees", "other_patient", "not_joinable"}
"""What `plan` calls otherwise, or cannot know."""


class Killed(BaseException):
    """Stands for kill -9: nothing catches it."""


class Move:
    """An archive on its way in, with the program's own parts, in one process."""

    def __init__(self, made: Made, connection: Connection, blobs: Blobs, settings: Settings, **trust: str) -> None:
        self.made, self.connection, self.blobs = made, connection, blobs
        once = settings.ocr.model_copy(update={"second_engine": "never"})
        self.settings = settings.model_copy(update={"migrate": settings.migrate.model_copy(update=trust), "ocr": once})
        self.manifest = Manifest.at(made.manifest, None, load_mapping(made.kind))
        self.links = made.folder / "links.csv" if made.kind == "old-index" else None
        load_rows(connection, csv_rows(made.folder / "patients.csv", Load(), needed=("family",)), Load())

    def feed(self, *, killed_at: int | None = None) -> Archive:
        """Hand in what is left; with `killed_at`, die after so many transactions have begun."""
        begun = 0

        def enqueue(connection: Connection, scan: int, priority: int) -> None:
            nonlocal begun
            begun += 1
            enqueue_scan(connection, scan, priority)
            if killed_at is not None and begun > killed_at:
                raise Killed

        archive = begin(self.connection, "move", self.manifest)
        with crosswalk(self.links) as numbers:
            feeder = Feeder(archive, self.manifest, numbers, self.blobs, self.settings, enqueue)
            documents = list(self.manifest.documents(self.settings.migrate))
            self.connection.execute("update archive set listed = %s where id = %s", [len(documents), archive.id])
            for listed, wanted in feeder.left(documents, lambda keys: rows.taken_keys(self.connection, archive, keys)):
                if wanted:
                    feeder.take(self.connection, listed)
        rows.note_unlisted(self.connection, archive, self.manifest)
        self.connection.execute("update archive set fed_at = now() where id = %s", [archive.id])
        return archive_named(self.connection, "move")

    def read(self) -> None:
        """Do what the workers do."""
        bench = Bench(self.settings)
        waiting = self.connection.execute("select id from scan where status = 'received' order by id").fetchall()
        for row in waiting:
            with bench.workshop(row["id"], lambda: None) as shop:
                assert shop is not None
                process_scan(shop)
        bench.close()

    def verify(self, archive: Archive) -> dict[str, tuple[str, str]]:
        """What was found of each row."""
        verifier = Verifier(Finder(self.manifest), self.connection, self.blobs, self.settings)
        found = checked(verifier, archive.id, self.manifest.documents(self.settings.migrate))
        results = {listed.key: (check.result, check.detail) for listed, check in found}
        self.connection.execute(rows.SQL["check_unlisted"], [archive.id])
        return results

    def report(self, archive: Archive, out: Path) -> tuple[Account, set[tuple[str, str]], list[dict[str, str]]]:
        """The account, the exceptions as (code, row), and the rows of what may be destroyed."""
        account = report(self.connection, archive, out)
        named = {(row["code"], row["row"]) for row in table(out / "exceptions.csv")}
        return account, named, table(out / "may-be-destroyed.csv")


def table(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def moving(connection: Connection, blobs: Blobs, settings: Settings, tmp_path: Path) -> Callable[..., Move]:
    """Makes an archive of a kind and the way in for it."""

    def move(kind: Kind, documents: int, *, faults: bool = True, **trust: str) -> Move:
        made = make_archive(tmp_path / kind, kind, documents, faults=faults)
        return Move(made, connection, blobs, settings, **trust)

    return move


@pytest.mark.parametrize("kind", ["csv", "old-index", "tree"])
def test_a_plan_of_every_kind_finds_every_fault_that_can_be_found_without_reading(
    moving: Callable[..., Move], connection: Connection, tmp_path: Path, kind: Kind
) -> None:
    move = moving(kind, 2)
    with crosswalk(move.links) as numbers:
        found = plan(move.manifest, numbers, move.settings, connection, depth="all", cores=4, out=tmp_path / "plan")
    named = {(row["code"], row["row"] or f"file {row['path']}") for row in table(tmp_path / "plan" / "problems.csv")}
    planted = {(p.code, p.row) for p in move.made.planted}
    assert {fault for fault in planted if fault[0] not in ONLY_READING_TELLS} - named == set()
    unreadable = {row for code, row in named if code == "unreadable"}
    assert len(unreadable) == sum(p.code in ("quarantined", "not_joinable") for p in move.made.planted)
    assert (found.documents, found.pages_by) == (move.made.documents, "opened")
    assert connection.execute("select count(*) as n from scan").fetchone() == {"n": 0}


@pytest.mark.parametrize("kind", ["csv", "old-index", "tree"])
def test_an_archive_killed_on_the_way_is_in_once_with_every_fault_named_and_totals_that_add_up(
    moving: Callable[..., Move], connection: Connection, tmp_path: Path, kind: Kind
) -> None:
    move = moving(kind, 1)
    for killed_at in (0, 2):
        with pytest.raises(Killed):
            move.feed(killed_at=killed_at)
    move.feed()
    move.read()
    again = move.feed()
    assert again.listed == move.made.documents
    found = move.verify(again)
    account, named, destroyable = move.report(again, tmp_path / "report")
    assert {(p.code, p.row) for p in move.made.planted} - named == set()
    assert account.differences == ()
    assert account.pages["in"] == move.made.pages
    assert account.pages["blank"] == 1
    assert [key for key, (result, _) in found.items() if result == "fault"] == []
    assert destroyable == []
