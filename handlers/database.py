"""The way to PostgreSQL: where it is, a pool of connections, and patience when it is away."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import lru_cache
from time import monotonic
from typing import Any, TypeAlias, TypeVar, cast

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from sqlalchemy import ClauseElement
from sqlalchemy.dialects.postgresql import asyncpg as dialect
from sqlalchemy.sql.compiler import SQLCompiler

from handlers import errors
from handlers.address import WAIT_FOR_CONNECTION, connection_arguments
from handlers.outage import AWAY, CannotConnect, is_undone
from handlers.queue import Queue

log = logging.getLogger(__name__)

T = TypeVar("T")

# Seconds: for one try of a statement, all tries together, a probe, an end.
WAIT_FOR_STATEMENT = 3
WAIT_FOR_ANSWER = 5
WAIT_FOR_PROBE = 1
WAIT_FOR_GOODBYE = 0.5

# Seconds after which an idle connection is closed: who is in between may forget it in silence.
LONGEST_IDLE = 60

# Seconds between tries: each pause is twice the one before.
FIRST_PAUSE = 0.02
LONGEST_PAUSE = 0.4

# What a connection asks for when it begins, unless a pooler is in between, which refuses them or
# gives them to others. The first two end what a worker that was killed has left behind.
SESSION = {
    "statement_timeout": f"{WAIT_FOR_ANSWER}s",
    "idle_in_transaction_session_timeout": f"{WAIT_FOR_ANSWER}s",
    # A turn is decided by the row as it is when its lock is had: see statements.
    "default_transaction_isolation": "read committed",
}

DIALECT = dialect.dialect()  # type: ignore[no-untyped-call] # SQLAlchemy left it untyped.

# PostgreSQL counts microseconds from here, in UTC.
MINUTES = [f"T{hour:02d}:{minute:02d}:" for hour in range(24) for minute in range(60)]
EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001 - without a zone its text needs no cutting.


class Statement:
    """A statement as asyncpg takes it: its SQL, and the order of its arguments.

    One that is repeatable does no harm when it is done twice, nor changes what it answers.
    """

    def __init__(self, statement: ClauseElement, *, is_repeatable: bool = False) -> None:
        compiled = cast("SQLCompiler", statement.compile(dialect=DIALECT))
        self.sql = str(compiled)
        self.is_repeatable = is_repeatable
        self._names = compiled.positiontup or []
        self._constants = compiled.params

    def arguments(self, values: dict[str, Any]) -> list[Any]:
        return [values.get(name, self._constants[name]) for name in self._names]


Proxy: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"
Work: TypeAlias = Callable[[Proxy], Awaitable[T]]


class Connection:
    """One connection of the pool, for as long as a transaction holds it."""

    def __init__(self, connection: Proxy) -> None:
        self._connection = connection

    async def fetch_row(self, statement: Statement, **values: Any) -> asyncpg.Record | None:
        return await self._connection.fetchrow(statement.sql, *statement.arguments(values))


class Database:
    """A pool of connections, with patience.

    While the database is away, what was asked is tried again for a few seconds: anything that
    surely did not happen, and what may have happened if it is repeatable. Who cannot be helped
    gets errors.Unavailable.
    """

    def __init__(self, url: str, *, is_pooled: bool | None = None, connections: int = 10) -> None:
        self._arguments = connection_arguments(url, is_pooled=is_pooled)
        if "statement_cache_size" not in self._arguments:
            self._arguments["server_settings"] = SESSION
        self._arguments["timeout"] = min(self._arguments["timeout"], WAIT_FOR_CONNECTION)
        self._connections = connections
        self._queue = Queue(connections)
        self._away_since: float | None = None

    async def open(self) -> None:
        self._pool = await asyncpg.create_pool(
            **self._arguments,
            # None is kept for its own sake: a database may sleep, and may be away at start.
            min_size=0,
            max_size=self._connections,
            max_inactive_connection_lifetime=LONGEST_IDLE,
            command_timeout=WAIT_FOR_STATEMENT,
            init=_read_times_as_text,
            reset=_keep,
        )

    async def close(self) -> None:
        try:
            async with asyncio.timeout(WAIT_FOR_ANSWER):
                await self._pool.close()
        except AWAY:
            self._pool.terminate()

    async def fetch(self, statement: Statement, **values: Any) -> list[asyncpg.Record]:
        arguments = statement.arguments(values)
        return await self._persist(
            lambda connection: connection.fetch(statement.sql, *arguments),
            values["user_id"],
            is_repeatable=statement.is_repeatable,
        )

    async def fetch_row(self, statement: Statement, **values: Any) -> asyncpg.Record | None:
        arguments = statement.arguments(values)
        return await self._persist(
            lambda connection: connection.fetchrow(statement.sql, *arguments),
            values["user_id"],
            is_repeatable=statement.is_repeatable,
        )

    async def transaction(
        self, work: Callable[[Connection], Awaitable[T]], user_id: str, *, is_repeatable: bool
    ) -> T:
        """Do all of the work or nothing of it, at READ COMMITTED whatever the default is."""

        async def inside(connection: Proxy) -> T:
            async with connection.transaction(isolation="read_committed"):
                return await work(Connection(connection))

        return await self._persist(inside, user_id, is_repeatable=is_repeatable)

    async def probe(self, statement: Statement) -> None:
        """Ask once, without patience. Raises errors.Unavailable."""
        try:
            async with asyncio.timeout(WAIT_FOR_PROBE):
                await self._once(lambda connection: connection.fetchrow(statement.sql))
        except AWAY as error:
            raise _unavailable(error) from error

    async def _persist(self, work: Work[T], user_id: str, *, is_repeatable: bool) -> T:
        """Try until it succeeds, trying again is wrong, or the time is over."""
        until = monotonic() + WAIT_FOR_ANSWER
        pause = FIRST_PAUSE
        try:
            async with asyncio.timeout(WAIT_FOR_ANSWER):
                while True:
                    try:
                        async with self._queue.place(user_id):
                            return await self._once(work)
                    except AWAY as error:
                        # After silence, what was sent may yet happen: after what comes next, even.
                        repeats = is_repeatable and not isinstance(error, TimeoutError)
                        may_try_again = repeats or is_undone(error)
                        if not may_try_again or monotonic() + pause > until or self._is_long_away():
                            raise
                    # Not everybody at once.
                    await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - no secret.
                    pause = min(2 * pause, LONGEST_PAUSE)
        except AWAY as error:
            raise _unavailable(error) from error

    async def _once(self, work: Work[T]) -> T:
        try:
            connection = await self._pool.acquire()
        except AWAY as error:
            self._away_since = self._away_since or monotonic()
            raise CannotConnect(f"{type(error).__name__}: {error}") from error
        self._away_since = None
        try:
            return await work(connection)
        finally:
            # What was answered stays answered, even if the connection ends now.
            with suppress(*AWAY):
                await self._pool.release(connection, timeout=WAIT_FOR_GOODBYE)

    def _is_long_away(self) -> bool:
        """Tell whether others have waited in vain already, so that waiting is of no use."""
        since = self._away_since
        return since is not None and monotonic() - since > WAIT_FOR_ANSWER


def _unavailable(error: Exception) -> errors.Unavailable:
    log.warning("The database cannot be reached: %s: %s", type(error).__name__, error)
    if is_undone(error):
        return errors.Unavailable("The database cannot be reached. Try again soon.")
    return errors.Unavailable(
        "The database did not answer. A change may have been made: look before you repeat it."
    )


async def _keep(_: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Leave a connection as it is: no request changes anything in a session."""


async def _read_times_as_text(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Let rows hold times as the contract writes them: six fractional digits and a Z."""
    await connection.set_type_codec(
        "timestamptz", schema="pg_catalog", format="tuple", encoder=_never, decoder=_time
    )


def _time(value: tuple[int]) -> str:
    seconds, microseconds = divmod(value[0], 1_000_000)
    minutes, second = divmod(seconds, 60)
    days, minute = divmod(minutes, 24 * 60)
    return f"{_day(days)}{MINUTES[minute]}{second:02d}.{microseconds:06d}Z"


@lru_cache(maxsize=4096)
def _day(days: int) -> str:
    """Days and minutes are put into words once: a list of a hundred tasks has two hundred times."""
    return (EPOCH + timedelta(days=days)).date().isoformat()


def _never(_: object) -> tuple[int]:
    raise TypeError("Times come from the database and never go there.")
