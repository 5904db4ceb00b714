"""A PostgreSQL cluster: its data directory, and the process that serves it."""

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
# The path of a socket has at most 107 bytes; its name takes some of them.
MAX_SOCKET_FOLDER = 80
SOCKET_FOLDER = "postgres-"
# Backends that outlive a killed server for a moment still hold its memory.
STILL_IN_USE = "still in use"


Command = list[str | Path]

# Kept, since a server may go on for another process when this one has no more use for it.
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
        """Make the data directory unless it is there, complete or not at all.

        A copy of a template takes a tenth of the time, and belongs to the template's owner.
        """
        if self._is_made():
            return
        self.account = template.account if template else self.account
        fresh = Path(tempfile.mkdtemp(prefix=f"{self.data.name}.", dir=self.data.parent))
        try:
            self._give(fresh)
            with self._source(template, fresh) as command:
                done = self._run(command)
            if done.returncode:
                raise wheel.PostgresError(f"The data cannot be made:\n{done.stderr.strip()}")
            fresh.rename(self.data)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    @staticmethod
    def _source(template: "Cluster | None", to: Path) -> AbstractContextManager[Command]:
        if template:
            return nullcontext(["cp", "-a", f"{template.data}/.", to])
        return wheel.initdb(to)

    def _is_made(self) -> bool:
        """Return whether there is data. Raises PostgresError if it cannot be used."""
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
        """Start the server unless it runs, and wait until it accepts connections."""
        until = time.monotonic() + START_TIMEOUT
        while not self._accepts():
            if time.monotonic() > until:
                raise wheel.PostgresError(f"PostgreSQL did not start in time: see {self.log}")
            if self._child and self._child.poll() is not None:
                self._explain()
            if not self._child and not self.process():
                self._child = self._launch(options)
                children.append(self._child)
            time.sleep(0.02)

    def _explain(self) -> None:
        said = self.log.read_text(errors="replace")
        self._child = None
        if STILL_IN_USE not in said:
            self._new_socket_folder.rmdir()
            raise wheel.PostgresError(f"PostgreSQL did not start:\n{said.strip()}")

    def _launch(self, options: tuple[str, ...]) -> subprocess.Popen[bytes]:
        program = wheel.programs() / "postgres"
        # A server that crashed has left its own.
        _remove_socket_folder(self._socket_folder())
        with self.log.open("wb") as log:
            return subprocess.Popen[bytes](
                [program, "-D", self.data, "-k", self._new_socket_folder, "-h", "", *options],
                **self._as_its_user(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C is for the service; this stops after it.
                start_new_session=True,
            )

    def process(self) -> psutil.Process | None:
        """Return the process that serves this data directory.

        After a crash the number in postmaster.pid may be another process's: the command line and
        the user decide.
        """
        try:
            found = psutil.Process(int(self._record()[0]))
            program, *arguments = found.cmdline()
            is_owner = found.uids().real == self.data.stat().st_uid
        except (OSError, ValueError, IndexError, psutil.Error):
            return None
        is_server = Path(program).name == "postgres" and str(self.data) in arguments
        return found if is_owner and is_server else None

    def stop(self, *, at_once: bool = False) -> None:
        """Stop the server; at once means that the data is not needed again."""
        folder, process = self._socket_folder(), self._started()
        for way in (signal.SIGQUIT,) if at_once else (signal.SIGINT, signal.SIGQUIT):
            if not process or _ends(process, way):
                break
        else:
            raise wheel.PostgresError(f"PostgreSQL did not stop: see {self.log}")
        if self._child:
            self._child.wait()
            self._child = None
        _remove_socket_folder(folder)

    def _started(self) -> psutil.Process | None:
        """Return the server's process, also one that was started a moment ago."""
        if self._child and self._child.poll() is None:
            return psutil.Process(self._child.pid)
        return self.process()

    def remove(self) -> None:
        """Remove the data, and all that is named after it."""
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
        """Return the lines of postmaster.pid: number, data, start, port, folder of the socket."""
        return (self.data / "postmaster.pid").read_text().splitlines()

    def _socket_folder(self) -> Path | None:
        """Return where the server's socket is; None if it has none yet."""
        try:
            line = self._record()[4].strip()
        except (OSError, IndexError):
            return None
        return Path(line) if line else None

    @cached_property
    def _new_socket_folder(self) -> Path:
        """Make a folder for the socket, which only the server's user may enter."""
        base = wheel.SHARED if self.account else Path(tempfile.gettempdir())
        if len(str(base)) > MAX_SOCKET_FOLDER or not re.fullmatch(r"[\w./-]+", str(base), re.ASCII):
            base = Path("/tmp")  # noqa: S108 - the folder inside is made safely.
        folder = Path(tempfile.mkdtemp(prefix=SOCKET_FOLDER, dir=base))
        self._give(folder)
        return folder

    def _give(self, folder: Path) -> None:
        if self.account:
            os.chown(folder, *self.account)

    def _run(self, command: Command) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, **self._as_its_user(), capture_output=True, text=True, check=False
        )

    def _as_its_user(self) -> dict[str, Any]:
        """Return how subprocess runs a program as the owner of the data, and of nothing else."""
        environment = {"LC_ALL": "C", "PATH": os.defpath}
        with suppress(OSError, IndexError):
            # PostgreSQL would not start beside a process that has the number of an earlier server,
            # except for its own grandparent. It still looks for backends that are left.
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


def _ends(process: psutil.Process, way: signal.Signals) -> bool:
    """Send a signal, and return whether the process ends in time."""
    until = time.monotonic() + STOP_TIMEOUT
    with suppress(psutil.NoSuchProcess):
        process.send_signal(way)
        # In a container without an init, the dead stay in the list of processes.
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > until:
                return False
            time.sleep(0.01)
    return True


async def _connect(url: str) -> None:
    connection = await asyncpg.connect(url, timeout=5)
    await connection.close()
