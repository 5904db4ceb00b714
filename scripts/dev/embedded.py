"""A real PostgreSQL of this project's own, for development and tests."""

import fcntl
import hashlib
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from scripts.dev import wheel
from scripts.dev.cluster import Cluster
from scripts.dev.environment import ROOT

Error = wheel.PostgresError

# Data of one run, named after its process.
TEMPORARY = re.compile(r"[a-z]+-[0-9]+\.lock")
# How often a server that other processes use is looked for.
ATTEMPTS = 20
# It need not survive a machine that loses its power.
FORGETFUL = ("-c", "fsync=off", "-c", "full_page_writes=off")


@contextmanager
def postgres(data: Path, *, forget: bool = False) -> Iterator[str]:
    """Run PostgreSQL on this data directory, and yield its URL. Raises Error.

    Processes that use the same directory share a server. The last one stops it, and with `forget`
    removes the data.
    """
    cluster = Cluster(data)
    with _open_lock(data) as lock:
        try:
            _join(lock, cluster, forget=forget)
            yield cluster.url
        finally:
            _leave(lock, cluster, forget=forget)


def home(root: Path = ROOT) -> Path:
    """Return the folder of this checkout's databases."""
    if os.geteuid() != 0:
        return root / ".postgres"
    return wheel.SHARED / hashlib.sha256(str(root).encode()).hexdigest()[:12]


def _open_lock(data: Path) -> TextIO:
    try:
        _make_home(data.parent)
        return data.with_name(f"{data.name}.lock").open("w")
    except OSError as error:
        raise Error(f"The databases' folder cannot be used: {error}") from None


def _make_home(folder: Path) -> None:
    if os.geteuid() == 0:
        wheel.make_readable(wheel.SHARED)
        wheel.make_readable(folder)
    folder.mkdir(exist_ok=True)
    for lock in folder.glob("*.lock"):
        # Its own process may remove it meanwhile.
        with suppress(FileNotFoundError):
            if TEMPORARY.fullmatch(lock.name):
                _remove_if_left(lock)


def _remove_if_left(file: Path) -> None:
    """Remove the temporary data of a process that was killed."""
    with file.open() as lock:
        if _is_alone(lock):
            cluster = Cluster(file.with_suffix(""))
            cluster.stop(at_once=True)
            cluster.remove()


def _join(lock: TextIO, cluster: Cluster, *, forget: bool) -> None:
    """Hold the lock with the other users of a running server; the first one starts it alone."""
    for _ in range(ATTEMPTS):
        if _is_alone(lock):
            _start(cluster, forget=forget)
        fcntl.flock(lock, fcntl.LOCK_SH)
        # Its last user may have stopped it meanwhile.
        if cluster.process():
            return
        fcntl.flock(lock, fcntl.LOCK_UN)
        time.sleep(0.1)
    raise Error(f"PostgreSQL has crashed, and another process still uses {cluster.data}: end that.")


def _start(cluster: Cluster, *, forget: bool) -> None:
    try:
        cluster.make(_template(cluster.data.parent) if forget else None)
        cluster.start(*(FORGETFUL if forget else ()))
    except OSError as error:
        raise Error(f"PostgreSQL cannot be started: {error}") from error


def _template(folder: Path) -> Cluster:
    """Return the cluster that temporary ones are copies of, which is made once."""
    # One is enough for root, whose many checkouts, such as those of tests, all have data there.
    folder = wheel.SHARED if os.geteuid() == 0 else folder
    with (folder / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        template = Cluster(folder / f"template-{wheel.version()}")
        template.make()
        return template


def _leave(lock: TextIO, cluster: Cluster, *, forget: bool) -> None:
    if _is_alone(lock):
        cluster.stop(at_once=forget)
        if forget:
            cluster.remove()


def _is_alone(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
