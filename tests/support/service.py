"""The service as tests meet it: the real process, on a free port, in front of a real PostgreSQL."""

import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

ROOT = Path(__file__).resolve().parents[2]
SECRET = "a-secret-that-only-these-tests-know-0123456789"  # noqa: S105 - it opens nothing.
ORIGIN = "http://frontend.test:3000"
# As long as it may take when all cores are busy with something else.
START_TIMEOUT = 60
# A client makes one of its own otherwise, which takes longer than a dozen requests.
TLS = ssl.create_default_context()
APP = ("handlers.app:app",)
# What handlers.server sets by itself, for an application that only tests have.
OPTIONS = ("--http=handlers.http.protocol:LimitedProtocol", "--no-server-header")


class Service:
    """A running service. `log` is the file that it writes to."""

    def __init__(self, process: subprocess.Popen[bytes], address: str, log: Path) -> None:
        self.process = process
        self.address = address
        self.log = log

    def stop(self) -> int:
        """Ask it to end, as a deployment does, and tell its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)

    def whole_log(self) -> str:
        """Stop the service and return what it has logged: a thread writes the last lines late."""
        self.stop()
        return self.log.read_text()


def command(port: int, app: tuple[str, ...] = APP) -> list[str]:
    """Return the README's command for production, or uvicorn's own for another application."""
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
    """Run the service as in production, with these settings and no others.

    `dotenv` is what the file .env has in its folder, `max_files` how many files it may open.
    """
    limit = ["prlimit", f"--nofile={max_files}:{max_files}"] if max_files else []
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
    """Tell whether this child of a service with several workers is one of them."""
    try:
        return any("spawn_main" in part for part in process.cmdline())
    except psutil.Error:  # It has ended meanwhile.
        return False


def clean_environment() -> dict[str, str]:
    """Give what a process needs to run, without a setting that this machine may have."""
    kept = ("PATH", "HOME", "LANG", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")
    return {name: os.environ[name] for name in kept if name in os.environ}


def environment(**settings: str) -> dict[str, str]:
    """Return what the service needs to run in a folder without a developer's .env."""
    return clean_environment() | {"PYTHONPATH": str(ROOT)} | settings


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
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
