"""Choose the operating system user that a service runs as, and how it reaches its files.

Postgres refuses to run as root. Started by root, the services therefore run as an ordinary user (`chartloom`
if it exists, else `nobody`), in folders of their own. If a parent folder is closed to everyone but root, the
first of these methods that works is used: without extra rights; with the one capability to pass through
closed folders; in a user namespace of its own, in which root's files belong to an ordinary user.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import ConfigurationError

USER_NAMES = ("chartloom", "nobody")
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
    for account in _ways(folder):
        with contextlib.suppress(OSError):  # if the owner cannot be changed, this user cannot be used
            account.give_ownership(folder)
            if _reaches(account.prefix, folder, program):
                return account
    raise ConfigurationError(
        f"No ordinary user can reach {folder} and {program}, and Postgres refuses to run as root.",
        "Use a --home whose parent folders other users may enter (chmod o+x), run chartloom as an ordinary "
        "user, or set database.dsn and storage.endpoint.",
    )


def _ways(folder: Path) -> Sequence[OsUser]:
    """Return the users to try, the one with the fewest rights first."""
    user = _user(folder)
    drop = ("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", *NO_NEW_RIGHTS)
    capable = [
        (*drop, f"--inh-caps=-all,+{right}", f"--ambient-caps=-all,+{right}", f"--bounding-set=-all,+{right}")
        for right in ("dac_read_search", "dac_override")
    ]
    plain = (*drop, "--inh-caps=-all", "--bounding-set=-all")
    namespace = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
    return [
        *(OsUser(prefix, user.pw_uid, user.pw_gid) for prefix in (plain, *capable)),
        OsUser(namespace, 0, 0),
    ]


def _user(folder: Path) -> pwd.struct_passwd:
    """Return the folder's owner unless it is root, else the first of USER_NAMES that exists."""
    owner = folder.stat().st_uid
    if owner != 0:
        return pwd.getpwuid(owner)
    for name in USER_NAMES:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ConfigurationError(
        "There is no user called chartloom or nobody.", "Add one: useradd --system chartloom"
    )


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
