"""What a deployment asks: start-up, memory, more workers, and a thousand connections at once."""

import os
import re
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

from tests.bench import accounting, ground, processes
from tests.bench.processes import OURS, Driver, Running
from tests.bench.progress import say
from tests.bench.workload import Crowd
from tests.support import service

WORKERS = (1, 2)
MANY = 1000
STARTS = 5
ROUNDS = 3
SLOWEST_IMPORTS = 8
REQUEST = b"GET /health HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n"


def measure(*, seconds: float) -> dict[str, Any]:
    """Measure start-up and imports, then each number of workers in turn."""
    crowd = Crowd()
    with ground.prepared() as database, ExitStack() as stack:
        database.fill(crowd)
        environment = processes.settings(database.url)
        say("Starting the service, several times")
        starts = [_start(environment) for _ in range(STARTS)]
        imports = _imports(environment)
        # Whoever is free may work: the number of workers is what is compared.
        accounting.pin(database.postmaster, set(os.sched_getaffinity(0)))
        driver = Driver(database.postmaster, cores=set(os.sched_getaffinity(0)))
        stack.callback(driver.stop)
        services = {}
        for workers in WORKERS:
            running = processes.running(OURS, environment, workers=workers)
            services[workers] = stack.enter_context(running)
            services[workers].wait()
        found = {workers: _Load(driver, running) for workers, running in services.items()}
        for _ in range(ROUNDS):
            for workers, load in found.items():
                say(f"{workers} worker(s)")
                load.lists(seconds)
        for workers, load in found.items():
            say(f"{MANY:,} connections at once, {workers} worker(s)")
            load.crowd(seconds)
        answers = {workers: load.found for workers, load in found.items()}
    return {"start": starts, "imports": imports, "workers": answers}


class _Load:
    def __init__(self, driver: Driver, running: Running) -> None:
        self._driver, self._running = driver, running
        self.found: dict[str, Any] = {"rounds": [], "memory before": self._memory()}

    def lists(self, seconds: float) -> None:
        """Ask for what leaves most of the work to the service, and least to the rest."""
        result = self._driver.drive(self._running, "list", seconds=seconds)
        self.found["rounds"].append(asdict(result))

    def crowd(self, seconds: float) -> None:
        result = self._driver.drive(
            self._running, "get", seconds=2 * seconds, warmup=1, connections=MANY
        )
        self.found["many"] = asdict(result)
        self.found["memory after"] = self._memory()

    def _memory(self) -> list[dict[str, float]]:
        """Look at each worker: the children that uvicorn makes, or the process itself."""
        root = self._running.pid
        workers = [pid for pid in accounting.tree(root) if accounting.is_worker(pid)]
        return [accounting.memory(pid) for pid in workers or [root]]


def _start(environment: dict[str, str]) -> float:
    """Tell the seconds from the command to the first answer."""
    began = time.perf_counter()
    with processes.running(OURS, environment) as running:
        running.wait()
        with socket.create_connection(("127.0.0.1", running.port)) as connection:
            connection.sendall(REQUEST)
            assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        return time.perf_counter() - began


def _imports(environment: dict[str, str]) -> dict[str, float]:
    """Tell the seconds that the slowest packages take, each with all that it imports first."""
    command = [sys.executable, "-X", "importtime", "-c", "import handlers.app"]
    told = subprocess.run(
        command, env=environment, cwd=service.ROOT, check=True, capture_output=True, text=True
    ).stderr
    lines = re.findall(r"\| +(\d+) \| ( *)(\S+)$", told, re.MULTILINE)
    packages = {name: int(time) / 1e6 for time, _, name in lines if "." not in name}
    packages["handlers.app"] = next(
        int(time) / 1e6 for time, _, name in lines if name == "handlers.app"
    )
    slowest = sorted(packages.items(), key=lambda item: -item[1])
    return dict(slowest[:SLOWEST_IMPORTS])


def text(found: dict[str, Any]) -> str:
    return "\n".join(_lines(found))


def _lines(found: dict[str, Any]) -> Iterator[str]:
    starts = found["start"]
    yield (
        f"From the command to the first answer: {statistics.median(starts):.2f} s "
        f"({min(starts):.2f}-{max(starts):.2f}); goal < 1.5 s"
    )
    yield "Of that, imports: " + ", ".join(
        f"{name} {seconds:.2f} s" for name, seconds in found["imports"].items()
    )
    rates = {}
    for workers, load in found["workers"].items():
        rates[workers] = statistics.median(each["per_second"] for each in load["rounds"])
        service, database = (
            statistics.median(each[side] * each["per_second"] / 1e6 for each in load["rounds"])
            for side in ("service", "database")
        )
        yield (
            f"{workers} worker(s): {rates[workers]:.0f} lists of 100/s; busy cores: "
            f"{service:.2f} of the service, {database:.2f} of PostgreSQL"
        )
        many = load["many"]
        yield (
            f"    {MANY:,} connections at once: {many['per_second']:.0f} get/s, no error, "
            f"p50 {many['p50']:.0f} ms, p99 {many['p99']:.0f} ms, longest {many['longest']:.0f} ms"
        )
        before, after = (
            " + ".join(f"{each['VmRSS']:.0f}" for each in load[f"memory {when}"])
            for when in ("before", "after")
        )
        yield f"    memory of each worker: {before} MiB at first, {after} MiB after it all"
    first, last = WORKERS[0], WORKERS[-1]
    yield (
        f"{last} workers against {first}: {rates[last] / rates[first]:.2f} times the requests, on "
        f"{os.cpu_count()} cores that PostgreSQL and the driver use, too."
    )
