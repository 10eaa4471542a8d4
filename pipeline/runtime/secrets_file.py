"""The passwords and keys of an embedded installation: created at the first start and stored in
HOME/keys.json, readable by its owner only.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline.errors import ConfigurationError
from pipeline.runtime.os_user import OsUser

CERTIFICATE_DAYS = 36500  # the certificate never leaves the machine; its expiry would only cause an outage


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """The secrets that the services share with their clients.

    `database`: the application's password; `superuser`: that of the role postgres. `s3_*`: the keys of the
    object store. `jwt_*` and `tls_*` (PEM): how the parts of the store authenticate to each other.
    """

    database: str
    superuser: str
    s3_access: str
    s3_secret: str
    jwt_volume: str
    jwt_volume_read: str
    jwt_filer: str
    jwt_filer_read: str
    tls_certificate: str
    tls_key: str


def load_or_create_secrets(home: Path) -> Secrets:
    """Return the home's secrets; create them if there are none. The caller holds the home's lock."""
    file = home / "keys.json"
    try:
        return Secrets(**json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        keys = _create_secrets()
        OsUser().write(file, json.dumps(asdict(keys), indent=1))
        return keys
    except (ValueError, TypeError):
        raise ConfigurationError(
            f"{file} is damaged.", "Restore it from a backup: the services cannot be opened without it."
        ) from None


def _create_secrets() -> Secrets:
    certificate, key = _create_certificate()
    secret = secrets.token_urlsafe
    return Secrets(
        database=secret(32), superuser=secret(32), s3_access=secret(16), s3_secret=secret(32),
        jwt_volume=secret(32), jwt_volume_read=secret(32), jwt_filer=secret(32), jwt_filer_read=secret(32),
        tls_certificate=certificate, tls_key=key,
    )  # fmt: skip


def _create_certificate() -> tuple[str, str]:
    """Return a self-signed certificate and its key, both PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "chartloom")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=CERTIFICATE_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), private.decode()
