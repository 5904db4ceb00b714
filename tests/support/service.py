"""The real process of the service, on a free port, with a real PostgreSQL."""

import os
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil

ROOT = Path(__file__).resolve().parents[2]
SECRET = "a-secret-that-only-these-tests-know-0123456789"  # noqa: S105 - it opens nothing.
ORIGIN = "http://frontend.test:3000"
# Enough for a machine on which all cores are busy.
START_TIMEOUT = 60
# Shared, because creating a context takes longer than a dozen requests.
TLS = ssl.create_default_context()
APP = ("handlers.app:app",)
# The options that handlers.server sets, for applications of the tests.
OPTIONS = ("--http=handlers.http.protocol:LimitedProtocol", "--no-server-header")


class Service:
    """A running service. `log` is its log file."""

    def __init__(self, process: subprocess.Popen[bytes], address: str, log: Path) -> None:
        self.process = process
        self.address = address
        self.log = log

    def stop(self) -> int:
        """Stop the service as a deployment does. Return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)

    def whole_log(self) -> str:
        """Stop the service and return its log. A thread writes the last lines during shutdown."""
        self.stop()
        return self.log.read_text()


def command(port: int, app: tuple[str, ...] = APP) -> list[str]:
    """Return the command of the README for production, or that of uvicorn for another application."""
    server = ("handlers.server",) if app == APP else ("uvicorn", *app, *OPTIONS)
    return [sys.executable, "-m", *server, f"--port={port}"]


@contextmanager
def running(
    app: tuple[str, ...] = APP,
    /,
    *,
    dotenv: str = "",
    max_files: str = "",
    **settings: str,
) -> Iterator[Service]:
    """Run the service as in production, with only these settings.

    `dotenv` is the content of the file .env, `max_files` the soft and the hard limit
    of open files, such as 64:1024.
    """
    limit = ["prlimit", f"--nofile={max_files}"] if max_files else []
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / ".env").write_text(dotenv)
        log = Path(folder) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*limit, *command(port, app)],
                cwd=folder,
                env=environment(**settings),
                stdout=output,
                stderr=output,
            )
        service = Service(process, f"http://127.0.0.1:{port}", log)
        try:
            wait_until_healthy(service)
            yield service
        finally:
            if process.poll() is None:
                service.stop()


def is_worker(process: psutil.Process) -> bool:
    """Return whether a child process of the service is a worker."""
    try:
        return any("spawn_main" in part for part in process.cmdline())
    except psutil.Error:  # The process has ended meanwhile.
        return False


def clean_environment() -> dict[str, str]:
    """Return the environment variables that a process needs, without settings of this machine."""
    kept = ("PATH", "HOME", "LANG", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")
    return {name: os.environ[name] for name in kept if name in os.environ}


def environment(**settings: str) -> dict[str, str]:
    """Return the environment variables of the service in a folder without a .env file."""
    return clean_environment() | {"PYTHONPATH": str(ROOT)} | settings


def free_port() -> int:
    """Return a port outside the range of outgoing connections, which take any port there."""
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def wait_until_healthy(service: Service) -> None:
    until = time.monotonic() + START_TIMEOUT
    while time.monotonic() < until and service.process.poll() is None:
        try:
            if httpx.get(f"{service.address}/health", verify=TLS).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError(f"The service did not start:\n{service.log.read_text()}")
