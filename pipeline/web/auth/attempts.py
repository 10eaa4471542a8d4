"""One counter for every check of a password or a code: sign-in, change of the password, re-authentication,
second factor.

An attempt is counted before the password is verified, in one statement, so that attempts in parallel cannot
pass the counter. After FREE attempts each further one must wait twice as long as the one before, at most
MAX_DELAY_SECONDS; an attempt that does not wait is refused and does not prolong the wait. A right password
takes the count back, and failures fade with time. There is no lock: a person who uses a browser in which they
have signed in before is counted for that browser alone (OWASP, "Slow down online guessing attacks with device
cookies"), so that no one else can delay them. All other attempts are counted for the user name, whether such
an account exists or not, and for the network they come from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_network

from pipeline.config.values import parse_address
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.web.auth")

FADED = 0.5  # what of a count has faded between attempts in a row, at most; the count is a fraction
IPV6_NETWORK_BITS = 64  # one subscriber has at least this network, with as many addresses as they like


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How many failures are free, the first and the longest wait, and when a failure is forgotten."""

    free: int
    first_delay_seconds: int
    max_delay_seconds: int
    forget_seconds: int


PERSON = Limit(free=5, first_delay_seconds=1, max_delay_seconds=900, forget_seconds=3600)
"""A person mistypes two or three times; a guesser gets fewer than 100 attempts a day, the limit of NIST SP
800-63B for an account."""
NETWORK = Limit(free=30, first_delay_seconds=1, max_delay_seconds=60, forget_seconds=30)
"""A ward shares one address behind its router: 30 failures at once, and then 30 in 15 minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Where an attempt comes from: the network address, and the token that the browser keeps, if any."""

    address: str
    device: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A counted attempt. `allowed`: the password or code may be verified."""

    person: str
    network: str | None
    allowed: bool


def count_attempt(
    connection: Connection, purpose: str, name: str, client: Client, *, is_known: bool
) -> Attempt:
    """Count an attempt as failed, until `take_back` says otherwise. Not in a transaction that may roll back.

    Args:
        connection: The database.
        purpose: What is checked, "password" or "code".
        name: The user name, which need not exist.
        client: Where the attempt comes from.
        is_known: This person has signed in with this browser before.
    """
    if is_known:
        person = _key("device", client.device or "", purpose, name)
        return Attempt(person=person, network=None, allowed=_count(connection, person, PERSON))
    person = _key("name", purpose, name)
    network = _key("network", network_of(client.address))
    allowed = _count(connection, network, NETWORK) and _count(connection, person, PERSON)
    return Attempt(person=person, network=network, allowed=allowed)


def count_network(connection: Connection, purpose: str, address: str) -> bool:
    """Count a failure of a network, and return whether it is still below its limit."""
    return _count(connection, _key("network", purpose, network_of(address)), NETWORK)


def take_back(connection: Connection, attempt: Attempt) -> None:
    """Forget the failures of the person, and this attempt of the network: the password or code was right."""
    if attempt.network is not None:  # in the order in which they were counted
        connection.execute(SQL["take_back_attempt"], {"key": attempt.network})
    connection.execute(SQL["forget_person"], {"key": attempt.person})


def forget_failures(connection: Connection, name: str) -> None:
    """Forget the failures that are counted for a user name: the person has a new password or no code."""
    for purpose in ("password", "code"):
        connection.execute(SQL["forget_person"], {"key": _key("name", purpose, name)})


def network_of(address: str) -> str:
    """Return the network that is counted as one: an IPv4 address, or the /64 of an IPv6 address."""
    found = parse_address(address)
    if found is None:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    return str(ip_network((found, IPV6_NETWORK_BITS), strict=False))


def _count(connection: Connection, key: str, limit: Limit) -> bool:
    params = {
        "key": key,
        "free": limit.free - FADED,
        "first_delay": limit.first_delay_seconds,
        "max_delay": limit.max_delay_seconds,
        "forget": limit.forget_seconds,
    }
    return connection.execute(SQL["count_attempt"], params).fetchone() is not None


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
