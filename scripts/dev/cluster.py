"""A PostgreSQL cluster: the data directory and the server process."""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import psutil

from scripts.dev import wheel

START_TIMEOUT = 60
STOP_TIMEOUT = 20
# The path of a socket has at most 107 bytes, including the file name.
MAX_SOCKET_FOLDER = 80
SOCKET_FOLDER = "postgres-"
# PostgreSQL logs this when backends of a killed server still hold shared memory.
STILL_IN_USE = "still in use"


Command = list[str | Path]

# References prevent a ResourceWarning: a server may outlive the use by this process.
children: list[subprocess.Popen[bytes]] = []


class Cluster:
    def __init__(self, data: Path) -> None:
        self.data = data
        self.log = data.with_name(f"{data.name}.log")
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://postgres@/postgres?host={quote(str(self._socket_folder()))}"

    @cached_property
    def account(self) -> wheel.Account | None:
        return wheel.account(self.data)

    def make(self, template: "Cluster | None" = None) -> None:
        """Create the data directory atomically, unless the directory exists.

        A copy of a template takes a tenth of the time, and keeps the owner of the template.
        """
        if self._is_made():
            return
        self.account = template.account if template else self.account
        fresh = Path(tempfile.mkdtemp(prefix=f"{self.data.name}.", dir=self.data.parent))
        try:
            self._change_owner(fresh)
            with self._source(template, fresh) as command:
                done = self._run(command)
            if done.returncode:
                raise wheel.PostgresError(f"initdb failed:\n{done.stderr.strip()}")
            fresh.rename(self.data)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    @staticmethod
    def _source(template: "Cluster | None", to: Path) -> AbstractContextManager[Command]:
        if template:
            return nullcontext(["cp", "-a", f"{template.data}/.", to])
        return wheel.initdb(to)

    def _is_made(self) -> bool:
        """Return whether data exists. Raises PostgresError if the data cannot be used."""
        if self.data.exists() and not os.access(self.data, os.R_OK | os.X_OK):
            raise wheel.PostgresError(f"{self.data} belongs to another user, who must run this")
        if not self.data.exists() or not any(self.data.iterdir()):
            return False
        if not (self.data / "global" / "pg_control").exists():
            raise wheel.PostgresError(f"{self.data} holds no complete database: remove that folder")
        major = (self.data / "PG_VERSION").read_text().strip()
        if major != str(wheel.MAJOR):
            raise wheel.PostgresError(
                f"{self.data} was made by PostgreSQL {major}, this is {wheel.MAJOR}: "
                "remove that folder, or use the earlier release"
            )
        return True

    def start(self, *options: str) -> None:
        """Start the server, unless running, and wait until the server accepts connections."""
        until = time.monotonic() + START_TIMEOUT
        while not self._accepts():
            if time.monotonic() > until:
                raise wheel.PostgresError(f"PostgreSQL did not start in time: see {self.log}")
            if self._child and self._child.poll() is not None:
                self._raise_start_error()
            if not self._child and not self.process():
                self._child = self._launch(options)
                children.append(self._child)
            time.sleep(0.02)

    def _raise_start_error(self) -> None:
        said = self.log.read_text(errors="replace")
        self._child = None
        if STILL_IN_USE not in said:
            self._new_socket_folder.rmdir()
            raise wheel.PostgresError(f"PostgreSQL did not start:\n{said.strip()}")

    def _launch(self, options: tuple[str, ...]) -> subprocess.Popen[bytes]:
        program = wheel.programs() / "postgres"
        # A crashed server does not remove the folder of the socket.
        _remove_socket_folder(self._socket_folder())
        with self.log.open("wb") as log:
            return subprocess.Popen[bytes](
                [program, "-D", self.data, "-k", self._new_socket_folder, "-h", "", *options],
                **self._as_its_user(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C must stop the service first, and then PostgreSQL.
                start_new_session=True,
            )

    def process(self) -> psutil.Process | None:
        """Return the server process of this data directory.

        After a crash, the system may reuse the process id in postmaster.pid: the command line
        and the user must match, too.
        """
        try:
            found = psutil.Process(int(self._record()[0]))
            program, *arguments = found.cmdline()
            is_owner = found.uids().real == self.data.stat().st_uid
        except (OSError, ValueError, IndexError, psutil.Error):
            return None
        is_server = Path(program).name == "postgres" and str(self.data) in arguments
        return found if is_owner and is_server else None

    def stop(self, *, immediate: bool = False) -> None:
        """Stop the server; an immediate shutdown loses data that is not on disk."""
        folder, process = self._socket_folder(), self._started()
        for way in (signal.SIGQUIT,) if immediate else (signal.SIGINT, signal.SIGQUIT):
            if not process or _stops(process, way):
                break
        else:
            raise wheel.PostgresError(f"PostgreSQL did not stop: see {self.log}")
        if self._child:
            self._child.wait()
            self._child = None
        _remove_socket_folder(folder)

    def _started(self) -> psutil.Process | None:
        """Return the server process, even before postmaster.pid exists."""
        if self._child and self._child.poll() is None:
            return psutil.Process(self._child.pid)
        return self.process()

    def remove(self) -> None:
        """Remove the data, the log and the lock."""
        for path in (self.data, *self.data.parent.glob(f"{self.data.name}.*")):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def _accepts(self) -> bool:
        if not self.process() or not self._socket_folder():
            return False
        try:
            asyncio.run(_connect(self.url))
        except (OSError, TimeoutError, asyncpg.PostgresError):
            return False
        return True

    def _record(self) -> list[str]:
        """Return the lines of postmaster.pid: process id, data, start, port, socket folder."""
        return (self.data / "postmaster.pid").read_text().splitlines()

    def _socket_folder(self) -> Path | None:
        """Return the folder of the server's socket, or None before the socket exists."""
        try:
            line = self._record()[4].strip()
        except (OSError, IndexError):
            return None
        return Path(line) if line else None

    @cached_property
    def _new_socket_folder(self) -> Path:
        """Create a folder for the socket, accessible to the server's user alone."""
        base = wheel.SHARED if self.account else Path(tempfile.gettempdir())
        if len(str(base)) > MAX_SOCKET_FOLDER or not re.fullmatch(r"[\w./-]+", str(base), re.ASCII):
            base = Path("/tmp")  # noqa: S108 - the folder inside is made safely.
        folder = Path(tempfile.mkdtemp(prefix=SOCKET_FOLDER, dir=base))
        self._change_owner(folder)
        return folder

    def _change_owner(self, folder: Path) -> None:
        if self.account:
            os.chown(folder, *self.account)

    def _run(self, command: Command) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, **self._as_its_user(), capture_output=True, text=True, check=False
        )

    def _as_its_user(self) -> dict[str, Any]:
        """Return the options of subprocess that run a program as the owner of the data."""
        environment = {"LC_ALL": "C", "PATH": os.defpath}
        with suppress(OSError, IndexError):
            # PostgreSQL refuses to start if the process id in postmaster.pid is in use, except by
            # the grandparent. The check for backends of the earlier server stays active.
            environment["PG_GRANDPARENT_PID"] = self._record()[0]
        options: dict[str, Any] = {"cwd": "/", "env": environment}
        if self.account:
            options |= {**self.account._asdict(), "extra_groups": []}
        return options


def _remove_socket_folder(folder: Path | None) -> None:
    if folder and folder.name.startswith(SOCKET_FOLDER):
        with suppress(OSError):
            for socket in folder.glob(".s.PGSQL.*"):
                socket.unlink()
            folder.rmdir()


def _stops(process: psutil.Process, way: signal.Signals) -> bool:
    """Send a signal, and return whether the process stops within the timeout."""
    until = time.monotonic() + STOP_TIMEOUT
    with suppress(psutil.NoSuchProcess):
        process.send_signal(way)
        # In a container without an init process, zombies stay in the list of processes.
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > until:
                return False
            time.sleep(0.01)
    return True


async def _connect(url: str) -> None:
    connection = await asyncpg.connect(url, timeout=5)
    await connection.close()
