"""An embedded PostgreSQL for development and tests."""

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

# The lock of temporary data, named after a process id.
TEMPORARY = re.compile(r"[a-z]+-[0-9]+\.lock")
# Another process may stop the server between a check and the lock.
MAX_ATTEMPTS = 20
# Temporary data need not survive a power failure.
NOT_DURABLE = ("-c", "fsync=off", "-c", "full_page_writes=off")


@contextmanager
def postgres(data: Path, *, temporary: bool = False) -> Iterator[str]:
    """Run PostgreSQL on this data directory, and yield its URL. Raises Error.

    Processes that use the same directory share a server. The last process stops the server, and
    removes temporary data.
    """
    cluster = Cluster(data)
    with _open_lock(data) as lock:
        try:
            _join(lock, cluster, temporary=temporary)
            yield cluster.url
        finally:
            _leave(lock, cluster, temporary=temporary)


def home(root: Path = ROOT) -> Path:
    """Return the folder of the databases of a checkout."""
    if os.geteuid() != 0:
        return root / ".postgres"
    return wheel.SHARED / hashlib.sha256(str(root).encode()).hexdigest()[:12]


def _open_lock(data: Path) -> TextIO:
    try:
        _make_home(data.parent)
        return data.with_name(f"{data.name}.lock").open("w")
    except OSError as error:
        raise Error(f"The folder of the databases cannot be used: {error}") from None


def _make_home(folder: Path) -> None:
    if os.geteuid() == 0:
        wheel.make_readable(wheel.SHARED)
        wheel.make_readable(folder)
    folder.mkdir(exist_ok=True)
    for lock in folder.glob("*.lock"):
        # The process may remove the lock at the same time.
        with suppress(FileNotFoundError):
            if TEMPORARY.fullmatch(lock.name):
                _remove_if_left(lock)


def _remove_if_left(file: Path) -> None:
    """Remove the temporary data of a process that was killed."""
    with file.open() as lock:
        if _is_alone(lock):
            cluster = Cluster(file.with_suffix(""))
            cluster.stop(immediate=True)
            cluster.remove()


def _join(lock: TextIO, cluster: Cluster, *, temporary: bool) -> None:
    """Share the lock with other processes; the first process starts the server."""
    for _ in range(MAX_ATTEMPTS):
        if _is_alone(lock):
            _start(cluster, temporary=temporary)
        fcntl.flock(lock, fcntl.LOCK_SH)
        # The last process may have stopped the server in between.
        if cluster.process():
            return
        fcntl.flock(lock, fcntl.LOCK_UN)
        time.sleep(0.1)
    raise Error(f"PostgreSQL has crashed, and another process still uses {cluster.data}: stop it.")


def _start(cluster: Cluster, *, temporary: bool) -> None:
    try:
        cluster.make(_template(cluster.data.parent) if temporary else None)
        cluster.start(*(NOT_DURABLE if temporary else ()))
    except OSError as error:
        raise Error(f"PostgreSQL cannot be started: {error}") from error


def _template(folder: Path) -> Cluster:
    """Return the cluster that temporary clusters are copied from; create the cluster once."""
    # The checkouts of root, such as copies in tests, share a template.
    folder = wheel.SHARED if os.geteuid() == 0 else folder
    with (folder / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        template = Cluster(folder / f"template-{wheel.version()}")
        template.make()
        return template


def _leave(lock: TextIO, cluster: Cluster, *, temporary: bool) -> None:
    if _is_alone(lock):
        cluster.stop(immediate=temporary)
        if temporary:
            cluster.remove()


def _is_alone(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
