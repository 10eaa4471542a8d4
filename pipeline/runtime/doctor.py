"""Check what an installation needs: each check returns what it found, or raises an error that a person can
fix.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg

from pipeline.config import Settings
from pipeline.errors import ChartloomError, ConfigurationError, MissingDependency, ServiceUnavailable
from pipeline.resources import MODELS, model_path
from pipeline.runtime import daemon
from pipeline.runtime.installation import Installation, open_installation
from pipeline.runtime.network_checks import Advice, open_addresses, proxy_address
from pipeline.runtime.service_refcount import is_up
from pipeline.store.schema_migrations import migrations

CONNECT_TIMEOUT_SECONDS = 5.0  # a person waits; the timeouts of the settings are for programs
MIN_FREE_BYTES = 2_000_000_000  # below this the first large chart may fill the disk
MIN_POSTGRES_VERSION = 150000  # 15.0: what the statements are written for
EXTENSIONS = ("fuzzystrmatch", "pg_trgm", "unaccent")
PROBE = b"Written by `chartloom doctor` to check that the object store keeps it.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of one check. If it failed, `remedy` is what to do and `exit_code` is the command's.

    `warning`: nothing failed, but the installation is not as safe as it could be."""

    check: str
    ok: bool
    detail: str
    remedy: str = ""
    exit_code: int = 0
    warning: bool = False


def run_checks(settings: Settings) -> Iterator[Finding]:
    """Run every check and yield its finding."""
    yield _check("tesseract", lambda: _tesseract(settings))
    yield _check("pdftoppm", _pdftoppm)
    yield _check("models", _models)
    yield _check("disk", lambda: _disk(settings))
    yield _check("intake folder", lambda: _intake(settings))
    yield _check("web port", lambda: _port(settings))
    yield from _addresses(settings)
    embedded = settings.database.dsn is None
    timeouts = {"connect_timeout_seconds": CONNECT_TIMEOUT_SECONDS}
    settings = settings.model_copy(
        update={
            "database": settings.database.model_copy(update=timeouts),
            "storage": settings.storage.model_copy(update=timeouts),
        }
    )
    with contextlib.ExitStack() as stack:
        try:
            opened = stack.enter_context(open_installation(settings, migrate=False))
        except ChartloomError as error:
            yield _failed("services", error)
            return
        yield _check("database", lambda: _database(opened))
        yield _check("migrations", lambda: _migrations(opened, embedded=embedded))
        yield from _client_addresses(opened)
        if settings.database.replica_dsn is not None:
            yield _check("replica", lambda: _replica(opened))
        yield _check("object store", lambda: _store(opened))


def _check(check: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(check=check, ok=True, detail=look())
    except ChartloomError as error:
        return _failed(check, error)


def _failed(check: str, error: ChartloomError) -> Finding:
    return Finding(
        check=check, ok=False, detail=str(error.args[0]), remedy=error.remedy, exit_code=error.exit_code
    )


def _tesseract(settings: Settings) -> str:
    from pipeline.ocr.engines import tesseract

    languages = settings.ocr.languages
    found = tesseract.get_interface(languages, settings.ocr.tesseract)
    described = f"tesseract {found.version()} as a {found.name}"
    if found.name == "library" and settings.ocr.tesseract == "auto":
        program = tesseract.find_program(languages)
        version = "not installed" if program is None else program.version()
        described += f" (as a program, for pages on which a worker died: {version})"
    return f"{described}, {languages} in {tesseract.tessdata_folder(languages)}"


def _pdftoppm() -> str:
    if shutil.which("pdftoppm") is None:
        raise MissingDependency("pdftoppm", "apt-get install -y poppler-utils")
    ran = subprocess.run(["pdftoppm", "-v"], capture_output=True, text=True, check=False)
    return (ran.stdout + ran.stderr).strip().splitlines()[0]


def _models() -> str:
    found = sorted(
        file.name for file in MODELS.iterdir() if file.suffix != ".md" and not file.name.startswith(".")
    )
    if not found:
        raise ConfigurationError(
            f"There are no models in {MODELS}.", "Install Chartloom again: the models are part of it."
        )
    trained = [name for name in found if model_path(name) != MODELS / name]
    return ", ".join(found) + (f"; trained here: {', '.join(trained)}" if trained else "")


def _disk(settings: Settings) -> str:
    settings.home.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.home).free
    if free < MIN_FREE_BYTES:
        raise ConfigurationError(
            f"Only {free / 1e9:.1f} GB are free in {settings.home}.", "Free disk space, or move the home."
        )
    return f"{free / 1e9:.0f} GB free in {settings.home}"


def _intake(settings: Settings) -> str:
    folder = settings.intake_folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".doctor.tmp"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ConfigurationError(
            f"{folder} cannot be written: {error.strerror}.", "Correct its owner, or intake.folder."
        ) from None
    return str(folder)


def _port(settings: Settings) -> str:
    port = settings.web.port
    if is_up(settings.home):
        return f"`chartloom up` runs on {settings.home}"
    if daemon.is_listening(port):
        raise ConfigurationError(f"Another program listens on port {port}.", "Use --port N, or set web.port.")
    return f"{port} is free"


def _addresses(settings: Settings) -> Iterator[Finding]:
    found = [_finding(advice) for advice in open_addresses(settings)]
    good = "every address that other machines can reach has TLS and knows its peers"
    yield from found or [Finding(check="addresses", ok=True, detail=good)]


def _client_addresses(opened: Installation) -> Iterator[Finding]:
    with (
        contextlib.suppress(psycopg.errors.UndefinedTable, ServiceUnavailable),
        opened.connect() as connection,
    ):
        advice = proxy_address(connection, opened.settings)
        if advice is not None:
            yield _finding(advice)


def _finding(advice: Advice) -> Finding:
    return Finding(
        check=advice.check,
        ok=advice.is_allowed,
        detail=advice.detail,
        remedy=advice.remedy,
        exit_code=0 if advice.is_allowed else ConfigurationError.exit_code,
        warning=advice.is_allowed,
    )


def _database(opened: Installation) -> str:
    with opened.connect() as connection:
        version = connection.info.server_version
        if version < MIN_POSTGRES_VERSION:
            raise ConfigurationError(
                f"Postgres {version // 10000} is too old.", "Chartloom needs 15 or newer."
            )
        rows = connection.execute("select name from pg_available_extensions").fetchall()
        address = f"{connection.info.host}:{connection.info.port}"
    missing = set(EXTENSIONS) - {row["name"] for row in rows}
    if missing:
        names = ", ".join(sorted(missing))
        raise ConfigurationError(
            f"Postgres lacks the extensions {names}.", "Install them: apt-get install -y postgresql-contrib"
        )
    return f"Postgres {version // 10000}.{version % 10000} at {address}"


def _migrations(opened: Installation, *, embedded: bool) -> str:
    known = [name for name, _ in migrations()]
    with opened.connect() as connection:
        table = connection.execute("select to_regclass('schema_migration') is not null as there").fetchone()
        there = table is not None and table["there"]
        applied = (
            [row["name"] for row in connection.execute("select name from schema_migration")] if there else []
        )
    if embedded and not applied:
        return f"none of {len(known)} applied yet: the first command that needs the tables applies them"
    if foreign := sorted(set(applied) - set(known)):
        raise ConfigurationError(
            f"The database belongs to a newer version of Chartloom: it has {foreign[-1]}.",
            "Upgrade Chartloom on this machine.",
        )
    if missing := [name for name in known if name not in applied]:
        raise ConfigurationError(
            f"{len(missing)} of {len(known)} migrations are not applied.", "Run: chartloom migrate-db"
        )
    return f"all {len(known)} applied"


def _replica(opened: Installation) -> str:
    with opened.connect() as connection, opened.replica() as replica:
        assert replica is not None
        try:
            behind = replica.lag(connection)
        except psycopg.OperationalError:
            raise ServiceUnavailable(
                "The replica is unavailable; the database is used.", "Start it, or correct its DSN."
            ) from None
    if behind is None:
        raise ConfigurationError(
            "database.replica_dsn is not a streaming standby.", "See docs/how-to/several-machines.md."
        )
    if behind > replica.max_lag_seconds:
        raise ServiceUnavailable(
            f"The replica is {behind:.0f} s behind; the database is used.",
            "Check its load and its connection.",
        )
    return f"{behind:.1f} s behind"


def _store(opened: Installation) -> str:
    blobs = opened.blobs()
    if blobs.get(blobs.put(PROBE)) != PROBE:
        raise ServiceUnavailable("The object store returned other bytes than were stored.", "Check its logs.")
    storage = opened.settings.storage
    return f"bucket {storage.bucket} at {storage.endpoint} keeps what is stored"
