"""Choose the operating system user that a service runs as, and how it reaches its files.

Postgres refuses to run as root. Started by root, the services therefore run as the system user `chartloom`,
which is created if it does not exist, in folders of their own. They never run as `nobody`: whatever else runs
as `nobody` could read their files. If a parent folder is closed to everyone but root, the first of these
methods that works is used: without extra rights; with the one capability to pass through closed folders; in
a user namespace of its own, in which root's files belong to an ordinary user.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import ConfigurationError
from pipeline.logs import get_logger

log = get_logger(__name__)

USER_NAME = "chartloom"
SHARED_USER_NAME = "nobody"
"""Folders of this user are given to USER_NAME: earlier versions ran services as this user."""
CREATE_USER = (
    "useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent",
    "--shell", "/usr/sbin/nologin", USER_NAME,
)  # fmt: skip
CREATE_USER_ATTEMPTS = 5
"""Another process may have locked the list of users for a moment."""
CREATE_USER_RETRY_SECONDS = 0.5
NO_NEW_RIGHTS = ("--clear-groups", "--no-new-privs")
PROBE_TIMEOUT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class OsUser:
    """`prefix` starts a program as this user. `uid` and `gid` own its folders; None: the current user owns
    them.
    """

    prefix: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None

    def give_ownership(self, path: Path) -> None:
        """Make the user the owner of a file or folder."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def make_folder(self, folder: Path) -> Path:
        """Create a folder that only the user can access, and return it."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.give_ownership(folder)
        return folder

    def write(self, file: Path, text: str) -> None:
        """Write a file that only the user can read; it is never visible half-written."""
        draft = file.with_name(file.name + ".new")
        draft.unlink(missing_ok=True)
        with os.fdopen(
            os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
        ) as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        self.give_ownership(draft)
        draft.replace(file)


def choose_os_user(folder: Path, program: Path) -> OsUser:
    """Return the user for a service with its files in `folder` and its `program`; make it the folder's owner.

    Raises:
        ConfigurationError: no ordinary user that root could use can reach both.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.geteuid() != 0:
        return OsUser()
    with contextlib.suppress(KeyError):
        if pwd.getpwuid(folder.stat().st_uid).pw_name == SHARED_USER_NAME:
            _give_tree(folder, service_user())
    for account in _ways(folder):
        with contextlib.suppress(OSError):  # if the owner cannot be changed, this user cannot be used
            account.give_ownership(folder)
            if _reaches(account.prefix, folder, program):
                return account
    raise ConfigurationError(
        f"No ordinary user can reach {folder} and {program}, and Postgres refuses to run as root.",
        "Create the user (useradd --system chartloom), use a --home whose parent folders other users may "
        "enter (chmod o+x), run chartloom as an ordinary user, or set database.dsn and storage.endpoint.",
    )


def _ways(folder: Path) -> Sequence[OsUser]:
    """Return the users to try, the one with the fewest rights first."""
    ways = [OsUser(("unshare", "--user", "--map-user=1000", "--map-group=1000"), 0, 0)]
    user = _user(folder)
    if user is None:
        return ways
    drop = ("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", *NO_NEW_RIGHTS)
    capable = [
        (*drop, f"--inh-caps=-all,+{right}", f"--ambient-caps=-all,+{right}", f"--bounding-set=-all,+{right}")
        for right in ("dac_read_search", "dac_override")
    ]
    plain = (*drop, "--inh-caps=-all", "--bounding-set=-all")
    return [*(OsUser(prefix, user.pw_uid, user.pw_gid) for prefix in (plain, *capable)), *ways]


def _user(folder: Path) -> pwd.struct_passwd | None:
    """Return the folder's owner unless it is root, else the services' own user; None if there is none."""
    owner = folder.stat().st_uid
    return service_user() if owner == 0 else pwd.getpwuid(owner)


def service_user() -> pwd.struct_passwd | None:
    """Return the user of the services, which is created if it does not exist; None if it cannot be."""
    for _ in range(CREATE_USER_ATTEMPTS):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(USER_NAME)
        try:
            if subprocess.run(CREATE_USER, capture_output=True, check=False).returncode == 0:
                log.warning("system user created", user=USER_NAME)
                continue
        except OSError:  # there is no such program
            return None
        time.sleep(CREATE_USER_RETRY_SECONDS)
    return None


def _give_tree(folder: Path, user: pwd.struct_passwd | None) -> None:
    """Make a user, else root, the owner of a folder and everything in it. Links are not followed."""
    uid, gid = (user.pw_uid, user.pw_gid) if user else (0, 0)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, uid, gid, follow_symlinks=False)


def _reaches(prefix: Sequence[str], folder: Path, program: Path) -> bool:
    """Return whether the program can be run with this prefix and write to the folder."""
    question = 'test -x "$1" && test -w "$2" && test -x "$2"'
    try:
        asked = subprocess.run(
            [*prefix, "sh", "-c", question, "sh", str(program), str(folder)],
            capture_output=True,
            timeout=PROBE_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0
