"""A service as a process that outlives the command that started it.

Each service holds an exclusive lock on its lock file while any of its processes is alive, and the file
contains its pid and ports. So it is always certain whether the service is running: after a crash, after a
restart of the machine, and when a pid is reused.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import ServiceUnavailable

POLL_INTERVAL_SECONDS = 0.02  # how often a starting service is checked
CLEANUP_TIMEOUT_SECONDS = 20.0  # when Postgres is killed, its child processes end shortly afterwards
MAX_LOG_BYTES = 10_000_000  # a larger log is moved aside when the service starts

# A fork by another thread would inherit a lock file that is open for a moment, and hold its lock forever.
_no_fork = threading.Lock()
os.register_at_fork(
    before=_no_fork.acquire, after_in_parent=_no_fork.release, after_in_child=_no_fork.release
)

_children: list[subprocess.Popen[bytes]] = []  # so that ended processes are reaped


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningService:
    """A running service: its pid and its ports by name."""

    pid: int
    ports: Mapping[str, int]


def running_service(lock: Path) -> RunningService | None:
    """Return the service that holds the lock; None if the lock is free.

    The child processes of a killed service (Postgres has some) may take ENDING_SECONDS to end.
    """
    end = time.monotonic() + CLEANUP_TIMEOUT_SECONDS
    while True:
        try:
            with _no_fork, lock.open("rb") as file:
                if _try_lock(file.fileno()):
                    return None
                found = _parse(file.read())
        except FileNotFoundError:
            return None
        if found and is_service_of(found.pid, lock):
            return found
        if time.monotonic() >= end:
            raise ServiceUnavailable(
                f"Processes of a service that has ended still hold {lock}.",
                f"Find them with: fuser -v {lock}",
            )
        time.sleep(POLL_INTERVAL_SECONDS)


def is_service_of(pid: int, lock: Path) -> bool:
    """Return whether that process is the service of the lock: its pid may have been reused."""
    try:
        return (
            os.fsencode(lock.parent.parent) + b"/" in Path(f"/proc/{pid}/cmdline").read_bytes()
        )  # not that of HOME-2
    except OSError:
        return False


def last_ports(lock: Path) -> dict[str, int]:
    """Return the ports that the service has, or had when it last ran."""
    try:
        found = _parse(lock.read_bytes())
    except FileNotFoundError:
        return {}
    return dict(found.ports) if found else {}


def spawn(
    argv: Sequence[str], *, lock: Path, ports: Mapping[str, int], log: Path, cwd: Path, env: Mapping[str, str]
) -> RunningService:
    """Start a program in a session of its own, holding the lock. Its pid is written to the lock file first.

    The caller has checked, under the home's lock, that the service is not running.
    """
    _reap()
    with _no_fork, lock.open("ab") as file, open_log(log) as out:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write((json.dumps({"ports": dict(ports)}) + "\n").encode())
        file.flush()
        child = subprocess.Popen(
            ["sh", "-c", 'echo $$; exec "$@" >&2', "sh", *argv],
            pass_fds=[file.fileno()], stdin=subprocess.DEVNULL, stdout=file, stderr=out,
            cwd=cwd, env=dict(env), start_new_session=True,
        )  # fmt: skip
    _children.append(child)
    return RunningService(pid=child.pid, ports=dict(ports))


def stop(
    service: RunningService, lock: Path, gently: signal.Signals, harder: signal.Signals, seconds: float
) -> bool:
    """Stop a service: send `gently`, after `seconds` send `harder`, and at last kill it.

    Returns:
        True if the first signal was enough.
    """
    for number, timeout_seconds in ((gently, seconds), (harder, seconds / 4), (signal.SIGKILL, seconds / 4)):
        with contextlib.suppress(ProcessLookupError):
            if is_service_of(service.pid, lock):
                os.kill(service.pid, number)
        if _wait_free(lock, service.pid, timeout_seconds):
            return number == gently
    return False


def wait_for_exit(pids: Sequence[int], wake: int, seconds: float | None) -> bool:
    """Wait, without using CPU, until a process ends or `wake` is readable; return False after `seconds`."""
    poll = select.poll()
    poll.register(wake, select.POLLIN)
    files = []
    try:
        for pid in pids:
            try:
                files.append(os.pidfd_open(pid))
            except ProcessLookupError:
                return True
            poll.register(files[-1], select.POLLIN)
        return bool(poll.poll(None if seconds is None else seconds * 1000))
    finally:
        for file in files:
            os.close(file)


def open_log(log: Path) -> BinaryIO:
    """Open a log to append to, readable by its owner only. Move one larger than MAX_LOG_BYTES aside first."""
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
        log.replace(log.with_suffix(".old.log"))
    return os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")


def is_alive(pid: int) -> bool:
    """Return whether a process with that pid exists and has not ended."""
    _reap()
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def free_ports(names: Sequence[str], wanted: Mapping[str, int]) -> dict[str, int]:
    """Return a free loopback port for each name: the wanted port if it is free."""
    with contextlib.ExitStack() as held:
        return {name: held.enter_context(_bound(wanted.get(name, 0))).getsockname()[1] for name in names}


def is_listening(port: int) -> bool:
    """Return whether a program listens on the loopback port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def _bound(port: int) -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(("127.0.0.1", port))
    except OSError:
        sock.bind(("127.0.0.1", 0))
    return sock


def _try_lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _parse(content: bytes) -> RunningService | None:
    try:
        first, pid = content.splitlines()[:2]
        return RunningService(pid=int(pid), ports=json.loads(first)["ports"])
    except (ValueError, KeyError):
        return None


def _wait_free(lock: Path, pid: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    with contextlib.suppress(ProcessLookupError):
        file = os.pidfd_open(pid)
        select.select([file], [], [], seconds)
        os.close(file)
    _reap()
    while not _is_free(lock):
        if time.monotonic() >= end:
            return False
        time.sleep(POLL_INTERVAL_SECONDS)
    return True


def _is_free(lock: Path) -> bool:
    with _no_fork, lock.open("rb") as file:
        return _try_lock(file.fileno())


def _reap() -> None:
    _children[:] = [child for child in _children if child.poll() is None]
