"""Who runs PostgreSQL: ourselves; for root, whom it refuses, an account without rights."""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tailrace.errors import Unsupported

UNPRIVILEGED = "nobody"


@dataclass(frozen=True, slots=True)
class Account:
    """The account that a server runs as."""

    name: str
    uid: int
    gid: int

    @property
    def is_other(self) -> bool:
        """Whether this is not the account we run as, so that files have to be handed over."""
        return self.uid != os.geteuid()

    def process_options(self) -> dict[str, Any]:
        """Return what ``subprocess`` needs to start a process as this account."""
        if not self.is_other:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def give(self, path: Path) -> None:
        """Make a file or directory belong to this account."""
        if self.is_other:
            os.chown(path, self.uid, self.gid)


def server_account(data: Path) -> Account:
    """Choose the account: our own; for root the owner of existing data, or ``nobody``."""
    if os.geteuid() != 0:
        return _of(os.geteuid())
    if data.is_dir() and data.stat().st_uid != 0:
        return _of(data.stat().st_uid)
    try:
        entry = pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        raise Unsupported(
            f'PostgreSQL refuses to run as root and there is no account "{UNPRIVILEGED}"',
            hint="run tailrace as an ordinary user",
        ) from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _of(uid: int) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:  # containers often run under a number that has no name
        return Account(str(uid), uid, os.getegid())
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def first_barrier(path: Path, account: Account) -> Path | None:
    """Return the first part of a path that the account cannot enter or read, if there is one."""
    path = path.resolve()
    for part in (*reversed(path.parents), path):
        if part.exists() and not _may_enter(part.stat(), account):
            return part
    return None


def _may_enter(found: os.stat_result, account: Account) -> bool:
    if account.uid == 0:
        return True
    if found.st_uid == account.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == account.gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)
