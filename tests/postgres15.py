"""The operating system's own PostgreSQL 15, for what must work there too."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

BIN = Path("/usr/lib/postgresql/15/bin")
INSTALL = "apt-get install postgresql-15"


@contextmanager
def running() -> Iterator[str]:
    """Run a new server on a socket of its own; gives its address."""
    require()
    folder = Path(tempfile.mkdtemp(prefix="pg15-", dir="/tmp"))
    user = owner(folder)
    data = folder / "data"
    try:
        call(user, "initdb", "--auth=trust", "--username=postgres", f"--pgdata={data}")
        options = f"-h '' -k {folder} -c fsync=off"
        call(user, "pg_ctl", "-w", f"--pgdata={data}", f"--options={options}", "start")
        yield f"postgresql://postgres@/postgres?host={folder}"
        call(user, "pg_ctl", "-w", "-m", "immediate", f"--pgdata={data}", "stop")
    finally:
        shutil.rmtree(folder)


def require() -> None:
    """Skip where it is not installed; in CI nothing may be missing."""
    if not BIN.exists():
        message = f"PostgreSQL 15 is not installed: {INSTALL}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)


def owner(folder: Path) -> str:
    """PostgreSQL does not run as root."""
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    shutil.chown(folder, user)
    return user


def call(user: str, program: str, *arguments: str) -> None:
    subprocess.run(
        [BIN / program, *arguments],
        user=user if os.geteuid() == 0 else None,
        cwd="/",
        stdout=subprocess.DEVNULL,
        check=True,
    )
