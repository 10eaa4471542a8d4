"""`chartloom up`: everything on one machine, and what dies comes back."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipeline.config import load_settings
from pipeline.runtime.daemon import free_ports
from pipeline.runtime.installation import EmbeddedServices
from pipeline.runtime.supervisor import Supervised
from pipeline.runtime.up import wait_for_web

TIMEOUT_SECONDS = 60.0


class Up:
    """A running `chartloom up`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.output_file = home.with_suffix(".out")
        port = str(free_ports(["web"], {})["web"])
        with self.output_file.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pipeline", "up", "--home", str(home), "--port", port],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip

    def output(self) -> str:
        return self.output_file.read_text()

    def wait_for(self, words: str, times: int = 1) -> None:
        wait_until(lambda: self.output().count(words) >= times or self.process.poll() is not None)
        assert self.output().count(words) >= times, self.output()

    def children(self) -> dict[str, int]:
        """The pid of each part."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    argv = (entry / "cmdline").read_bytes().decode().split("\0")
                    parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                except (OSError, IndexError):
                    continue
                if str(self.home) in argv and parent == self.process.pid and "-m" in argv:
                    found[argv[argv.index("-m") + 2]] = int(entry.name)
        return found

    def service(self, name: str) -> int:
        found = getattr(EmbeddedServices(load_settings(self.home)), name).running()
        return found.pid if found else 0

    def processes(self) -> list[str]:
        """Everything that has this home on its command line."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    argv = (entry / "cmdline").read_bytes().decode(errors="replace")
                except OSError:
                    continue
                if str(self.home) in argv and entry.name != str(os.getpid()):
                    found.append(f"{entry.name} {argv[:200]}")
        return found


def wait_until(done: Callable[[], bool], seconds: float = TIMEOUT_SECONDS) -> None:
    end = time.monotonic() + seconds
    while not done() and time.monotonic() < end:
        time.sleep(0.1)
    assert done()


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    running = Up(tmp_path_factory.mktemp("up") / "home")
    try:
        running.wait_for("Ctrl-C stops everything")
        yield running
    finally:
        if running.process.poll() is None:
            running.process.terminate()
            running.process.wait(TIMEOUT_SECONDS)


def test_up_says_where_everything_is(up: Up) -> None:
    output = up.output()
    for words in ("Postgres started (127.0.0.1:", "SeaweedFS started (127.0.0.1:", f"home {up.home}",
                  f"drop scans into {up.home / 'intake'}", "web page at http://127.0.0.1:",
                   "password"):  # fmt: skip
        assert words in output
    assert set(up.children()) == {"watch", "work", "serve"}


def test_a_second_up_on_the_same_home_says_so(up: Up) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "pipeline", "up", "--home", str(up.home)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
    )
    assert second.returncode == 6
    assert f"already running on {up.home} (process {up.process.pid})" in second.stderr


def test_a_port_that_is_taken_is_named_before_anything_starts(up: Up, tmp_path: Path) -> None:
    port = up.output().split("web page at http://127.0.0.1:")[1].split("/")[0]
    other = subprocess.run(
        [sys.executable, "-m", "pipeline", "up", "--home", str(tmp_path / "home"), "--port", port],
        capture_output=True, text=True, timeout=TIMEOUT_SECONDS,
    )  # fmt: skip
    assert other.returncode == 5
    assert f"Another program listens on port {port}" in other.stderr
    assert "started" not in other.stdout


def test_another_program_that_answers_on_the_port_is_not_taken_for_the_web(tmp_path: Path) -> None:
    output: list[str] = []
    child = Supervised("web", ["--version"], tmp_path / "web.log", output.append)
    with foreign_server() as page:
        wait_for_web(page, [child], output.append, seconds=0.1)
    assert output[-1].startswith(f"the web application does not answer at {page} yet")


@contextlib.contextmanager
def foreign_server() -> Iterator[str]:
    """The address of a program that says it is well, whatever it is asked."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"status": "ok"}')

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_another_command_uses_the_services_of_up_and_leaves_them_running(up: Up) -> None:
    before = up.service("postgres")
    asked = subprocess.run(
        [sys.executable, "-m", "pipeline", "doctor", "--json", "--home", str(up.home)],
        capture_output=True, text=True, timeout=TIMEOUT_SECONDS,
    )  # fmt: skip
    findings = {line["check"]: line for line in map(json.loads, asked.stdout.splitlines())}
    assert {name for name, line in findings.items() if not line["ok"]} == set(), asked.stdout
    assert {"tesseract", "pdftoppm", "database", "migrations", "object store", "disk", "web port"} <= set(
        findings
    )
    assert asked.returncode == 0
    assert up.service("postgres") == before


@pytest.mark.parametrize(("service", "name"), [("postgres", "Postgres"), ("seaweedfs", "SeaweedFS")])
def test_a_service_that_is_killed_is_back_in_seconds_and_said(up: Up, service: str, name: str) -> None:
    before = up.service(service)
    os.kill(before, signal.SIGKILL)
    up.wait_for(f"{name} ended unexpectedly and was started again")
    assert up.service(service) not in (0, before)


@pytest.mark.parametrize(("command", "name"), [("watch", "watcher"), ("work", "workers"), ("serve", "web")])
def test_a_part_that_is_killed_is_back_in_seconds_and_said(up: Up, command: str, name: str) -> None:
    before = up.children()[command]
    os.kill(before, signal.SIGKILL)
    up.wait_for(f"{name} was killed (SIGKILL); starting it again")
    wait_until(lambda: up.children().get(command, before) != before)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Up]]:
    """start(): an `up` on the test's home; what is still running is stopped afterwards."""
    started: list[Up] = []

    def one() -> Up:
        started.append(Up(tmp_path / "home"))
        return started[-1]

    yield one
    for running in started:
        if running.process.poll() is None:
            running.process.terminate()
            running.process.wait(TIMEOUT_SECONDS)


def test_up_that_is_killed_takes_its_parts_along_and_starts_again(start: Callable[[], Up]) -> None:
    first = start()
    first.wait_for("Ctrl-C stops everything")
    parts = first.children()
    os.kill(first.service("postgres"), signal.SIGKILL)
    first.process.kill()
    first.process.wait()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in parts.values()))
    second = start()
    second.wait_for("Ctrl-C stops everything", times=2)
    second.process.send_signal(signal.SIGINT)
    assert second.process.wait(TIMEOUT_SECONDS) == 0
    wait_until(lambda: not second.processes(), 10)
    assert "watcher, workers and web stopped" in second.output()
    assert "Postgres stopped" in second.output()
