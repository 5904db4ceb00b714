"""Metrics of the connection pool, with the names of OpenTelemetry's semantic conventions."""

from collections.abc import Callable, Iterable
from typing import TypeAlias

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from handlers.postgres.database import Database, Statistics

POOL = {"db.client.connection.pool.name": "postgres"}
IDLE, USED = ({"db.client.connection.state": state} for state in ("idle", "used"))

Callback: TypeAlias = Callable[[CallbackOptions], Iterable[Observation]]


def register(meter: Meter, database: Database) -> None:
    """Register the instruments, whose values are read at every export."""

    def total(read: Callable[[Statistics], int]) -> list[Callback]:
        return [lambda _: [Observation(read(database.statistics()), POOL)]]

    def by_state(_: CallbackOptions) -> Iterable[Observation]:
        now = database.statistics()
        yield Observation(now.idle_connections, POOL | IDLE)
        yield Observation(now.usage.acquired, POOL | USED)

    meter.create_observable_up_down_counter(
        "db.client.connection.count",
        [by_state],
        "{connection}",
        "Connections of this process that are idle or in use.",
    )
    meter.create_observable_up_down_counter(
        "db.client.connection.max",
        total(lambda now: now.max_connections),
        "{connection}",
        "Connections that this process uses at most: DATABASE_CONNECTIONS.",
    )
    meter.create_observable_up_down_counter(
        "db.client.connection.pending_requests",
        total(lambda now: now.usage.waiting),
        "{request}",
        "Requests that wait for a connection.",
    )
    meter.create_observable_counter(
        "db.client.connection.timeouts",
        total(lambda now: now.usage.timed_out),
        "{timeout}",
        "Requests that waited for a connection for ACQUIRE_TIMEOUT and got 503.",
    )
    meter.create_observable_counter(
        "todo_backend.connection.rejections",
        total(lambda now: now.usage.rejected),
        "{request}",
        "Requests that got 503 at once because too many requests waited.",
    )
