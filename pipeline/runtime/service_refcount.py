"""Share the services of a home between commands: the first command starts them, each restarts them if they
end, and the last one stops them.

`services.lock` is held while services are started or stopped; `users.lock` is shared by all commands that use
them. The kernel releases the locks of a killed process, so the next command finds the true state.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Protocol

from pipeline.errors import AlreadyRunning, ChartloomError, ServiceUnavailable
from pipeline.runtime import daemon
from pipeline.runtime.daemon import RunningService

RESTART_RETRY_SECONDS = 2.0  # between attempts to restart a service that ended
MAX_START_ATTEMPTS = 5  # of a service that ends while it is starting

Reporter = Callable[[str], None]


class Service(Protocol):
    """An embedded server."""

    name: str

    def running(self) -> RunningService | None: ...
    def spawn(self) -> RunningService: ...
    def wait(self, service: RunningService) -> None: ...
    def stop(self, service: RunningService) -> bool: ...


def run_folder(home: Path) -> Path:
    """Return the folder of the locks; create it if it does not exist."""
    folder = home / "run"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


_process_lock = threading.Lock()  # between threads: a file lock belongs to the process


def _reset_process_lock() -> None:
    """Release the lock in a forked process, where no thread holds it."""
    global _process_lock
    _process_lock = threading.Lock()


os.register_at_fork(after_in_child=_reset_process_lock)


@contextlib.contextmanager
def locked(home: Path) -> Iterator[None]:
    """Hold the exclusive right to start and stop the services of the home.

    A POSIX lock is used because a process that is forked meanwhile does not inherit it.
    """
    with _process_lock, (run_folder(home) / "services.lock").open("ab") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def exclusive_up(home: Path) -> Iterator[None]:
    """Hold the right to be the only `up` of the home. Raises AlreadyRunning if there is another."""
    file = os.open(run_folder(home) / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(file, 20).decode().strip()
            raise AlreadyRunning(
                f"`chartloom up` is already running on {home} (process {pid}).",
                "Stop it with Ctrl-C there, or use another --home.",
            ) from None
        os.ftruncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(file)


def is_up(home: Path) -> bool:
    """Return whether an `up` is running on the home."""
    try:
        with (home / "run" / "up.lock").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


@contextlib.contextmanager
def shared(services: Sequence[Service], home: Path, report: Reporter) -> Iterator[None]:
    """Use the services within the context, shared with other commands."""
    with _exit_on_sigterm():
        ours = os.getpid()
        users = os.open(run_folder(home) / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            with locked(home):
                fcntl.flock(users, fcntl.LOCK_SH)
                running = start_missing(services, report)
            with _restarting(services, running, home, report):
                yield
        finally:
            if os.getpid() == ours:  # a forked process that ends leaves the services to its parent
                with _signals_blocked(), locked(home):
                    _stop_if_last_user(users, services, report)
                os.close(users)


def start_missing(services: Sequence[Service], report: Reporter) -> dict[str, RunningService]:
    """Start the services that are not running, in parallel, and wait until they are ready.

    The caller holds the home's lock. A service that ends while it is starting is started again.

    Returns:
        The processes of all services by name. One of them may have ended in the meantime.

    Raises:
        ServiceUnavailable: A service does not start.
    """
    running = {service.name: service.running() for service in services}
    spawned = {service.name: service.spawn() for service in services if running[service.name] is None}
    ready = {name: process for name, process in running.items() if process}
    for service in services:
        if service.name in spawned:
            process = _wait_until_ready(service, spawned[service.name], report)
            report(f"{service.name} started ({describe_service(process)})")
            ready[service.name] = process
    return ready


def _wait_until_ready(service: Service, process: RunningService, report: Reporter) -> RunningService:
    """Wait for a service that was just started, and start it again if it ends. Return its process."""
    for _ in range(MAX_START_ATTEMPTS - 1):
        try:
            service.wait(process)
        except ServiceUnavailable:
            if daemon.is_alive(process.pid):
                raise
            report(f"{service.name} ended while it was starting and is started again")
            process = service.running() or service.spawn()
        else:
            return process
    service.wait(process)
    return process


def describe_service(service: RunningService) -> str:
    """Return the address and the pid of a service, for a person."""
    return f"127.0.0.1:{next(iter(service.ports.values()))}, pid {service.pid}"


def ignore_report(_: str) -> None:
    """Report nothing."""


def stop(services: Sequence[Service], report: Reporter) -> None:
    """Stop the services that are running. The caller holds the home's lock."""
    for service in services:
        found = service.running()
        if found:
            gently = service.stop(found)
            report(f"{service.name} {'stopped' if gently else 'did not stop when asked and was killed'}")


def _stop_if_last_user(users: int, services: Sequence[Service], report: Reporter) -> None:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    stop(services, report)
    fcntl.flock(users, fcntl.LOCK_UN)  # also for a forked process that may still have the file open


@contextlib.contextmanager
def _restarting(
    services: Sequence[Service], running: dict[str, RunningService], home: Path, report: Reporter
) -> Iterator[None]:
    """Restart, in a thread, services that end.

    `running`: their processes as they were started. A process that has ended since then is restarted, too.
    """
    wake, done = os.pipe()

    def keep() -> None:
        seconds: float | None = None
        known = running
        while True:
            daemon.wait_for_exit([process.pid for process in known.values()], wake, seconds)
            if daemon.wait_for_exit([], wake, 0):
                return
            try:
                with locked(home):
                    now = start_missing(services, ignore_report)
                for name, process in now.items():
                    if process != known.get(name):
                        address = describe_service(process)
                        report(f"{name} ended unexpectedly and was started again ({address})")
                known, seconds = now, None
            except (ChartloomError, OSError) as error:
                report(str(error))
                seconds = RESTART_RETRY_SECONDS
                known = {}

    thread = threading.Thread(target=keep, name="services", daemon=True)
    thread.start()
    try:
        yield
    finally:
        if thread.is_alive():  # in a forked process there is none
            os.write(done, b".")
            thread.join()
        os.close(wake)
        os.close(done)


@contextlib.contextmanager
def _exit_on_sigterm() -> Iterator[None]:
    """Exit on SIGTERM and SIGHUP as on an interrupt, so that everything that the command started is
    stopped.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _: FrameType | None) -> None:
        sys.exit(128 + number)

    ours = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number in ours:
            if signal.getsignal(number) is leave:
                signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def _signals_blocked() -> Iterator[None]:
    """Block a second Ctrl-C while the services are being stopped."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
