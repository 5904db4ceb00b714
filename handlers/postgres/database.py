"""Statements on PostgreSQL: a limiter, a pool, a retry policy, and errors for clients."""

import asyncio
from typing import Any, NamedTuple, TypeVar

import asyncpg

from handlers import deadline, errors, limits
from handlers.postgres.failures import (
    NOT_PROVISIONED,
    TRANSIENT,
    CannotConnect,
    FailureLog,
    explanation,
    had_no_effect,
)
from handlers.postgres.limiter import FairLimiter, Usage
from handlers.postgres.pool import Connection, Pool
from handlers.postgres.retry import CircuitBreaker, Fenced, Work, backoff
from handlers.postgres.statement import Retry, Statement

T = TypeVar("T")

# The probe's user id in the limiter: no real user id has a slash.
PROBE_USER = "/"

UNREACHABLE_MESSAGE = "The database cannot be reached. Try again soon."
UNKNOWN_OUTCOME_MESSAGE = (
    "The database did not answer. The change may have been made: check before you repeat it."
)
NOT_PROVISIONED_MESSAGE = (
    "The database is not prepared for this service. The service's log says why."
)


class Statistics(NamedTuple):
    max_connections: int
    idle_connections: int
    usage: Usage


class Database:
    """Runs statements. `connections` is the maximum of statements at the same time.

    Statements raise errors.Unavailable when the database cannot serve within HANDLER_TIMEOUT.
    """

    def __init__(self, pool: Pool, *, connections: int) -> None:
        self._pool = pool
        self._max_connections = connections
        self._limiter = FairLimiter(connections)
        self._breaker = CircuitBreaker()
        self._failure_log = FailureLog()

    async def fetch(
        self, statement: Statement, user_id: str, **values: Any
    ) -> list[asyncpg.Record]:
        """Run a statement of a user. `values` are the arguments except `user_id`."""
        arguments = {"user_id": user_id, **values}
        return await self._with_retries(
            lambda connection: statement.fetch(connection, arguments), user_id, statement.retry
        )

    async def fetch_row(
        self, statement: Statement, user_id: str, **values: Any
    ) -> asyncpg.Record | None:
        rows = await self.fetch(statement, user_id, **values)
        return rows[0] if rows else None

    async def transaction(self, work: Work[T], user_id: str, retry: Retry) -> T:
        """Run the work in a transaction at READ COMMITTED, whatever the default of the database."""

        async def transactional(connection: Connection) -> T:
            timeout = deadline.remaining(limits.HANDLER_TIMEOUT)
            async with asyncio.timeout(timeout), connection.transaction():
                return await work(connection)

        return await self._with_retries(transactional, user_id, retry)

    def statistics(self) -> Statistics:
        return Statistics(self._max_connections, self._pool.idle, self._limiter.usage())

    async def probe(self, statement: Statement) -> asyncpg.Record:
        """Return the first row, without a retry, within PROBE_TIMEOUT.

        For a database that is not prepared, errors.Unavailable names the command to run.
        """
        deadline.start(limits.PROBE_TIMEOUT)
        try:
            rows = await self._attempt(
                lambda connection: statement.fetch(connection, {}), PROBE_USER
            )
        except NOT_PROVISIONED as error:
            raise self._unavailable(error, f"{explanation(error)}.") from error
        except TRANSIENT as error:
            raise self._unavailable(error) from error
        return rows[0]

    async def _with_retries(self, work: Work[T], user_id: str, retry: Retry) -> T:
        is_write = retry is not Retry.READ
        # Fencing needs a direct connection: behind a pooler the earlier session is unknown.
        may_repeat = not is_write or (retry is Retry.IDEMPOTENT and self._pool.is_direct)
        if is_write and self._pool.is_direct:
            work = Fenced(work)
        pauses = backoff()
        while True:
            try:
                return await self._attempt(work, user_id)
            except NOT_PROVISIONED as error:
                # Only an operator can repair this.
                raise self._unavailable(error, NOT_PROVISIONED_MESSAGE) from error
            except TRANSIENT as error:
                # After a timeout the statement may still be running, and end later than a retry.
                is_repeatable = may_repeat and not isinstance(error, TimeoutError)
                may_retry = is_repeatable or had_no_effect(error)
                pause = next(pauses)
                is_late = deadline.remaining(pause) < pause
                if not may_retry or is_late or self._breaker.is_open:
                    raise self._unavailable(error) from error
            await asyncio.sleep(pause)

    async def _attempt(self, work: Work[T], user_id: str) -> T:
        if not self._limiter.acquire_nowait(user_id):
            await self._limiter.acquire(user_id)
        try:
            connection = await self._connection()
            try:
                result = await work(connection)
            except BaseException:
                await self._pool.discard(connection)
                raise
            self._pool.release(connection)
            self._failure_log.succeeded()
            return result
        finally:
            self._limiter.release(user_id)

    async def _connection(self) -> Connection:
        try:
            connection = await self._pool.acquire()
        except CannotConnect as error:
            self._breaker.record_failure(error)
            raise
        self._breaker.record_success()
        return connection

    def _unavailable(self, error: Exception, message: str | None = None) -> errors.Unavailable:
        self._failure_log.failed(error)
        default = UNREACHABLE_MESSAGE if had_no_effect(error) else UNKNOWN_OUTCOME_MESSAGE
        return errors.Unavailable(message or default)
