"""Searches and charts use a standby while its lag is small, and the primary database otherwise."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

import psycopg
import pytest
from fastapi.testclient import TestClient
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from pipeline.errors import ConfigurationError, ServiceUnavailable
from pipeline.index.search import search
from pipeline.runtime import daemon
from pipeline.runtime.doctor import _replica
from pipeline.runtime.installation import EmbeddedServices, Installation
from pipeline.runtime.os_user import choose_os_user
from pipeline.runtime.postgres import ENVIRONMENT, SETTINGS, binaries
from pipeline.store.database import Connection, open_pool
from pipeline.store.replica import Replica, ReplicaResult
from pipeline.web.application import create_app
from pipeline.web.auth.permissions import Role
from pipeline.web.auth.request_context import AppContext
from tests.support.hospital import Hospital, SignedInUser
from tests.support.scan_records import until

PLACE = "select pg_is_in_recovery() as standby"


@pytest.fixture(scope="module")
def standby(
    embedded: EmbeddedServices, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str | int]]:
    """A standby of the session's Postgres, made as docs/how-to/several-machines.md says: its host and
    port.
    """
    assert embedded.postgres is not None
    data = tmp_path_factory.mktemp("standby") / "postgres"
    account = choose_os_user(data, binaries() / "postgres")
    source = embedded.postgres.dsn(superuser=True, database="postgres")
    copy = [
        *account.prefix,
        str(binaries() / "pg_basebackup"),
        "-D",
        str(data),
        "-d",
        source,
        "-R",
        "--checkpoint=fast",
    ]
    subprocess.run(copy, check=True, cwd="/", env=ENVIRONMENT, capture_output=True)
    port = daemon.free_ports(["standby"], {})["standby"]
    options = [part for key, value in SETTINGS.items() for part in ("-c", f"{key}={value}")]
    argv = [*account.prefix, str(binaries() / "postgres"), "-D", str(data), "-p", str(port), *options]
    server = subprocess.Popen(argv, cwd="/", env=ENVIRONMENT, stderr=subprocess.DEVNULL)
    yield {"host": "127.0.0.1", "port": port}
    server.terminate()
    server.wait()
    shutil.rmtree(data)


@pytest.fixture
def replica(standby: dict[str, str | int], dsn: str) -> Iterator[Replica]:
    """The test's database at the standby."""
    with open_pool(make_conninfo(dsn, **standby), 2, 10.0) as pool:
        yield Replica(pool, max_lag_seconds=5.0)


def at_standby(connection: Connection) -> bool:
    row = connection.execute(PLACE).fetchone()
    assert row is not None
    return bool(row["standby"])


def documents(connection: Connection) -> list[int]:
    return [row["id"] for row in connection.execute("select id from document order by id")]


def test_a_search_is_run_on_the_standby_after_it_has_received_the_filed_document(
    hospital: Hospital, replica: Replica
) -> None:
    document = hospital.filed_document()
    until(lambda: replica.run(hospital.connection, at_standby) == ReplicaResult(value=True, lag_seconds=0.0))
    found = replica.run(hospital.connection, lambda c: search(c, str(document)))
    assert [hit.document for hit in found.value] == [document]


def test_a_standby_that_lags_reports_its_lag_and_is_not_used_if_it_lags_too_far(
    hospital: Hospital, replica: Replica, embedded: EmbeddedServices, standby: dict[str, str | int]
) -> None:
    assert embedded.postgres is not None
    before = hospital.filed_document()
    until(lambda: replica.run(hospital.connection, at_standby) == ReplicaResult(value=True, lag_seconds=0.0))
    with psycopg.connect(
        make_conninfo(embedded.postgres.dsn(superuser=True), **standby), autocommit=True
    ) as superuser:
        superuser.execute("select pg_wal_replay_pause()")
        try:
            after = hospital.filed_document("another.pdf")
            old = replica.run(hospital.connection, documents)
            replica.max_lag_seconds = 0.0
            now = replica.run(hospital.connection, documents)
        finally:
            superuser.execute("select pg_wal_replay_resume()")
    assert (old.value, now) == ([before], ReplicaResult(value=[before, after], lag_seconds=0.0))
    assert 0.0 < old.lag_seconds < 5.0


def test_a_user_sees_on_the_standby_only_what_the_role_permits(
    hospital: Hospital, replica: Replica, dsn: str
) -> None:
    document = hospital.filed_document()
    until(lambda: replica.lag(hospital.connection) == 0.0)
    with open_pool(dsn, 4) as pool:
        desk = AppContext(
            settings=hospital.settings,
            pool=pool,
            blobs=lambda: hospital.blobs,
            enqueue=lambda *_: None,
            replica=replica,
        )
        with TestClient(create_app(desk), base_url="http://127.0.0.1", follow_redirects=False) as client:
            clinician = SignedInUser.sign_in(hospital, client, Role.CLINICIAN)
            assert f"/documents/{document}" in clinician.get(f"/patients/{hospital.patient_ids[2]}").text
            assert clinician.get("/search?q=2024").status_code == 200


def test_if_the_standby_does_not_respond_the_primary_database_is_used_at_once(
    hospital: Hospital, dsn: str
) -> None:
    with open_pool(make_conninfo(dsn, port=1), 1, 0.2) as nowhere:
        replica = Replica(nowhere, max_lag_seconds=5.0)
        assert not replica.run(hospital.connection, at_standby).value
        requests = nowhere.get_stats()["requests_num"]
        assert not replica.run(hospital.connection, at_standby).value
        assert nowhere.get_stats()["requests_num"] == requests, "it is not tried again for a while"


def test_a_database_that_is_not_a_standby_is_never_used_as_one(hospital: Hospital, dsn: str) -> None:
    with open_pool(dsn, 1) as pool:
        answer = Replica(pool, max_lag_seconds=1e9).run(
            hospital.connection, lambda c: c is hospital.connection
        )
    assert answer.value


def test_doctor_accepts_a_standby_and_reports_an_address_that_is_not_one(
    hospital: Hospital, replica: Replica, standby: dict[str, str | int], dsn: str
) -> None:
    def with_replica(address: str) -> Installation:
        database = hospital.settings.database.model_copy(update={"replica_dsn": SecretStr(address)})
        return Installation(hospital.settings.model_copy(update={"database": database}))

    until(lambda: replica.run(hospital.connection, at_standby).value)
    assert _replica(with_replica(make_conninfo(dsn, **standby))).endswith("s behind")
    with pytest.raises(ConfigurationError, match="not a streaming standby"):
        _replica(with_replica(dsn))
    with pytest.raises(ServiceUnavailable, match="is unavailable"):
        _replica(with_replica(make_conninfo(dsn, port=1)))
