"""A pool of connections to PostgreSQL."""

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

# Settings of a session. They are not sent through a pooler, which rejects them, or keeps them for
# the sessions of other clients.
SESSION = {
    "statement_timeout": f"{limits.SESSION_TIMEOUT}s",
    "idle_in_transaction_session_timeout": f"{limits.SESSION_TIMEOUT}s",
    # The version check in statements.py depends on READ COMMITTED.
    "default_transaction_isolation": "read committed",
}


# True if the backend ends within 500 ms, or does not exist any more.
TERMINATE = """
SELECT pg_terminate_backend($1, 500)
OR NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)
"""


class Connection:
    """A connection to PostgreSQL, with a cache of prepared statements.

    Behind a pooler, where asyncpg's own cache is off, asyncpg would prepare a statement before
    every execution. This cache saves that round trip.
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
        """Terminate a session of this role, and wait for the end. Raises TimeoutError."""
        if not await self._connection.fetchval(
            TERMINATE, backend, timeout=deadline.remaining(limits.TERMINATE_TIMEOUT)
        ):
            raise TimeoutError("The backend of a lost connection did not terminate.")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Begin and commit a transaction. After an error, closing the connection rolls it back."""
        await self._connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
        yield
        await self._connection.execute("COMMIT")


class Pool:
    """Opens connections on demand and keeps them while idle. The last used is acquired first.

    The limiter bounds the number of connections. Unlike asyncpg's pool, this pool does not reset a
    connection on release, which costs more than a small statement: a connection is discarded after
    any error. A connection that was idle for `max_idle` seconds is closed, because a proxy or
    firewall may drop an idle connection silently.
    """

    def __init__(self, url: str, *, is_pooled: bool | None, max_idle: float) -> None:
        self._arguments = connection_arguments(url, is_pooled=is_pooled)
        # A pooler hides the backend of a session, and does not support session settings.
        self.is_direct = "statement_cache_size" not in self._arguments
        if self.is_direct:
            self._arguments["server_settings"] = SESSION
        self._max_idle = max_idle
        self._connect_timeout = min(self._arguments.pop("timeout"), limits.CONNECT_TIMEOUT)
        # With the time of release, the oldest first.
        self._idle: deque[tuple[float, Connection]] = deque()

    def open(self) -> None:
        """Start the task that closes idle connections."""
        self._idle_check = asyncio.create_task(self._check_idle())

    async def close(self) -> None:
        self._idle_check.cancel()
        await self._close_idle(since=monotonic())

    async def acquire(self) -> Connection:
        """Return an idle connection, or a new one.

        Raises CannotConnect, or an error of NOT_PROVISIONED if the role may not connect.
        """
        while self._idle:
            _, connection = self._idle.pop()
            if not connection.is_closed():
                connection.acquired_at = monotonic()
                return connection
        try:
            connection = await asyncpg.connect(
                **self._arguments,
                timeout=deadline.remaining(self._connect_timeout),
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
        """The number of idle connections."""
        return len(self._idle)

    def release(self, connection: Connection) -> None:
        """Return a connection to the pool, after use without an error."""
        self._idle.append((monotonic(), connection))

    async def discard(self, connection: Connection) -> None:
        """Close a connection after an error, and cancel a statement that is still running.

        The connections that were idle all the time are closed too: the cause may affect them.
        """
        await asyncio.gather(_close(connection), self._close_idle(since=connection.acquired_at))

    async def _close_idle(self, *, since: float) -> None:
        """Close the connections that have been idle since then, a time of monotonic()."""
        idle = []
        while self._idle and self._idle[0][0] <= since:
            idle.append(self._idle.popleft()[1])
        await asyncio.gather(*map(_close, idle))

    async def _check_idle(self) -> None:
        while True:
            await asyncio.sleep(self._max_idle / 4)
            await self._close_idle(since=monotonic() - self._max_idle)


async def _close(connection: Connection) -> None:
    with suppress(*TRANSIENT):
        await connection.close(timeout=limits.CLOSE_TIMEOUT)
