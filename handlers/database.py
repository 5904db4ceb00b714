"""The way to PostgreSQL: statements, and patience when it is away."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any, Generic, TypeAlias, TypeVar, cast

import asyncpg
from sqlalchemy import ClauseElement
from sqlalchemy.dialects.postgresql import asyncpg as dialect
from sqlalchemy.sql.compiler import SQLCompiler

from handlers import deadline, errors
from handlers.outage import (
    AWAY,
    NOT_PREPARED,
    CannotConnect,
    OutageLog,
    Starting,
    explanation,
    is_undone,
)
from handlers.pool import Connection, Pool
from handlers.queue import Queue

T = TypeVar("T")

# Seconds.
WAIT_FOR_PROBE = 1

# Whom a probe stands in the queue for; no user's id has a slash.
PROBE = "/"

# Seconds between tries: each pause is twice the one before.
FIRST_PAUSE = 0.02
LONGEST_PAUSE = 0.4

UNREACHABLE_MESSAGE = "The database cannot be reached. Try again soon."
NO_ANSWER_MESSAGE = (
    "The database did not answer. A change may have been made: look before you repeat it."
)
NOT_PREPARED_MESSAGE = "The database is not prepared for this service. The service's log says why."

DIALECT = dialect.dialect()  # type: ignore[no-untyped-call] # SQLAlchemy left it untyped.


class Statement:
    """A statement as asyncpg takes it: its SQL, and the order of its arguments.

    One that is repeatable does no harm when it is done twice, nor changes what it answers; one
    that only reads is so by nature, and it does not matter when an earlier try of it is done.
    """

    def __init__(
        self, statement: ClauseElement, *, is_repeatable: bool = False, is_read: bool = False
    ) -> None:
        compiled = cast("SQLCompiler", statement.compile(dialect=DIALECT))
        self.sql = str(compiled)
        self.is_repeatable = is_repeatable
        self.is_read = is_read
        self._names = compiled.positiontup or []
        self._constants = compiled.params

    def arguments(self, values: dict[str, Any]) -> list[Any]:
        return [values.get(name, self._constants[name]) for name in self._names]

    async def fetch(self, connection: Connection, values: dict[str, Any]) -> list[asyncpg.Record]:
        return await connection.fetch(self.sql, self.arguments(values))


Work: TypeAlias = Callable[[Connection], Awaitable[T]]


class _Successive(Generic[T]):
    """Work whose earlier try must be over before it is tried again.

    A backend may go on after its connection was lost, and would undo what was answered since.
    """

    def __init__(self, work: Work[T]) -> None:
        self._work = work
        self._backend: int | None = None

    async def __call__(self, connection: Connection) -> T:
        if self._backend:
            await connection.end(self._backend)
        self._backend = connection.backend
        return await self._work(connection)


class Database:
    """A pool, of which so many connections may be used at once, with patience.

    While the database is away, what was asked is tried again for a few seconds: anything that
    surely did not happen, and what may have happened if it is repeatable. Who cannot be helped
    gets errors.Unavailable.
    """

    def __init__(self, pool: Pool, *, connections: int) -> None:
        self._pool = pool
        self._queue = Queue(connections)
        self._away_since: float | None = None
        self._missed_at = 0.0
        self._outage_log = OutageLog()

    async def fetch(self, statement: Statement, **values: Any) -> list[asyncpg.Record]:
        return await self._persist(
            lambda connection: statement.fetch(connection, values),
            values["user_id"],
            statement,
        )

    async def fetch_row(self, statement: Statement, **values: Any) -> asyncpg.Record | None:
        rows = await self.fetch(statement, **values)
        return rows[0] if rows else None

    async def transaction(self, work: Work[T], user_id: str, statement: Statement) -> T:
        """Do all of the work or nothing of it, at READ COMMITTED whatever the default is.

        It is as repeatable as this statement of it.
        """

        async def inside(connection: Connection) -> T:
            async with asyncio.timeout(deadline.within(deadline.LONGEST)), connection.transaction():
                return await work(connection)

        return await self._persist(inside, user_id, statement)

    async def probe(self, statement: Statement) -> asyncpg.Record:
        """Fetch one row, without a retry. Raises errors.Unavailable, which says what to run."""
        deadline.begin(WAIT_FOR_PROBE)
        try:
            rows = await self._once(lambda connection: statement.fetch(connection, {}), PROBE)
        except NOT_PREPARED as error:
            raise self._unavailable(error, f"{explanation(error)}.") from error
        except AWAY as error:
            raise self._unavailable(error) from error
        return rows[0]

    async def _persist(self, work: Work[T], person: str, statement: Statement) -> T:
        """Try until it succeeds, trying again is wrong, or the time is over."""
        pause = FIRST_PAUSE
        is_repeatable = statement.is_read or (statement.is_repeatable and self._pool.is_direct)
        if not statement.is_read and self._pool.is_direct:
            work = _Successive(work)
        while True:
            try:
                return await self._once(work, person)
            except NOT_PREPARED as error:
                # A retry cannot help: an operator has to.
                raise self._unavailable(error, NOT_PREPARED_MESSAGE) from error
            except AWAY as error:
                # After silence, what was sent may yet happen: after what comes next, even.
                repeats = is_repeatable and not isinstance(error, TimeoutError)
                may_try_again = repeats or is_undone(error)
                is_late = deadline.within(pause) < pause
                if not may_try_again or is_late or self._is_long_away():
                    raise self._unavailable(error) from error
            # Not everybody at once.
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - no secret.
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _once(self, work: Work[T], person: str) -> T:
        if not self._queue.enter(person):
            await self._queue.wait(person)
        try:
            connection = await self._connection()
            try:
                result = await work(connection)
            except BaseException:
                await self._pool.drop(connection)
                raise
            self._pool.keep(connection)
            self._outage_log.succeeded()
            return result
        finally:
            self._queue.leave(person)

    async def _connection(self) -> Connection:
        try:
            connection = await self._pool.take()
        except Starting:
            # However long the outage has been, its end is near: requests wait for it.
            self._away_since = None
            raise
        except CannotConnect:
            now = monotonic()
            if self._away_since is None or now - self._missed_at > deadline.LONGEST:
                self._away_since = now
            self._missed_at = now
            raise
        self._away_since = None
        return connection

    def _is_long_away(self) -> bool:
        """Tell whether others have waited in vain already, so that waiting is of no use."""
        since = self._away_since
        return since is not None and monotonic() - since > deadline.LONGEST

    def _unavailable(self, error: Exception, message: str | None = None) -> errors.Unavailable:
        self._outage_log.failed(error)
        undone = UNREACHABLE_MESSAGE if is_undone(error) else NO_ANSWER_MESSAGE
        return errors.Unavailable(message or undone)
