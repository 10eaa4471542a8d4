"""One rule for every listener: an address that other machines can reach needs TLS, a listener for programs
must also know its peers (by certificate or by network), and an exception needs the setting `allow_insecure`
of its table, of which `doctor` and the log warn.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from pipeline.config.sections import AdtSettings, MetricsSettings, WebSettings
from pipeline.config.settings import Settings
from pipeline.errors import ConfigurationError
from pipeline.logs import get_logger

log = get_logger(__name__)

VERIFYING_SSL_MODES = ("verify-ca", "verify-full")
"""libpq's modes in which the client checks who the server is: with `require` it would send the password to
any server that answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """An address that other machines can reach, in a way that does not keep to the rule.

    `table` is that of its settings, `lacks` says what is missing, and `remedy` names the settings for it."""

    table: str
    address: str
    lacks: str
    remedy: str
    is_allowed: bool

    @property
    def sentence(self) -> str:
        """The problem as a sentence."""
        return f"[{self.table}] Other machines can reach {self.address}, but {self.lacks}."


def is_loopback(host: str) -> bool:
    """Return whether a host name or address stands for this machine only."""
    name = host.strip("[]")
    if name == "localhost" or name.startswith("/"):  # a Unix socket
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def web_exposure(web: WebSettings) -> Exposure | None:
    """Return what the web application's address lacks; None if it keeps to the rule."""
    if is_loopback(web.host) or web.tls_certificate is not None:
        return None
    return Exposure(
        table="web",
        address=web.host,
        lacks="web.tls_certificate is not set",
        remedy="Set web.tls_certificate and web.tls_key, also behind a proxy on another machine; or let the "
        "proxy run on this machine and set web.host to 127.0.0.1.",
        is_allowed=web.allow_insecure,
    )


def feed_exposure(table: str, feed: AdtSettings | MetricsSettings, host: str) -> Exposure | None:
    """Return what the address of a listener for programs lacks; None if it keeps to the rule.

    Args:
        table: the table of its settings.
        feed: those settings.
        host: the address on which it listens.
    """
    if is_loopback(host):
        return None
    lacks, remedies = [], []
    if feed.tls_certificate is None:
        lacks.append(f"{table}.tls_certificate is not set")
        remedies.append(f"Set {table}.tls_certificate and {table}.tls_key.")
    if feed.tls_client_ca is None and not feed.allowed_networks:
        lacks.append("anyone may connect")
        remedies.append(f"Set {table}.tls_client_ca or {table}.allowed_networks.")
    if not lacks:
        return None
    return Exposure(
        table=table,
        address=host,
        lacks=" and ".join(lacks),
        remedy=" ".join(remedies),
        is_allowed=feed.allow_insecure,
    )


def database_exposures(settings: Settings) -> Iterator[Exposure]:
    """Yield the addresses of the database and of its replica that are reached without verified TLS."""
    for name in ("dsn", "replica_dsn"):
        dsn: SecretStr | None = getattr(settings.database, name)
        if dsn is None:
            continue
        parts = conninfo_to_dict(dsn.get_secret_value())
        hosts = str(parts.get("hostaddr") or parts.get("host") or os.environ.get("PGHOST") or "/")
        mode = str(parts.get("sslmode") or os.environ.get("PGSSLMODE") or "prefer")
        remote = [host for host in hosts.split(",") if not is_loopback(host or "/")]
        if remote and mode not in VERIFYING_SSL_MODES:
            yield Exposure(
                table="database",
                address=remote[0],
                lacks=f"the sslmode in database.{name} is {mode}",
                remedy=f"Add sslmode=verify-full to database.{name}, and sslrootcert=FILE for your own "
                "authority.",
                is_allowed=settings.database.allow_insecure,
            )


def store_exposure(settings: Settings) -> Exposure | None:
    """Return what the connection to the object store lacks; None if it keeps to the rule."""
    storage = settings.storage
    if storage.endpoint is None or storage.secure or is_loopback(re.sub(r":\d+$", "", storage.endpoint)):
        return None
    return Exposure(
        table="storage",
        address=storage.endpoint,
        lacks="storage.secure is false",
        remedy="Give the store a certificate and set storage.secure, and storage.ca for your own authority.",
        is_allowed=storage.allow_insecure,
    )


def metrics_exposure(metrics: MetricsSettings) -> Exposure | None:
    """Return what the address of the Prometheus listeners lacks; None if it keeps to the rule or is off."""
    is_on = metrics.web_port or metrics.worker_port
    return feed_exposure("metrics", metrics, metrics.host) if is_on else None


def exposures(settings: Settings) -> list[Exposure]:
    """Return every address of the settings that does not keep to the rule, allowed or not."""
    found = [
        web_exposure(settings.web),
        feed_exposure("adt", settings.adt, settings.adt.host),
        metrics_exposure(settings.metrics),
        store_exposure(settings),
    ]
    return [*filter(None, found), *database_exposures(settings)]


def check_exposure(exposure: Exposure | None) -> None:
    """Refuse an address that does not keep to the rule; log one that is allowed all the same.

    Raises:
        ConfigurationError: if it is not allowed.
    """
    if exposure is None:
        return
    if not exposure.is_allowed:
        raise ConfigurationError(exposure.sentence, exposure.remedy)
    log.warning("insecure address", table=exposure.table, address=exposure.address, lacks=exposure.lacks)
