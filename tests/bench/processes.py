"""The processes of a benchmark: services, each on a core of its own, and the driver."""

import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.bench import accounting, fastify
from tests.bench.driver import Command, Result
from tests.support import service

START_TIMEOUT = 30
SECONDS_TO_STOP = 10
CONNECTIONS = 32
POOL = 10


class Failure(Exception):
    """The benchmark cannot go on; the message says why."""


@dataclass(frozen=True)
class Contender:
    """A service to measure: its name in the table, how it takes tokens, and how it is started.

    `{port}` in a part of the command is where it listens, `{workers}` how many processes it makes.
    """

    name: str
    tokens: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)


OPTIONS = ("--no-server-header", "--port={port}", "--workers={workers}")
UVICORN = (sys.executable, "-m", "uvicorn", *OPTIONS)
BOUNDED = ("--http=handlers.http.protocol:LimitedProtocol",)
QUIET = (*UVICORN, "--no-access-log", "--log-level=warning")

OURS = Contender("this service", "as it ships", (*UVICORN, *BOUNDED, "handlers.app:app"))
FLOOR = "floor"
LITESTAR = "Litestar"
TUTORIAL = "tutorial"
FASTIFY = "Fastify"
CONTENDERS = (
    OURS,
    Contender(FLOOR, "cached", (*QUIET, "tests.bench.floor:app")),
    Contender(FLOOR, "decoded", (*QUIET, "tests.bench.floor:app")),
    Contender(LITESTAR, "cached", (*QUIET, "tests.bench.litestar_service:app")),
    Contender(LITESTAR, "decoded", (*QUIET, "tests.bench.litestar_service:app")),
    Contender(TUTORIAL, "decoded", (*QUIET, "tests.bench.tutorial:app")),
    Contender(FASTIFY, "cached", fastify.COMMAND, fastify.environment()),
)


@dataclass(frozen=True)
class Running:
    """A service's process. `log` is the file that it writes to."""

    contender: Contender
    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait(self) -> None:
        """Wait until it takes connections. Raises Failure if it does not."""
        until = time.monotonic() + START_TIMEOUT
        while self.process.poll() is None and time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                time.sleep(0.005)
            else:
                return
        raise Failure(f"{self.contender.name} did not start:\n{_end_of(self.log)}")

    def keep_apart(self) -> None:
        """Give it the core of the service that is measured."""
        accounting.pin(self.pid, cores()[0])


def cores() -> tuple[set[int], set[int]]:
    """Divide the machine: a core for the service that is measured, the others for the rest."""
    first, *others = sorted(os.sched_getaffinity(0))
    return {first}, set(others) or {first}


def allow_many_connections() -> None:
    """Raise the limit of open files, for this process and those it starts."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def settings(url: str) -> dict[str, str]:
    """The environment of every service that is measured."""
    return service.clean_environment() | {
        "DATABASE_URL": url,
        "DATABASE_CONNECTIONS": str(POOL),
        "BETTER_AUTH_SECRET": service.SECRET,
        "FRONTEND_URL": service.ORIGIN,
        "PYTHONPATH": str(service.ROOT),
    }


def garbage(url: str) -> str:
    """Ask our service what it does to the garbage collector, so that the others do the same."""
    command = [sys.executable, "-m", "tests.bench.garbage"]
    asked = subprocess.run(
        command, env=settings(url), cwd=service.ROOT, check=True, capture_output=True, text=True
    )
    return asked.stdout.splitlines()[-1]


@contextmanager
def running(
    contender: Contender, environment: dict[str, str], *, workers: int = 1
) -> Iterator[Running]:
    """Start a service, and stop it in the end."""
    port = service.free_port()
    command = [part.format(port=port, workers=workers) for part in contender.command]
    environment = environment | {"BENCH_TOKENS": contender.tokens} | contender.environment
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=output, stderr=output
            )
        try:
            yield Running(contender, process, port, log)
        finally:
            process.terminate()
            process.wait(SECONDS_TO_STOP)


class Driver:
    """The driver's process. `database` is the pid of PostgreSQL's first process."""

    def __init__(self, database: int, *, cores: set[int]) -> None:
        self._database = database
        command = [sys.executable, "-m", "tests.bench.driver"]
        self._process = subprocess.Popen(
            command, cwd=service.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        accounting.pin(self._process.pid, cores)

    def drive(self, running: Running, operation: str, **options: float) -> Result:
        """Put load on a service. Raises Failure with what was answered wrongly."""
        command = Command(
            port=running.port,
            operation=operation,
            service=running.pid,
            database=self._database,
            **options,  # type: ignore[arg-type] # Their names and types are Command's.
        )
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(asdict(command)) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline() or '{"failure": "The driver ended."}')
        if "failure" in answer:
            found = (running.contender.name, operation, answer["failure"], _end_of(running.log))
            raise Failure("\n".join(found))
        return Result(**answer)

    def stop(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(SECONDS_TO_STOP)


def _end_of(log: Path) -> str:
    return log.read_text()[-2000:]
