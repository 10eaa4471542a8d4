"""Passwords: their hashes, and which ones people may choose.

A password is stored as argon2id. The rules are those of NIST SP 800-63B, 5.1.1.2: a minimum length, no rules
about kinds of characters, and no password that is common, repetitive, a sequence, or made of the user's name,
the hospital's or the application's. The lists of common passwords and words, and the estimate of the number
of guesses, are those of zxcvbn (Wheeler, USENIX Security 2016)."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from pipeline.errors import InvalidInput, ServiceUnavailable

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MIN_PASSWORD_LENGTH = 12
MAX_PASSWORD_LENGTH = 256  # NIST asks for at least 64; a passphrase has fewer than 100
MIN_GUESSES_LOG10 = 10.0
"""Guesses that zxcvbn expects before a password is found: its highest score. With the delays of
pipeline.web.auth.attempts, a guesser tries fewer than 10^5 passwords of an account in a year."""
MAX_ESTIMATED_LENGTH = 72  # characters that zxcvbn looks at: its time grows with the square of the length
MIN_LENGTH_WITHOUT_NAMES = 8  # letters and digits: a name with a year or a word of seven letters is refused
MIN_NAME_LENGTH = 3  # shorter parts of names are found in too many words
PRODUCT_NAME = "chartloom"
MAX_PARALLEL_HASHES = 4  # each takes 64 MiB and four threads
MAX_WAITING_HASHES = 20  # more would hold too many of the server's 40 threads
TEMPORARY_PASSWORD_BYTES = 15

_hashing = BoundedSemaphore(MAX_PARALLEL_HASHES)
_waiting = BoundedSemaphore(MAX_PARALLEL_HASHES + MAX_WAITING_HASHES)


@cache
def hasher() -> PasswordHasher:
    """Return the argon2id hasher with the library's current parameters (RFC 9106, low memory)."""
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def dummy_hash() -> str:
    """Return a hash that no password matches, to verify against if there is no account, no password or no
    permission to try now: each of these takes as long as a wrong password.
    """
    return hasher().hash(secrets.token_urlsafe())


def hash_password(password: str) -> str:
    """Return the password's hash. Raises ServiceUnavailable."""
    with _hashing_slot():
        return hasher().hash(password)


def matches(password: str, hashed: str | None) -> bool:
    """Return whether the hash is that of the password. None matches no password and takes as long.

    Raises ServiceUnavailable."""
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        with _hashing_slot():
            return hasher().verify(hashed or dummy_hash(), password) and hashed is not None
    except (VerificationError, InvalidHashError):
        return False


@contextmanager
def _hashing_slot() -> Iterator[None]:
    """Wait until a hash may be computed. Raises ServiceUnavailable if too many wait already."""
    if not _waiting.acquire(blocking=False):
        raise ServiceUnavailable("Too many people are signing in.", "Try again in a few seconds.")
    try:
        with _hashing:
            yield
    finally:
        _waiting.release()


def needs_new_hash(hashed: str) -> bool:
    """Return whether the hash was made with older parameters."""
    return hasher().check_needs_rehash(hashed)


def generate_password() -> str:
    """Return a random temporary password of 120 bits."""
    return secrets.token_urlsafe(TEMPORARY_PASSWORD_BYTES)


def check_new_password(password: str, names: Iterable[str]) -> None:
    """Check a password that a person has chosen.

    Args:
        password: The new password.
        names: The user's name and full name and the hospital's name.

    Raises:
        InvalidInput: It is too short, too long, blank, contains one of the names, or is easy to guess.
    """
    from zxcvbn import zxcvbn

    if len(password) < MIN_PASSWORD_LENGTH:
        raise InvalidInput(
            f"A password must have at least {MIN_PASSWORD_LENGTH} characters.",
            "Choose a longer password.",
            "short_password",
        )
    if len(password) > MAX_PASSWORD_LENGTH:
        raise InvalidInput(
            f"A password can have at most {MAX_PASSWORD_LENGTH} characters.",
            "Choose a shorter password.",
            "long_password",
        )
    words = _name_words([*names, PRODUCT_NAME])
    squeezed = re.sub(r"[\W_]+", "", password.casefold())
    rest = squeezed
    for word in sorted(words, key=len, reverse=True):
        rest = rest.replace(word, "")
    if rest != squeezed and len(rest) < MIN_LENGTH_WITHOUT_NAMES:
        raise InvalidInput(
            "The password consists of your name or the hospital's name.",
            "Choose a password without names, such as four random words.",
            "password_with_name",
        )
    estimate = zxcvbn(password[:MAX_ESTIMATED_LENGTH], user_inputs=sorted(words))
    if float(estimate["guesses_log10"]) < MIN_GUESSES_LOG10:
        raise InvalidInput(
            "This password is common or easy to guess.",
            "Choose another one, such as four random words.",
            "common_password",
        )


def _name_words(names: Iterable[str]) -> set[str]:
    """Return the words of the names, and each name as one word, in lowercase letters and digits."""
    found = set()
    for name in names:
        words = [word for word in re.split(r"[\W_]+", name.casefold()) if word]
        found |= {word for word in [*words, "".join(words)] if len(word) >= MIN_NAME_LENGTH}
    return found
