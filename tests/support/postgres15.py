"""PostgreSQL 15 of the operating system, the oldest supported version, and faults of a server."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.support import service, system_packages

BIN = Path("/usr/lib/postgresql/15/bin")
START_TIMEOUT = 30


class Server:
    """A server that a test can stop, start and kill."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.port = service.free_port()
        self.user = owner(folder)
        self.call(
            "initdb",
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C",
            f"--pgdata={self.data}",
        )
        self.set(
            listen_addresses="127.0.0.1",
            port=str(self.port),
            unix_socket_directories=str(folder),
            fsync="off",
        )

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres?sslmode=disable"

    def set(self, **options: str) -> None:
        """Change the configuration, for the next start."""
        with (self.data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in options.items())

    def add(self, name: str, source: Path) -> None:
        """Copy a file to the data directory, readable only by the server."""
        file = self.data / name
        shutil.copy(source, file)
        file.chmod(0o600)
        shutil.chown(file, self.user)

    def start(self, *, wait: bool = True) -> None:
        self.call("pg_ctl", "-W", "-l", self.folder / "log", "start")
        if wait:
            self.wait_until_started()

    def wait_until_started(self) -> None:
        """Wait until the server accepts connections: pg_ctl stops waiting during recovery."""
        until = time.monotonic() + START_TIMEOUT
        ready = ["pg_isready", "--quiet", f"--host={self.folder}", f"--port={self.port}"]
        while subprocess.run([BIN / ready[0], *ready[1:]], check=False).returncode:
            assert time.monotonic() < until, (self.folder / "log").read_text()
            time.sleep(0.02)

    def stop(self, mode: str = "fast") -> None:
        self.call("pg_ctl", "-w", "-m", mode, "stop")

    def kill(self) -> None:
        """Kill the postmaster as the kernel does when memory is exhausted, and wait for its children."""
        os.kill(int((self.data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        until = time.monotonic() + START_TIMEOUT
        while self.processes():
            assert time.monotonic() < until, "The others did not notice."
            time.sleep(0.05)
        # In a container without an init the dead stay among the processes, and seem to hold these.
        (self.data / "postmaster.pid").unlink()
        (self.folder / f".s.PGSQL.{self.port}.lock").unlink()

    def processes(self) -> list[psutil.Process]:
        """Return all processes of the server: their working directory is the data directory."""
        return [
            process
            for process in psutil.process_iter(["cwd"])
            if process.info["cwd"] == str(self.data)
        ]

    def call(self, program: str, *arguments: str | Path) -> None:
        subprocess.run(
            [BIN / program, *arguments],
            user=self.user if os.geteuid() == 0 else None,
            cwd="/",
            env={"PGDATA": str(self.data), "PATH": os.environ["PATH"]},
            stdout=subprocess.DEVNULL,
            check=True,
        )


@contextmanager
def server() -> Iterator[Server]:
    """Run a new server."""
    system_packages.require(BIN, "postgresql-15")
    folder = Path(tempfile.mkdtemp(prefix="pg15-", dir="/tmp"))
    try:
        made = Server(folder)
        made.start()
        yield made
        made.stop("immediate")
    finally:
        shutil.rmtree(folder)


@contextmanager
def running() -> Iterator[str]:
    """Run a new server. Yield its address."""
    with server() as made:
        yield made.url


def is_backend(process: psutil.Process) -> bool:
    """Return whether a process of a server is the backend of a network client."""
    return "127.0.0.1(" in " ".join(process.cmdline())


def owner(folder: Path) -> int:
    """Return the user ID for PostgreSQL, which is never root, and make it the owner of the folder."""
    user = pwd.getpwnam("postgres").pw_uid if os.geteuid() == 0 else os.geteuid()
    shutil.chown(folder, user)
    return user
