"""A real PgBouncer in transaction mode, as behind the pooled addresses of Neon."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import postgres15, service, system_packages

PROGRAM = Path("/usr/sbin/pgbouncer")
START_TIMEOUT = 10

CONFIGURATION = """
[databases]
postgres = host=127.0.0.1 port={target} user=postgres

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 1000
"""


@contextmanager
def running(target: int, size: int) -> Iterator[str]:
    """Run PgBouncer with a number of connections to a server. Yield its address."""
    system_packages.require(PROGRAM, "pgbouncer")
    port = service.free_port()
    folder = Path(tempfile.mkdtemp(prefix="pgbouncer-", dir="/tmp"))
    file = folder / "pgbouncer.ini"
    configuration = CONFIGURATION.format(target=target, port=port, size=size)
    file.write_text(configuration)
    user = postgres15.owner(folder) if os.geteuid() == 0 else None
    process = subprocess.Popen(
        [PROGRAM, file], user=user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_until_open(port)
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres?sslmode=disable"
    finally:
        process.terminate()
        process.wait(timeout=10)
        shutil.rmtree(folder)


def wait_until_open(port: int) -> None:
    until = time.monotonic() + START_TIMEOUT
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            assert time.monotonic() < until, "PgBouncer did not start."
            time.sleep(0.05)
        else:
            return
