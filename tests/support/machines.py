"""Machines for tests and benchmarks of several workers: network namespaces around one database and store.

Each machine is a network namespace with a host name and a home of its own, one worker in it, and a cable to
the database and the store. The machines share nothing else. Only root may make network namespaces.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.config import Settings
from pipeline.store.database import Connection
from tests.support.environment import environment

HUB = "10.213.7.1"
CODE = """
import sys
from pipeline.config import load_settings
from pipeline.worker.launcher import run_workers
run_workers(load_settings(), None, until=sys.stdin.fileno())
"""
COUNTED = """
create table times_read (key text);
create function count_reading() returns trigger language plpgsql as
    $$ begin insert into times_read values (new.key); return new; end $$;
create trigger count_reading before insert on ocr_cache for each row execute function count_reading();
"""


def allowed() -> bool:
    """May this process make network namespaces?"""
    name = f"try{os.getpid()}"
    if (
        os.geteuid() != 0
        or not shutil.which("ip")
        or subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode
    ):
        return False
    subprocess.run(["ip", "netns", "del", name], check=True)
    return True


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@dataclass
class Machine:
    """A host of its own, as far as network, name and files go."""

    name: str
    space: str
    cable: str
    worker: subprocess.Popen[bytes] | None = None

    def work(self, home: Path, told: dict[str, str], code: str = CODE) -> None:
        """Start its worker, which knows nothing but where the database and the store are."""
        argv = [
            "unshare",
            "--uts",
            "sh",
            "-c",
            'hostname "$0" && exec "$@"',
            self.name,
            sys.executable,
            "-c",
            code,
        ]
        env = {**os.environ, **told, "CHARTLOOM_HOME": str(home), "CHARTLOOM_WORKER__PROCESSES": "1"}
        self.worker = subprocess.Popen(
            ["ip", "netns", "exec", self.space, *argv], stdin=subprocess.PIPE, env=env
        )

    def lose(self) -> None:
        """As by fire: nobody hears of it again, not even that its connections end."""
        ip("link", "set", self.cable, "down")
        for pid in subprocess.check_output(["ip", "netns", "pids", self.space], text=True).split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)

    def stop(self) -> None:
        """Let its worker end."""
        if self.worker and self.worker.stdin:
            self.worker.stdin.close()
            self.worker.wait(60)


@dataclass
class Hub:
    """Where the machines' cables meet; what listens on loopback here can be reached from them at HUB."""

    name: str
    doors: list[socket.socket] = field(default_factory=list)

    def open(self, port: int) -> None:
        """Pass connections to HUB:port on to the loopback's port."""
        door = socket.create_server((HUB, port))
        self.doors.append(door)
        threading.Thread(target=self._let_in, args=(door, port), daemon=True).start()

    def _let_in(self, door: socket.socket, port: int) -> None:
        with contextlib.suppress(OSError):
            while True:
                outside, _ = door.accept()
                inside = socket.create_connection(("127.0.0.1", port))
                for one, other in ((outside, inside), (inside, outside)):
                    threading.Thread(target=_pass_on, args=(one, other), daemon=True).start()


def _pass_on(source: socket.socket, to: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            to.sendall(data)
        to.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def machines(names: tuple[str, ...], settings: Settings) -> Iterator[tuple[list[Machine], dict[str, str]]]:
    """The machines, connected, and what their workers must be told. Nothing of them is left afterwards."""
    told = environment(settings)
    here = f"c{os.getpid()}"
    hub = Hub(f"{here}h")
    made: list[Machine] = []
    ip("link", "add", hub.name, "type", "bridge")
    try:
        ip("addr", "add", f"{HUB}/24", "dev", hub.name)
        ip("link", "set", hub.name, "up")
        for number, name in enumerate(names, 2):
            machine = Machine(name, f"{here}-{name}", f"{here}v{number}")
            ip("netns", "add", machine.space)
            made.append(machine)
            ip("link", "add", machine.cable, "type", "veth", "peer", "name", "eth0", "netns", machine.space)
            ip("link", "set", machine.cable, "master", hub.name, "up")
            for command in (
                ("addr", "add", f"{HUB[:-1]}{number}/24", "dev", "eth0"),
                ("link", "set", "eth0", "up"),
            ):
                ip("-n", machine.space, *command)
        endpoint = told["CHARTLOOM_STORAGE__ENDPOINT"]
        database = socket_of(told["CHARTLOOM_DATABASE__DSN"])
        for port in (int(endpoint.rpartition(":")[2]), database):
            hub.open(port)
        for key in ("CHARTLOOM_STORAGE__ENDPOINT", "CHARTLOOM_DATABASE__DSN"):
            told[key] = told[key].replace("127.0.0.1", HUB)
        yield made, told
    finally:
        for door in hub.doors:
            door.close()
        for machine in made:
            with contextlib.suppress(subprocess.TimeoutExpired):
                machine.stop()
            machine.lose()
            ip("netns", "del", machine.space)
        ip("link", "del", hub.name)


def socket_of(dsn: str) -> int:
    """The port in a DSN."""
    from psycopg.conninfo import conninfo_to_dict

    return int(conninfo_to_dict(dsn)["port"] or 5432)


def at_work(connection: Connection) -> dict[str, int]:
    """The job of each machine's worker."""
    rows = connection.execute(
        "select host, job.id from procrastinate_jobs as job"
        " join worker on worker.id = job.worker_id where job.status = 'doing'"
    )
    return {row["host"]: row["id"] for row in rows}
