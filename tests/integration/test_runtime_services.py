"""The embedded services are started, shared, kept running, and stopped."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from pipeline.config import Settings, load_settings
from pipeline.runtime.installation import open_installation
from pipeline.store.blobs import Blobs
from pipeline.store.database import Connection


def test_each_test_has_its_own_migrated_database(connection: Connection) -> None:
    assert connection.execute("select count(*) as n from scan").fetchone() == {"n": 0}
    assert connection.execute("select count(*) > 0 as some from schema_migration").fetchone() == {
        "some": True
    }


def test_each_test_has_its_own_bucket(blobs: Blobs) -> None:
    assert blobs.get(blobs.put(b"a page")) == b"a page"


def test_the_database_uses_checksums_and_fsync_and_the_application_is_not_a_superuser(tmp_path: Path) -> None:
    with open_installation(load_settings(home=tmp_path / "home"), migrate=False, store=False) as opened:
        with opened.connect() as connection:
            settings = ("data_checksums", "fsync", "is_superuser", "server_encoding", "listen_addresses")
            found = {
                name: connection.execute(f"select current_setting('{name}') as it").fetchone()
                for name in settings
            }
        assert [row and row["it"] for row in found.values()] == ["on", "on", "off", "UTF8", "127.0.0.1"]
        assert (tmp_path / "home/keys.json").stat().st_mode & 0o777 == 0o600
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(make_conninfo(opened.dsn, password="guess"))


def test_two_commands_share_the_services_and_the_last_one_stops_them(tmp_path: Path) -> None:
    reported: list[str] = []
    settings: Settings = load_settings(home=tmp_path / "home")
    with open_installation(settings, migrate=False, store=False, report=reported.append):
        with open_installation(settings, migrate=False, store=False, report=reported.append) as second:
            dsn = second.dsn
        with open_installation(settings, migrate=False, store=False) as third, third.connect() as connection:
            assert third.dsn == dsn
            assert connection.execute("select 1 as one").fetchone() == {"one": 1}
    assert [line.split()[1] for line in reported] == ["started", "stopped"]


def test_a_killed_database_is_started_again_although_its_process_was_not_reaped(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path / "home")
    with open_installation(settings, migrate=False, store=False):
        pass
    data = settings.home / "postgres"
    killed = subprocess.Popen(["true"], user=data.stat().st_uid)
    while Path(f"/proc/{killed.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z":
        time.sleep(0.01)
    (data / "postmaster.pid").write_text(f"{killed.pid}\n{data}\n1\n5432\n\n127.0.0.1\n\nready\n")
    with open_installation(settings, migrate=False, store=False) as opened, opened.connect() as connection:
        assert connection.execute("select 1 as one").fetchone() == {"one": 1}
    killed.wait()


def test_both_ends_of_a_connection_detect_that_the_other_machine_is_lost(connection: Connection) -> None:
    assert connection.execute("show tcp_keepalives_idle").fetchone() == {"tcp_keepalives_idle": "30"}
    assert connection.info.get_parameters()["keepalives_idle"] == "30"
