"""What the tests share: one embedded installation for the session, and a database and a bucket for each test.

installation  the session's services, started by the project's own code in a home that is removed afterwards
dsn           a fresh database, cloned from a migrated one; `connection` is an open connection to it
blobs         an empty bucket
settings      settings that name that database and that bucket, with a home for the test
hospital      a hospital with accounts and patients but no documents, for the tests of the web application
"""

from __future__ import annotations

import logging
import secrets
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from minio import Minio
from psycopg import sql
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from pipeline.config import Settings, load_settings
from pipeline.logs import LineFormatter
from pipeline.resources import HOME_VARIABLE
from pipeline.runtime.installation import EmbeddedServices, Installation
from pipeline.store.blobs import REGION, Blobs
from pipeline.store.database import Connection, connect
from pipeline.store.schema_migrations import migrate
from tests.support.hospital import Hospital

TEMPLATE = "chartloom_template"


def pytest_sessionstart() -> None:
    """Stop ignoring SIGINT, as a shell makes background jobs do: the processes that tests start would
    inherit that.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def separate_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test reads the models or settings of the user who runs it."""
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))


@pytest.fixture(autouse=True)
def separate_log_handlers() -> Iterator[None]:
    """Remove the log handlers that a command under test has added: its standard error is closed by then."""
    before = logging.root.handlers[:]
    yield
    for handler in logging.root.handlers[:]:
        if isinstance(handler.formatter, LineFormatter) and handler not in before:
            logging.root.removeHandler(handler)


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServices]:
    """Postgres and SeaweedFS in a home for the session."""
    services = EmbeddedServices(load_settings(home=tmp_path_factory.mktemp("session") / "home"))
    with services.running(lambda _: None):
        yield services


@pytest.fixture(scope="session")
def installation(embedded: EmbeddedServices) -> Installation:
    """The session's installation; its database is migrated and empty."""
    created = Installation(embedded.settings())
    assert embedded.postgres is not None
    with psycopg.connect(
        embedded.postgres.dsn(superuser=True, database="postgres"), autocommit=True
    ) as superuser:
        superuser.execute("alter role chartloom createdb")
        # No data outlives the session, and a vacuum by the superuser would block
        # dropping a database.
        for setting in ("fsync", "full_page_writes", "synchronous_commit", "autovacuum"):
            superuser.execute(f"alter system set {setting} = off")
        superuser.execute("select pg_reload_conf()")
    with created.connect() as connection:
        migrate(connection)
    with psycopg.connect(make_conninfo(created.dsn, dbname="postgres"), autocommit=True) as connection:
        connection.execute(f"create database {TEMPLATE} template chartloom")
    return created


@pytest.fixture
def dsn(installation: Installation) -> Iterator[str]:
    """A fresh, migrated database; it is dropped afterwards."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(make_conninfo(installation.dsn, dbname="postgres"), autocommit=True) as admin:
        admin.execute(
            sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(TEMPLATE))
        )
        yield make_conninfo(installation.dsn, dbname=name)
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def connection(dsn: str) -> Iterator[Connection]:
    """An open connection to the test's database."""
    with connect(dsn) as opened:
        yield opened


@pytest.fixture
def settings(installation: Installation, dsn: str, tmp_path: Path) -> Iterator[Settings]:
    """Settings that name the test's database and bucket; the home is the test's own."""
    storage = installation.settings.storage.model_copy(update={"bucket": f"test-{secrets.token_hex(6)}"})
    database = installation.settings.database.model_copy(update={"dsn": SecretStr(dsn)})
    yield installation.settings.model_copy(
        update={"home": tmp_path / "home", "storage": storage, "database": database}
    )
    assert storage.endpoint is not None
    assert storage.secret_key is not None
    client = Minio(
        storage.endpoint,
        storage.access_key,
        storage.secret_key.get_secret_value(),
        secure=storage.secure,
        region=REGION,
    )
    if client.bucket_exists(storage.bucket):
        client.remove_bucket(storage.bucket)  # the store removes its objects


@pytest.fixture
def blobs(settings: Settings) -> Blobs:
    """An empty bucket."""
    return Blobs.connect(settings.storage)


@pytest.fixture
def hospital(connection: Connection, blobs: Blobs, settings: Settings) -> Hospital:
    """A hospital with an account for each role and a few patients, but no documents."""
    created = Hospital(connection=connection, blobs=blobs, settings=settings)
    created.accounts = created.add_accounts()
    created.patient_ids = created.add_patients()
    return created
