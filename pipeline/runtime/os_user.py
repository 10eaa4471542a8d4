"""Which account a service runs under, and how it reaches its files.

Postgres refuses to run as root. Started by root, the services therefore run as an ordinary user (`chartloom`
where there is one, else `nobody`), in folders of their own. Where a folder above them lets nobody but root
through, the first of these ways that works is taken: plainly; with the one capability to pass through closed
folders; in a user namespace of their own, where root's files are an ordinary user's."""

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
    """`prefix` starts a program under the account; `uid` and `gid` own its folders, None: who we are owns
    them.
    """

    prefix: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None

    def give_ownership(self, path: Path) -> None:
        """Give the account a file or folder."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def make_folder(self, folder: Path) -> Path:
        """A folder that is the account's alone."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.give_ownership(folder)
        return folder

    def write(self, file: Path, text: str) -> None:
        """A file that the account alone may read; it is never there half written."""
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
    """The account for a service that keeps its files in `folder` and runs `program`; the folder is given to
    it.

    Raises ConfigurationError where root finds no ordinary account that reaches both.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.geteuid() != 0:
        return OsUser()
    for account in _ways(folder):
        with contextlib.suppress(OSError):  # where we may not give it away, the account cannot be used
            account.give_ownership(folder)
            if _reaches(account.prefix, folder, program):
                return account
    raise ConfigurationError(
        f"No ordinary user can reach {folder} and {program}, and Postgres refuses to run as root.",
        "Choose a --home that other users may pass through (chmod o+x its parent folders), run chartloom as an ordinary "
        "user, or set database.dsn and storage.endpoint.",
    )


def _ways(folder: Path) -> Sequence[OsUser]:
    """The accounts to try, the one with the fewest rights first."""
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
    """Whom the folder belongs to already, else the first of NAMES that exists."""
    owner = folder.stat().st_uid
    if owner != 0:
        return pwd.getpwuid(owner)
    for name in USER_NAMES:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ConfigurationError("There is no user called chartloom or nobody.", "Add one: useradd --system chartloom")


def _reaches(prefix: Sequence[str], folder: Path, program: Path) -> bool:
    """Can a program started so be run, and write into the folder?"""
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
