"""The operating system user that the services run as, and the folders that their files may be in."""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.config import load_settings
from pipeline.runtime.installation import EmbeddedServices, open_installation
from pipeline.runtime.os_user import OsUser, choose_os_user
from pipeline.runtime.postgres import binaries

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="about what root does")
DROP = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]


@ROOT_ONLY
def test_the_services_run_as_an_ordinary_user_below_a_folder_that_only_root_may_enter(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    settings = load_settings(closed / "home")
    with open_installation(settings, migrate=False) as opened, opened.connect() as connection:
        assert connection.execute("select 1 as one").fetchone() == {"one": 1}
        services = EmbeddedServices(settings)
        for service in (services.postgres, services.seaweedfs):
            found = service and service.running()
            assert found
            assert Path(f"/proc/{found.pid}").stat().st_uid != 0


@ROOT_ONLY
def test_the_home_itself_may_be_a_folder_that_only_root_may_enter(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    with (
        open_installation(load_settings(home), migrate=False, store=False) as opened,
        opened.connect() as connection,
    ):
        assert connection.execute("select 1 as one").fetchone() == {"one": 1}
    assert home.stat().st_mode & 0o777 == 0o700


@ROOT_ONLY
def test_a_service_has_no_right_that_it_does_not_need(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    for folder in tmp_path.parents:
        if not folder.stat().st_mode & 0o001:
            pytest.skip(f"{folder} is closed")
    account = choose_os_user(tmp_path / "data", binaries() / "postgres")
    assert not any("ambient" in part for part in account.prefix)
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


@ROOT_ONLY
def test_no_service_runs_as_the_user_that_others_share_and_its_old_folder_is_taken_over(
    tmp_path: Path,
) -> None:
    shared = pwd.getpwnam("nobody").pw_uid
    old = tmp_path / "old"
    (old / "base").mkdir(parents=True)
    (old / "base" / "table").write_text("a row")
    for path in (old, old / "base", old / "base" / "table"):
        os.chown(path, shared, -1)
    for folder in (old, tmp_path / "new"):
        account = choose_os_user(folder, binaries() / "postgres")
        assert account.uid not in (None, shared)
        assert not any(str(shared) in part for part in account.prefix)
        assert {path.stat().st_uid for path in (folder, *folder.rglob("*"))} == {account.uid}


def test_a_secret_is_readable_by_its_owner_only_and_never_half_written(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    OsUser().write(file, "first")
    OsUser().write(file, "second")
    assert file.read_text() == "second"
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_an_ordinary_user_needs_no_other_user(tmp_path: Path) -> None:
    if (
        os.geteuid() == 0
        and subprocess.run([*DROP, "test", "-x", sys.executable, "-a", "-r", __file__]).returncode != 0
    ):
        pytest.skip("an ordinary user cannot reach this Python")
    prefix = DROP if os.geteuid() == 0 else []
    for folder in (tmp_path, *tmp_path.parents):
        if not folder.stat().st_mode & stat.S_IXOTH:
            folder.chmod(0o755)
    home = tmp_path / "open"
    home.mkdir()
    home.chmod(0o777)
    ran = subprocess.run(
        [*prefix, sys.executable, "-m", "pipeline", "migrate-db", "--home", str(home / "home")],
        capture_output=True, text=True, timeout=120, cwd="/",
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "all applied" in ran.stdout
