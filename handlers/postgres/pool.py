"""Connections to PostgreSQL: made when they are wanted, kept for a while, and closed when idle."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import Any

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

from handlers import deadline, limits
from handlers.postgres import timestamps
from handlers.postgres.dsn import connection_arguments
from handlers.postgres.failures import TRANSIENT, CannotConnect, Starting

# What a connection asks for when it begins, unless a pooler is in between, which refuses them or
# gives them to others. The first two end what a worker that was killed has left behind.
SESSION = {
    "statement_timeout": f"{limits.SESSION_TIMEOUT}s",
    "idle_in_transaction_session_timeout": f"{limits.SESSION_TIMEOUT}s",
    # A turn is decided by the row as it is when its lock is had: see statements.
    "default_transaction_isolation": "read committed",
}


# Waits half a second until it is gone; of one that is not there any more this says so, too.
END = """
SELECT pg_terminate_backend($1, 500)
OR NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)
"""


class Connection:
    """A connection to PostgreSQL, and the statements that are prepared on it.

    asyncpg, left to itself, asks a pooler before each statement what it will answer; here it asks
    once, so that a statement is one round trip with a pooler and without.
    """

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection
        self._prepared: dict[str, PreparedStatement[asyncpg.Record]] = {}
        self.backend = connection.get_server_pid()
        self.acquired_at = monotonic()
        self.is_closed = connection.is_closed
        self.close = connection.close

    async def fetch(self, sql: str, arguments: Iterable[Any]) -> list[asyncpg.Record]:
        """Run a statement. Raises TimeoutError."""
        prepared = self._prepared.get(sql)
        if prepared is None:
            timeout = deadline.remaining(limits.STATEMENT_TIMEOUT)
            prepared = self._prepared[sql] = await self._connection.prepare(sql, timeout=timeout)
        return await prepared.fetch(
            *arguments, timeout=deadline.remaining(limits.STATEMENT_TIMEOUT)
        )

    async def terminate(self, backend: int) -> None:
        """End another of the service's connections, at its other end. Raises TimeoutError."""
        if not await self._connection.fetchval(
            END, backend, timeout=deadline.remaining(limits.TERMINATE_TIMEOUT)
        ):
            raise TimeoutError("The backend of a connection that was lost does not go.")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Begin a transaction and commit it; after a failure, closing takes everything back."""
        await self._connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
        yield
        await self._connection.execute("COMMIT")


class Pool:
    """Keeps connections ready for whoever comes next, who takes the one that was used last.

    Nothing is counted here: no more are wanted at once than the queue lets in. asyncpg's own pool
    resets a connection and starts a task to take it back, which costs more than a small statement;
    here, one that anything happened to is closed instead. One that is idle for long (seconds) is
    closed too: who is in between may forget it in silence.
    """

    def __init__(self, url: str, *, is_pooled: bool | None, max_idle: float) -> None:
        self._arguments = connection_arguments(url, is_pooled=is_pooled)
        # A pooler does not say which backend is whose, nor pass on what a session asks for.
        self.is_direct = "statement_cache_size" not in self._arguments
        if self.is_direct:
            self._arguments["server_settings"] = SESSION
        self._max_idle = max_idle
        self._patience = min(self._arguments.pop("timeout"), limits.CONNECT_TIMEOUT)
        # The last used stands last; each with the moment since when it is idle.
        self._ready: deque[tuple[float, Connection]] = deque()

    def open(self) -> None:
        """Start to close what is idle; connections are made when they are wanted."""
        self._closing_idle = asyncio.create_task(self._close_idle())

    async def close(self) -> None:
        self._closing_idle.cancel()
        await self._end_idle(since=monotonic())

    async def acquire(self) -> Connection:
        """Take a connection that is ready, or make one.

        Raises CannotConnect, or one of NOT_PROVISIONED where the role may not connect.
        """
        while self._ready:
            _, connection = self._ready.pop()
            if not connection.is_closed():
                connection.acquired_at = monotonic()
                return connection
        try:
            connection = await asyncpg.connect(
                **self._arguments,
                timeout=deadline.remaining(self._patience),
                command_timeout=limits.STATEMENT_TIMEOUT,
            )
            await timestamps.register_text_codec(connection)
        except asyncpg.CannotConnectNowError as error:
            raise Starting(str(error)) from error
        except TRANSIENT as error:
            raise CannotConnect(str(error)) from error
        return Connection(connection)

    @property
    def idle(self) -> int:
        """The number of connections that are ready."""
        return len(self._ready)

    def release(self, connection: Connection) -> None:
        """Take back a connection with which all went well."""
        self._ready.append((monotonic(), connection))

    async def discard(self, connection: Connection) -> None:
        """End a connection that something happened to; a statement still running is cancelled.

        What happened to it may have happened to all that nobody has used since it was taken.
        """
        await asyncio.gather(_end(connection), self._end_idle(since=connection.acquired_at))

    async def _end_idle(self, *, since: float) -> None:
        """End the connections that are ready, and have been since this moment."""
        idle = []
        while self._ready and self._ready[0][0] <= since:
            idle.append(self._ready.popleft()[1])
        await asyncio.gather(*map(_end, idle))

    async def _close_idle(self) -> None:
        while True:
            await asyncio.sleep(self._max_idle / 4)
            await self._end_idle(since=monotonic() - self._max_idle)


async def _end(connection: Connection) -> None:
    with suppress(*TRANSIENT):
        await connection.close(timeout=limits.CLOSE_TIMEOUT)
