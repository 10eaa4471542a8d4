"""The second factor: codes of an authenticator app (TOTP, RFC 6238) and recovery codes.

The codes have the parameters that all authenticator apps know: HMAC-SHA-1, 6 digits, 30 seconds. A code is
accepted one step early or late (RFC 6238, 5.2), and only once: the time step of the last accepted code is
stored in the statement that accepts it. A recovery code has 80 random bits, is stored as SHA-256, and is
accepted once."""

from __future__ import annotations

import base64
import re
import secrets
import time
from dataclasses import dataclass

from pipeline.errors import InvalidInput
from pipeline.store.database import Connection
from pipeline.store.sql import statements
from pipeline.web.auth.sessions import token_digest

SECRET_BYTES = 20  # RFC 4226, 4: as long as the hash
CODE_DIGITS = 6
STEP_SECONDS = 30
ACCEPTED_STEPS = (0, -1, 1)  # the current one first; clocks of telephones differ by some seconds
RECOVERY_CODES = 10
RECOVERY_CODE_BYTES = 10
RECOVERY_CODE_GROUP = 4  # characters between hyphens
ISSUER = "Chartloom"

SQL = statements("pipeline.web.auth")


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrollment:
    """A secret that the person's app does not have yet: as text to type, and as the address of a QR code."""

    key: str
    uri: str


def has_second_factor(connection: Connection, account: int) -> bool:
    """Return whether the account has a second factor that its person has confirmed."""
    return connection.execute(SQL["confirmed_factor"], {"account": account}).fetchone() is not None


def begin_enrollment(connection: Connection, account: int, name: str) -> Enrollment:
    """Return the secret that the person has to enter into an app; the same until it is confirmed.

    Raises:
        InvalidInput: The account has a second factor.
    """
    params = {"account": account, "secret": secrets.token_bytes(SECRET_BYTES)}
    row = connection.execute(SQL["begin_enrollment"], params).fetchone()
    if row is None:
        raise InvalidInput(
            "You have already set up a second factor.", "Remove it first.", "second_factor_exists"
        )
    secret = bytes(row["secret"])
    return Enrollment(key=base64.b32encode(secret).decode(), uri=_provisioning_uri(secret, name))


def confirm_enrollment(connection: Connection, account: int, code: str) -> list[str] | None:
    """Confirm the second factor with a code of the app, and return the new recovery codes.

    None if the code is wrong."""
    row = connection.execute(SQL["unconfirmed_factor"], {"account": account}).fetchone()
    counter = None if row is None else matching_counter(bytes(row["secret"]), code)
    if counter is None:
        return None
    connection.execute(SQL["confirm_factor"], {"account": account, "counter": counter})
    return renew_recovery_codes(connection, account)


def accept_code(connection: Connection, account: int, code: str) -> bool:
    """Return whether this is a code of the app or a recovery code; it is then used up."""
    row = connection.execute(SQL["confirmed_factor"], {"account": account}).fetchone()
    if row is None:
        return False
    counter = matching_counter(bytes(row["secret"]), code)
    if counter is not None:
        params = {"account": account, "counter": counter}
        return connection.execute(SQL["use_counter"], params).rowcount == 1
    digest = _recovery_digest(code)
    return connection.execute(SQL["use_recovery_code"], {"account": account, "code": digest}).rowcount == 1


def remove_second_factor(connection: Connection, account: int) -> bool:
    """Remove the second factor and the recovery codes. Return whether there was one."""
    connection.execute(SQL["delete_recovery_codes"], {"account": account})
    return connection.execute(SQL["delete_factor"], {"account": account}).rowcount == 1


def renew_recovery_codes(connection: Connection, account: int) -> list[str]:
    """Replace the recovery codes and return the new ones, which only the caller ever has."""
    codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
    connection.execute(SQL["delete_recovery_codes"], {"account": account})
    for code in codes:
        connection.execute(SQL["add_recovery_code"], {"account": account, "code": _recovery_digest(code)})
    return codes


def unused_recovery_codes(connection: Connection, account: int) -> int:
    """Return how many recovery codes are left."""
    row = connection.execute(SQL["count_recovery_codes"], {"account": account}).fetchone()
    assert row is not None
    return int(row["n"])


def matching_counter(secret: bytes, code: str, now: float | None = None) -> int | None:
    """Return the time step whose code this is, if it is accepted now (seconds since 1970)."""
    from cryptography.hazmat.primitives.hashes import SHA1
    from cryptography.hazmat.primitives.twofactor import InvalidToken
    from cryptography.hazmat.primitives.twofactor.hotp import HOTP

    digits = re.sub(r"\s", "", code)
    if not re.fullmatch(f"[0-9]{{{CODE_DIGITS}}}", digits):
        return None
    current = int(time.time() if now is None else now) // STEP_SECONDS
    generator = HOTP(secret, CODE_DIGITS, SHA1())  # noqa: S303 -- the hash of RFC 6238 that every app knows
    for step in ACCEPTED_STEPS:
        try:
            generator.verify(digits.encode(), current + step)
        except InvalidToken:
            continue
        return current + step
    return None


def _provisioning_uri(secret: bytes, name: str) -> str:
    from cryptography.hazmat.primitives.hashes import SHA1
    from cryptography.hazmat.primitives.twofactor.totp import TOTP

    return TOTP(secret, CODE_DIGITS, SHA1(), STEP_SECONDS).get_provisioning_uri(name, ISSUER)  # noqa: S303


def _recovery_code() -> str:
    text = base64.b32encode(secrets.token_bytes(RECOVERY_CODE_BYTES)).decode()
    groups = range(0, len(text), RECOVERY_CODE_GROUP)
    return "-".join(text[start : start + RECOVERY_CODE_GROUP] for start in groups)


def _recovery_digest(code: str) -> str:
    return token_digest(re.sub(r"[\s-]", "", code).upper())
