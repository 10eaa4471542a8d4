"""Machines for tests and benchmarks with several workers: network namespaces around one database and store.

Each machine is a network namespace with its own host name, home and worker, connected to the database and the
store by a virtual network cable. The machines share nothing else. Only root may create network namespaces.
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

HUB_ADDRESS = "10.213.7.1"
WORKER_CODE = """
import sys
from pipeline.config import load_settings
from pipeline.worker.launcher import run_workers
run_workers(load_settings(), None, until=sys.stdin.fileno())
"""
COUNT_READINGS_SQL = """
create table times_read (key text);
create function count_reading() returns trigger language plpgsql as
    $$ begin insert into times_read values (new.key); return new; end $$;
create trigger count_reading before insert on ocr_cache for each row execute function count_reading();
"""


def may_create_machines() -> bool:
    """Return whether this process may create network namespaces."""
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
    """A separate host as far as network, name and files are concerned."""

    name: str
    namespace: str
    cable: str
    worker: subprocess.Popen[bytes] | None = None

    def work(self, home: Path, variables: dict[str, str], code: str = WORKER_CODE) -> None:
        """Start its worker, which knows only the addresses of the database and the store."""
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
        env = {**os.environ, **variables, "CHARTLOOM_HOME": str(home), "CHARTLOOM_WORKER__PROCESSES": "1"}
        self.worker = subprocess.Popen(
            ["ip", "netns", "exec", self.namespace, *argv], stdin=subprocess.PIPE, env=env
        )

    def lose(self) -> None:
        """Lose the machine as in a fire: it sends nothing any more, not even the end of its connections."""
        ip("link", "set", self.cable, "down")
        for pid in subprocess.check_output(["ip", "netns", "pids", self.namespace], text=True).split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)

    def stop(self) -> None:
        """Stop its worker."""
        if self.worker and self.worker.stdin:
            self.worker.stdin.close()
            self.worker.wait(60)


@dataclass
class Hub:
    """The switch of the machines' cables. Ports of loopback that are opened here can be reached at
    HUB_ADDRESS.
    """

    name: str
    listeners: list[socket.socket] = field(default_factory=list)

    def open(self, port: int) -> None:
        """Forward connections to HUB_ADDRESS:port to the same port of loopback."""
        listener = socket.create_server((HUB_ADDRESS, port))
        self.listeners.append(listener)
        threading.Thread(target=self._accept, args=(listener, port), daemon=True).start()

    def _accept(self, listener: socket.socket, port: int) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", port))
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=_forward, args=(one, other), daemon=True).start()


def _forward(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def machines(names: tuple[str, ...], settings: Settings) -> Iterator[tuple[list[Machine], dict[str, str]]]:
    """Yield the connected machines and the environment variables of their workers, and remove everything
    afterwards.
    """
    variables = environment(settings)
    prefix = f"c{os.getpid()}"
    hub = Hub(f"{prefix}h")
    created: list[Machine] = []
    ip("link", "add", hub.name, "type", "bridge")
    try:
        ip("addr", "add", f"{HUB_ADDRESS}/24", "dev", hub.name)
        ip("link", "set", hub.name, "up")
        for number, name in enumerate(names, 2):
            machine = Machine(name, f"{prefix}-{name}", f"{prefix}v{number}")
            ip("netns", "add", machine.namespace)
            created.append(machine)
            ip(
                "link",
                "add",
                machine.cable,
                "type",
                "veth",
                "peer",
                "name",
                "eth0",
                "netns",
                machine.namespace,
            )
            ip("link", "set", machine.cable, "master", hub.name, "up")
            for command in (
                ("addr", "add", f"{HUB_ADDRESS[:-1]}{number}/24", "dev", "eth0"),
                ("link", "set", "eth0", "up"),
            ):
                ip("-n", machine.namespace, *command)
        endpoint = variables["CHARTLOOM_STORAGE__ENDPOINT"]
        database = port_of(variables["CHARTLOOM_DATABASE__DSN"])
        for port in (int(endpoint.rpartition(":")[2]), database):
            hub.open(port)
        for key in ("CHARTLOOM_STORAGE__ENDPOINT", "CHARTLOOM_DATABASE__DSN"):
            variables[key] = variables[key].replace("127.0.0.1", HUB_ADDRESS)
        for table in ("DATABASE", "STORAGE"):  # no other machine can reach this network
            variables[f"CHARTLOOM_{table}__ALLOW_INSECURE"] = "true"
        yield created, variables
    finally:
        for listener in hub.listeners:
            listener.close()
        for machine in created:
            with contextlib.suppress(subprocess.TimeoutExpired):
                machine.stop()
            machine.lose()
            ip("netns", "del", machine.namespace)
        ip("link", "del", hub.name)


def port_of(dsn: str) -> int:
    """Return the port of a DSN."""
    from psycopg.conninfo import conninfo_to_dict

    return int(conninfo_to_dict(dsn)["port"] or 5432)


def jobs_by_host(connection: Connection) -> dict[str, int]:
    """Return the job of each machine's worker."""
    rows = connection.execute(
        "select host, job.id from procrastinate_jobs as job"
        " join worker on worker.id = job.worker_id where job.status = 'doing'"
    )
    return {row["host"]: row["id"] for row in rows}
