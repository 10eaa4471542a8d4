"""Run everything on one machine until Ctrl-C: services, watcher, workers and web application."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import urllib3

from pipeline.config import Settings
from pipeline.errors import ConfigurationError
from pipeline.runtime.daemon import free_ports
from pipeline.runtime.installation import Installation, open_installation
from pipeline.runtime.service_refcount import Reporter, exclusive_up
from pipeline.runtime.supervisor import Supervised

POLL_INTERVAL_SECONDS = 0.5  # how soon an ended process is noticed
PORT_RELEASE_TIMEOUT_SECONDS = 8.0  # the web server of a killed `up` may take this long to end
WEB_START_TIMEOUT_SECONDS = 60.0  # after this time without an answer, that is reported


def up(
    settings: Settings,
    *,
    port: int | None,
    demo: bool = False,
    report: Reporter,
    on_started: Callable[[Installation], None] | None = None,
) -> None:
    """Run until interrupted. `then` is called once, in this thread, when everything has started.

    `demo`: the web makes an account for every role. Raises AlreadyRunning where another `up` holds the home.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(exclusive_up(settings.home))
        web = _web_port(settings, port, report)
        installation = stack.enter_context(open_installation(settings, report=report))
        settings.intake_folder.mkdir(parents=True, exist_ok=True)
        children = _children(settings, web, report, demo=demo)
        try:
            for child in children:
                child.start()
            report(f"home {settings.home}")
            report(f"drop scans into {settings.intake_folder}")
            page = f"http{'s' if settings.web.tls_certificate else ''}://{settings.web.host}:{web}/"
            wait_for_web(page, children, report)
            if on_started:
                on_started(installation)
                report(f"web page at {page}")
            report("Ctrl-C stops everything")
            while True:
                _restart_ended(children)
        except KeyboardInterrupt:
            report("stopping")
        finally:
            for child in children:
                child.stop()
            report("watcher, workers and web stopped")


def _children(settings: Settings, port: int, report: Reporter, *, demo: bool) -> list[Supervised]:
    """Return the processes in the order in which they stop: the watcher, then the workers, then the web."""
    home, logs = ["--home", str(settings.home)], settings.home / "logs"
    deliver = (
        [Supervised("deliveries", ["deliver", *home], logs / "deliveries.log", report)]
        if settings.delivery.destinations
        else []
    )
    return [
        Supervised("watcher", ["watch", *home], logs / "watcher.log", report),
        Supervised("workers", ["work", *home], logs / "workers.log", report),
        *deliver,
        Supervised(
            "web",
            ["serve", "--port", str(port), *home, *(["--demo"] if demo else [])],
            logs / "web.log",
            report,
            relays_output=True,
        ),
    ]


def _restart_ended(children: list[Supervised]) -> None:
    time.sleep(POLL_INTERVAL_SECONDS)
    for child in children:
        child.restart_if_ended()


def _web_port(settings: Settings, wanted: int | None, report: Reporter) -> int:
    """Return the requested port, which must be free; else that of the settings, or a free one if it is in
    use.

    Raises:
        ConfigurationError: the requested port is in use.
    """
    port = wanted or settings.web.port
    end = time.monotonic() + PORT_RELEASE_TIMEOUT_SECONDS
    while (free := free_ports(["web"], {"web": port})["web"]) != port and time.monotonic() < end:
        time.sleep(POLL_INTERVAL_SECONDS)
    if free == port:
        return port
    if wanted:
        raise ConfigurationError(
            f"Another program listens on port {port}.",
            "Use another --port, or leave it out to use a free one.",
        )
    report(f"another program listens on port {port}; the web takes {free}")
    return free


def wait_for_web(
    page: str, children: list[Supervised], report: Reporter, seconds: float = WEB_START_TIMEOUT_SECONDS
) -> None:
    """Wait until the web application, the last of the children, answers; report if it does not in time."""
    http = urllib3.PoolManager(
        retries=False, timeout=2.0, cert_reqs="CERT_NONE"
    )  # its certificate is for another host name
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (process := children[-1].pid) and _is_answered_by(http, page, process):
            report(f"web page at {page}")
            return
        _restart_ended(children)
    report(f"the web application does not answer at {page} yet; see {children[-1].log}")


def _is_answered_by(http: urllib3.PoolManager, page: str, process: int) -> bool:
    """Return whether that process answers there: another program may have taken the port."""
    try:
        health = http.request("GET", f"{page}health", redirect=False).json()
    except (urllib3.exceptions.HTTPError, ValueError):
        return False
    return isinstance(health, dict) and health.get("process") == process
