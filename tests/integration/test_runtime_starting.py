"""A service that is killed while an installation starts is started again, at whatever step that happens."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import load_settings
from pipeline.runtime import installation, service_refcount
from pipeline.runtime.daemon import RunningService
from pipeline.runtime.installation import open_installation
from pipeline.runtime.postgres import Postgres
from pipeline.runtime.seaweedfs import SeaweedFS

SERVICES: dict[str, type[Postgres] | type[SeaweedFS]] = {"Postgres": Postgres, "SeaweedFS": SeaweedFS}
STEPS = ("spawned", "ready", "all ready", "supervised", "migrating")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("name", SERVICES)
def test_a_service_that_is_killed_during_the_start_is_started_again(
    name: str, step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = SERVICES[name]
    killed: list[int] = []
    spawned: list[RunningService] = []

    def kill_once() -> None:
        if not killed:
            killed.append(spawned[-1].pid)
            os.kill(spawned[-1].pid, signal.SIGKILL)

    def calls(owner: Any, attribute: str, *, before: bool = False) -> None:
        """Let a function kill the service before or after it does its work."""
        original: Callable[..., Any] = getattr(owner, attribute)

        def replacement(*arguments: Any, **keywords: Any) -> Any:
            if before:
                kill_once()
            result = original(*arguments, **keywords)
            if not before:
                kill_once()
            return result

        monkeypatch.setattr(owner, attribute, replacement)

    original_spawn = service.spawn

    def spawn(self: Any) -> RunningService:
        spawned.append(original_spawn(self))
        if step == "spawned":
            kill_once()
        return spawned[-1]

    monkeypatch.setattr(service, "spawn", spawn)
    match step:
        case "ready":
            calls(service, "wait")
        case "all ready":
            calls(service_refcount, "start_missing")
        case "supervised":
            calls(installation, "_migrate", before=True)
        case "migrating":
            calls(installation, "apply_migrations")
    with open_installation(load_settings(tmp_path / "home")) as opened:
        with opened.connect() as connection:
            assert connection.execute("select count(*) as scans from scan").fetchone() == {"scans": 0}
        assert opened.blobs().put(b"content")
    assert killed
    assert len(spawned) >= 2
