"""Retries after failures of PostgreSQL: backoff, a circuit breaker, fencing of lost attempts."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from time import monotonic
from typing import Generic, TypeAlias, TypeVar

from handlers import limits
from handlers.postgres.failures import CannotConnect, Starting
from handlers.postgres.pool import Connection

T = TypeVar("T")

Work: TypeAlias = Callable[[Connection], Awaitable[T]]


def backoff() -> Iterator[float]:
    """Yield the pause before each retry in seconds; each is about twice the one before."""
    pause = limits.MIN_BACKOFF
    while True:
        yield pause
        pause = min(2 * pause, limits.MAX_BACKOFF)


async def sleep(pause: float) -> None:
    """Sleep with jitter, so that many requests do not retry at the same moment."""
    await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - no secret.


class CircuitBreaker:
    """Opens when no connection could be made for HANDLER_TIMEOUT: requests then fail at once.

    It closes with the first connection, and when PostgreSQL says that it starts up or recovers.
    """

    def __init__(self) -> None:
        self._failing_since: float | None = None
        self._failed_at = 0.0

    @property
    def is_open(self) -> bool:
        since = self._failing_since
        return since is not None and monotonic() - since > limits.HANDLER_TIMEOUT

    def record_success(self) -> None:
        self._failing_since = None

    def record_failure(self, error: CannotConnect) -> None:
        if isinstance(error, Starting):
            self._failing_since = None
            return
        now = monotonic()
        if self._failing_since is None or now - self._failed_at > limits.HANDLER_TIMEOUT:
            self._failing_since = now
        self._failed_at = now


class Fenced(Generic[T]):
    """Terminates the session of the earlier attempt before the next attempt begins.

    A session may go on after its connection was lost, and its late effect would undo a newer one.
    """

    def __init__(self, work: Work[T]) -> None:
        self._work = work
        self._backend: int | None = None

    async def __call__(self, connection: Connection) -> T:
        if self._backend:
            await connection.terminate(self._backend)
        self._backend = connection.backend
        return await self._work(connection)
