"""What every command opens: the database and the object store of an installation, embedded or not.

Configured services (database.dsn, storage.endpoint) are used as they are. For a service that is not
configured, the home's embedded service is started, or shared with the commands that already use it (see
service_refcount).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import SecretStr

from pipeline.config import Settings
from pipeline.config.listeners import check_exposure, database_exposures, store_exposure
from pipeline.runtime.postgres import Postgres
from pipeline.runtime.seaweedfs import SeaweedFS
from pipeline.runtime.secrets_file import load_or_create_secrets
from pipeline.runtime.service_refcount import Reporter, Service, ignore_report, locked, shared
from pipeline.store.blobs import Blobs
from pipeline.store.database import Connection, Pool, connect, open_pool
from pipeline.store.replica import Replica
from pipeline.store.schema_migrations import migrate as apply_migrations
from pipeline.store.transient import retry

MIGRATION_RETRY_SECONDS = 60.0  # after the embedded database ended during the migrations
REPLICA_CONNECT_TIMEOUT_SECONDS = 1.0
"""After this time the replica counts as unavailable: the user who searches should not notice."""


@dataclass(frozen=True, slots=True)
class Installation:
    """An open installation. Its settings name the database and the store in use, embedded or not."""

    settings: Settings
    superuser: str | None = None
    """The DSN of the embedded Postgres for its superuser; None for a configured database."""

    @property
    def dsn(self) -> str:
        """The DSN of the database."""
        assert self.settings.database.dsn is not None
        return self.settings.database.dsn.get_secret_value()

    def connect(self) -> Connection:
        """Return a connection. Raises ServiceUnavailable after database.connect_timeout_seconds."""
        return connect(self.dsn, self.settings.database.connect_timeout_seconds)

    def pool(self, size: int) -> Pool:
        """Return a pool of at most `size` connections."""
        return open_pool(self.dsn, size, self.settings.database.connect_timeout_seconds)

    @contextlib.contextmanager
    def replica(self, size: int = 1) -> Iterator[Replica | None]:
        """Provide the replica of the settings with at most `size` connections; None if there is no
        replica.
        """
        database = self.settings.database
        if database.replica_dsn is None:
            yield None
            return
        with open_pool(
            database.replica_dsn.get_secret_value(), size, REPLICA_CONNECT_TIMEOUT_SECONDS
        ) as pool:
            yield Replica(pool, database.max_replica_lag_seconds)

    def blobs(self) -> Blobs:
        """Return the object store. Raises ServiceUnavailable after storage.connect_timeout_seconds."""
        return Blobs.connect(self.settings.storage)


@contextlib.contextmanager
def open_installation(
    settings: Settings, *, migrate: bool = True, store: bool = True, report: Reporter = ignore_report
) -> Iterator[Installation]:
    """Open the installation within the context.

    Args:
        settings: the settings; services that they do not configure are embedded.
        migrate: apply missing schema migrations.
        store: False if no object will be read or written; the embedded store then need not run.
        report: called with a line for each service that was started, restarted or stopped.

    Raises:
        ConfigurationError: the settings name a service on another machine that is reached without TLS.
        ServiceUnavailable: a service did not answer in time.
    """
    for exposure in (*database_exposures(settings), store_exposure(settings) if store else None):
        check_exposure(exposure)
    embedded = EmbeddedServices(settings, store=store)
    with embedded.running(report):
        superuser = embedded.postgres.dsn(superuser=True) if embedded.postgres else None
        installation = Installation(embedded.settings(), superuser)
        if migrate:
            # An embedded database that ends in between is started again; a configured one reports its error.
            retry_seconds = MIGRATION_RETRY_SECONDS if embedded.postgres else 0.0
            retry(lambda: _migrate(installation), for_seconds=retry_seconds)
        yield installation


def _migrate(installation: Installation) -> None:
    with installation.connect() as connection:
        apply_migrations(connection, installation.superuser)


class EmbeddedServices:
    """The embedded services of a home: those whose address is not configured."""

    def __init__(self, settings: Settings, *, store: bool = True) -> None:
        self._settings = settings
        self.postgres: Postgres | None = None
        self.seaweedfs: SeaweedFS | None = None
        wanted_database, wanted_store = (
            settings.database.dsn is None,
            settings.storage.endpoint is None and store,
        )
        if wanted_database or wanted_store:
            with locked(settings.home):
                keys = load_or_create_secrets(settings.home)
            self.postgres = Postgres(settings.home, keys) if wanted_database else None
            self.seaweedfs = SeaweedFS(settings.home, keys) if wanted_store else None

    @property
    def services(self) -> list[Service]:
        """The services; the store comes first because it starts while the database does."""
        return [service for service in (self.seaweedfs, self.postgres) if service is not None]

    @contextlib.contextmanager
    def running(self, report: Reporter) -> Iterator[None]:
        """Run the services within the context, shared with other commands."""
        with (
            shared(self.services, self._settings.home, report) if self.services else contextlib.nullcontext()
        ):
            yield

    def settings(self) -> Settings:
        """Return the settings with the addresses and keys of the embedded services filled in."""
        found = self._settings
        if self.postgres:
            database = found.database.model_copy(update={"dsn": SecretStr(self.postgres.dsn())})
            found = found.model_copy(update={"database": database})
        if self.seaweedfs:
            found = found.model_copy(
                update={"storage": found.storage.model_copy(update=self.seaweedfs.address())}
            )
        return found
