"""Three machines read for one database and one store, and one of them is lost: `python -m bench.machines`, as
root.

Each machine is a network namespace with a host name and a home of its own, one worker in it, and a cable to
the database and the store; they share nothing else. When all three are at work one has its cable pulled and
its processes killed. Prints who read how many pages, how often each page was read (counted in the database),
and how long the lost machine's job waited for another."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import img2pdf

from bench.environment import environment
from bench.pages import page
from pipeline.config import Settings, load_settings
from pipeline.ingest.registration import register
from pipeline.runtime.installation import open_installation
from pipeline.store.database import Connection
from pipeline.worker.job_queue import enqueue_scan
from pipeline.worker.status import status_json

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
        "select host, job.id from procrastinate_jobs as job join worker on worker.id = job.worker_id where job.status = 'doing'"
    )
    return {row["host"]: row["id"] for row in rows}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=120)
    parser.add_argument("--takeover", type=float, default=60.0)
    args = parser.parse_args()
    if not allowed():
        sys.exit("only root may make network namespaces")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        file = Path(folder, "chart.pdf")
        pictures = []
        for number in range(args.pages):
            out = io.BytesIO()
            page(number, number).save(out, "TIFF", compression="group4", dpi=(150, 150))
            pictures.append(out.getvalue())
        file.write_bytes(bytes(img2pdf.convert(pictures)))
        settings = load_settings(Path(folder, "home"))
        settings = settings.model_copy(
            update={"worker": settings.worker.model_copy(update={"stalled_worker_seconds": args.takeover})}
        )
        with open_installation(settings) as installation, installation.connect() as connection:
            connection.execute(COUNTED.encode())
            with machines(("north", "south", "east"), installation.settings) as (all_, told):
                told["CHARTLOOM_WORKER__STALLED_WORKER_SECONDS"] = str(args.takeover)
                for machine in all_:
                    machine.work(Path(folder, machine.name), told)
                register(file, connection, installation.blobs(), installation.settings, enqueue=enqueue_scan)
                print(json.dumps(report(connection, all_, args.takeover), indent=1))


def report(connection: Connection, all_: list[Machine], takeover: float) -> dict[str, object]:
    """Lose a machine while all are at work, wait for the end, and say what was counted."""
    while (
        len(at_work(connection)) < len(all_) or not connection.execute("select 1 from times_read").fetchone()
    ):
        time.sleep(0.05)
    seen = status_json(connection, takeover)
    job = at_work(connection)[all_[1].name]
    all_[1].lose()
    lost = time.monotonic()
    while at_work(connection).get(all_[1].name) == job:
        time.sleep(0.05)
    waited = time.monotonic() - lost
    while connection.execute("select 1 from scan where status = 'received'").fetchone():
        time.sleep(0.2)
    counted = connection.execute(
        "select count(*) as readings, count(distinct key) as pages, (select count(*) from page) as filed,"
        " (select count(*) from document_page) as in_documents from times_read"
    ).fetchone()
    return {
        "workers_before": [w["host"] for w in seen["workers"]],
        "taken_over_after_seconds": round(waited, 1),
        **(counted or {}),
    }


if __name__ == "__main__":
    main()
