"""The client: keeps a fixed number of connections busy with one request each, and counts.

A process of its own, which reads one command a line and answers with one result a line, both JSON.
It reads no more of an answer than shows that it is the right one, so as to leave the processor to
those who are measured.
"""

import asyncio
import itertools
import json
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import cast

import uvloop

from tests.bench import accounting, workload
from tests.bench.workload import Exchange

# For each second so many are made before the first is sent; if these are not enough, the others
# are made on the way.
PREPARED = 8000
TIMEOUT = 10
# Fewer requests than these show nothing, nor does less CPU than the books can tell: then the
# measured time is extended.
FEWEST = 10
EXTENSION = 0.1
LONGEST_EXTENSION = 50


@dataclass(kw_only=True)
class Command:
    """What to do: where, what, for how long (seconds), and whose CPU time to look at (pids)."""

    port: int
    operation: str
    seconds: float
    warmup: float = 0.3
    connections: int = 32
    people: int = workload.PEOPLE
    tasks: int = 100
    seed: int = 0
    service: int
    database: int


@dataclass(kw_only=True)
class Result:
    """Times of requests are in milliseconds, CPU in microseconds for one request."""

    requests: int
    per_second: float
    p50: float
    p99: float
    longest: float
    service: float
    database: float


class WrongAnswerError(Exception):
    """An answer is not what was asked for, so that nothing measured means anything."""


@dataclass
class Run:
    """What the connections share. When it is over they send no more."""

    exchanges: Iterator[Exchange]
    is_over: bool = False
    durations: list[float] = field(default_factory=list)
    failure: str = ""


class Connection(asyncio.Protocol):
    def __init__(self, run: Run) -> None:
        self._run = run
        self._loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[None] = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's by their methods, not by their class.
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def _send(self) -> None:
        self._received = b""
        self._length = 0
        if self._run.is_over or self._run.failure:
            self._transport.close()
            return
        self._exchange = next(self._run.exchanges)
        self._began = time.perf_counter()
        self._transport.write(self._exchange.request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._length:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._received[:end].lower()
            _, _, length = head.partition(b"\r\ncontent-length: ")
            self._length = end + 4 + int(length.partition(b"\r\n")[0])
        if len(self._received) >= self._length:
            self._run.durations.append(time.perf_counter() - self._began)
            self._check()
            self._send()

    def _check(self) -> None:
        wanted, found = self._exchange, self._received
        if found[9:12] != wanted.status or (
            wanted.marker and found.count(wanted.marker) != wanted.times
        ):
            self._run.failure = f"{wanted.request!r}\nwas answered with\n{found[:1000]!r}"

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._run.is_over and not self._run.failure:
            self._run.failure = f"A connection was lost: {exc}"
        self.closed.set_result(None)


async def drive(command: Command) -> Result:
    """Send requests, and look at the books at the beginning and the end of the measured time."""
    crowd = workload.Crowd(command.people, command.tasks)
    endless = workload.exchanges(command.operation, crowd, command.seed)
    expected = int(PREPARED * (command.warmup + command.seconds))
    run = Run(itertools.chain(list(itertools.islice(endless, expected)), endless))
    opened = await _open(command, run)
    await asyncio.sleep(command.warmup)
    before, began, run.durations = _books(command), time.perf_counter(), []
    await asyncio.sleep(command.seconds)
    for _ in range(LONGEST_EXTENSION):
        if len(run.durations) >= FEWEST and accounting.cpu(command.service) > before[0]:
            break
        await asyncio.sleep(EXTENSION)
    after, durations, took = _books(command), run.durations[:], time.perf_counter() - began
    run.is_over = True
    _, late = await asyncio.wait([each.closed for each in opened], timeout=TIMEOUT)
    if (late or len(durations) < FEWEST) and not run.failure:
        run.failure = f"{len(late)} requests were not answered within {TIMEOUT} s."
    if run.failure:
        raise WrongAnswerError(run.failure)
    return _result(durations, took, [b - a for a, b in zip(before, after, strict=True)])


async def _open(command: Command, run: Run) -> list[Connection]:
    """Open the connections; each sends its first request at once."""
    connect = asyncio.get_running_loop().create_connection
    connections = [
        connect(lambda: Connection(run), "127.0.0.1", command.port)
        for _ in range(command.connections)
    ]
    return [protocol for _, protocol in await asyncio.gather(*connections)]


def _result(durations: list[float], took: float, used: list[float]) -> Result:
    quantiles = statistics.quantiles(durations, n=100, method="inclusive")
    count = len(durations)
    return Result(
        requests=count,
        per_second=count / took,
        p50=1000 * quantiles[49],
        p99=1000 * quantiles[98],
        longest=1000 * max(durations),
        service=used[0] / count,
        database=used[1] / count,
    )


def _books(command: Command) -> tuple[float, float]:
    return accounting.cpu(command.service), accounting.cpu(command.database)


def main() -> None:
    for line in sys.stdin:
        try:
            answer = asdict(uvloop.run(drive(Command(**json.loads(line)))))
        except (WrongAnswerError, OSError) as error:
            answer = {"failure": str(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
