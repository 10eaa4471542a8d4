"""An object store that misbehaves for a while: nothing is lost, nothing is believed that is not so, and all
goes on by itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.runtime.installation import EmbeddedServices
from pipeline.store.blobs import Blobs
from tests.faults.accounting import faults_of
from tests.faults.conftest import Drop
from tests.faults.proxy import Mood, Proxy
from tests.faults.running import Running, wait_until

FAULT_SECONDS = 4.0


@pytest.fixture(scope="module")
def proxy(embedded: EmbeddedServices) -> Iterator[Proxy]:
    endpoint = embedded.settings().storage.endpoint
    assert endpoint is not None
    found = Proxy(endpoint)
    with found.running():
        yield found


@pytest.fixture(scope="module")
def behind(
    proxy: Proxy, embedded: EmbeddedServices, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """An installation whose object store is the proxy."""
    storage = embedded.settings().storage
    assert storage.access_key is not None
    assert storage.secret_key is not None
    found = Running(
        tmp_path_factory.mktemp("store") / "home",
        {
            "CHARTLOOM_STORAGE__ENDPOINT": proxy.endpoint,
            "CHARTLOOM_STORAGE__ACCESS_KEY": storage.access_key,
            "CHARTLOOM_STORAGE__SECRET_KEY": storage.secret_key.get_secret_value(),
            "CHARTLOOM_STORAGE__BUCKET": "behind-the-proxy",
        },
    )
    found.start()
    try:
        found.wait_ready()
        yield found
    finally:
        proxy.mood = Mood.GOOD
        found.stop()


@pytest.mark.parametrize(("number", "mood"), list(enumerate(mood for mood in Mood if mood is not Mood.GOOD)))
def test_files_handed_in_while_the_store_misbehaves_are_filed_when_it_is_well(
    behind: Running, proxy: Proxy, drop: Drop, number: int, mood: Mood
) -> None:
    proxy.mood, before = mood, proxy.hurt
    drop(behind, 100 + 2 * number, 2)
    drop(behind, 101 + 2 * number, 1)
    assert wait_until(lambda: proxy.hurt > before)
    time.sleep(FAULT_SECONDS)
    proxy.mood = Mood.GOOD
    behind.must_settle()
    assert faults_of(behind) == []
    assert missing(behind) == []


def missing(running: Running) -> list[str]:
    """The pages' objects that rows name and the store does not give back."""
    named = running.rows(
        "select pdf as key from page union select preview from page"
        " union select pdf from document where status <> 'withdrawn'"
    )
    blobs = running.blobs()
    return [row["key"] for row in named if row["key"] and not gives_back(blobs, row["key"])]


def gives_back(blobs: Blobs, key: str) -> bool:
    try:
        return bool(blobs.get(key))
    except Exception:
        return False


def test_a_file_stays_in_the_folder_while_the_store_is_away(
    behind: Running, proxy: Proxy, drop: Drop
) -> None:
    proxy.mood = Mood.REFUSING
    drop(behind, 200, 1)
    time.sleep(FAULT_SECONDS)
    waiting: list[Path] = [file for file in behind.intake.rglob("*") if file.is_file()]
    proxy.mood = Mood.GOOD
    assert len(waiting) == 1
    behind.must_settle()


@pytest.mark.parametrize(("number", "mood"), [(300, Mood.FORGETTING), (310, Mood.GARBLING)])
def test_pages_that_the_store_only_says_it_keeps_are_not_taken_as_kept(
    behind: Running, proxy: Proxy, drop: Drop, number: int, mood: Mood
) -> None:
    drop(behind, number, 4)
    [sha256] = [key for key, (name, _) in behind.dropped.items() if name.startswith(f"scan {number:04d}")]
    assert wait_until(lambda: bool(behind.rows(f"select 1 from scan where sha256 = '{sha256}'")), every=0.02)
    proxy.mood, before = mood, proxy.hurt
    assert wait_until(lambda: proxy.hurt > before)
    time.sleep(FAULT_SECONDS)
    proxy.mood = Mood.GOOD
    behind.must_settle()
    assert faults_of(behind) == []
    assert missing(behind) == []
