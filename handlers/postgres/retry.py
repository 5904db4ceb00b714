"""The retry policy for PostgreSQL: backoff with jitter, a circuit breaker, and fencing."""

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
    """Yield the pauses before retries, in seconds: exponential, up to MAX_BACKOFF, with jitter."""
    pause = limits.MIN_BACKOFF
    while True:
        # Many requests fail at the same moment, and must not retry at the same moment.
        yield pause * random.uniform(0.5, 1)  # noqa: S311 - jitter needs no secret randomness.
        pause = min(2 * pause, limits.MAX_BACKOFF)


class CircuitBreaker:
    """Opens when connecting has failed for HANDLER_TIMEOUT: requests then fail without a retry.

    Closes with the first new connection, and when PostgreSQL is starting up or recovering.
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

    A session may outlive its connection, and a late effect would overwrite newer changes.
    """

    def __init__(self, work: Work[T]) -> None:
        self._work = work
        self._backend: int | None = None

    async def __call__(self, connection: Connection) -> T:
        if self._backend:
            await connection.terminate(self._backend)
        self._backend = connection.backend
        return await self._work(connection)
