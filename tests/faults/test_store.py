"""An object store misbehaves for a while: nothing is lost, no lost object counts as stored, and all work
resumes without help.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.runtime.installation import EmbeddedServices
from pipeline.store.blobs import Blobs
from tests.faults.accounting import find_faults
from tests.faults.conftest import Submit
from tests.faults.proxy import Behavior, Proxy
from tests.faults.running import Running, wait_until

FAULT_SECONDS = 4.0


@pytest.fixture(scope="module")
def proxy(embedded: EmbeddedServices) -> Iterator[Proxy]:
    endpoint = embedded.settings().storage.endpoint
    assert endpoint is not None
    created = Proxy(endpoint)
    with created.running():
        yield created


@pytest.fixture(scope="module")
def running(
    proxy: Proxy, embedded: EmbeddedServices, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """An installation whose object store is the proxy."""
    storage = embedded.settings().storage
    assert storage.access_key is not None
    assert storage.secret_key is not None
    created = Running(
        tmp_path_factory.mktemp("store") / "home",
        {
            "CHARTLOOM_STORAGE__ENDPOINT": proxy.endpoint,
            "CHARTLOOM_STORAGE__ACCESS_KEY": storage.access_key,
            "CHARTLOOM_STORAGE__SECRET_KEY": storage.secret_key.get_secret_value(),
            "CHARTLOOM_STORAGE__BUCKET": "behind-the-proxy",
        },
    )
    created.start()
    try:
        created.wait_ready()
        yield created
    finally:
        proxy.behavior = Behavior.GOOD
        created.stop()


@pytest.mark.parametrize(
    ("number", "behavior"),
    list(enumerate(behavior for behavior in Behavior if behavior is not Behavior.GOOD)),
)
def test_files_submitted_while_the_store_misbehaves_are_filed_when_it_has_recovered(
    running: Running, proxy: Proxy, submit: Submit, number: int, behavior: Behavior
) -> None:
    proxy.behavior, before = behavior, proxy.disturbed
    submit(running, 100 + 2 * number, 2)
    submit(running, 101 + 2 * number, 1)
    assert wait_until(lambda: proxy.disturbed > before)
    time.sleep(FAULT_SECONDS)
    proxy.behavior = Behavior.GOOD
    running.wait_for_outcomes()
    assert find_faults(running) == []
    assert missing_objects(running) == []


def missing_objects(running: Running) -> list[str]:
    """Return the objects of pages and documents that the database names and the store does not return."""
    objects = running.rows(
        "select pdf as key from page union select preview from page"
        " union select pdf from document where status <> 'withdrawn'"
    )
    blobs = running.blobs()
    return [row["key"] for row in objects if row["key"] and not is_readable(blobs, row["key"])]


def is_readable(blobs: Blobs, key: str) -> bool:
    try:
        return bool(blobs.get(key))
    except Exception:
        return False


def test_a_file_stays_in_the_folder_while_the_store_is_unavailable(
    running: Running, proxy: Proxy, submit: Submit
) -> None:
    proxy.behavior = Behavior.REFUSING
    submit(running, 200, 1)
    time.sleep(FAULT_SECONDS)
    waiting: list[Path] = [file for file in running.intake.rglob("*") if file.is_file()]
    proxy.behavior = Behavior.GOOD
    assert len(waiting) == 1
    running.wait_for_outcomes()


@pytest.mark.parametrize(("number", "behavior"), [(300, Behavior.LOSING), (310, Behavior.CORRUPTING)])
def test_an_object_that_was_acknowledged_but_not_stored_correctly_does_not_count_as_stored(
    running: Running, proxy: Proxy, submit: Submit, number: int, behavior: Behavior
) -> None:
    submit(running, number, 4)
    [sha256] = [key for key, (name, _) in running.submitted.items() if name.startswith(f"scan {number:04d}")]
    assert wait_until(lambda: bool(running.rows(f"select 1 from scan where sha256 = '{sha256}'")), every=0.02)
    proxy.behavior, before = behavior, proxy.disturbed
    assert wait_until(lambda: proxy.disturbed > before)
    time.sleep(FAULT_SECONDS)
    proxy.behavior = Behavior.GOOD
    running.wait_for_outcomes()
    assert find_faults(running) == []
    assert missing_objects(running) == []
