"""A SQL statement, compiled once, with what decides whether it may be sent again."""

from enum import Enum, auto
from typing import Any, cast

import asyncpg
from sqlalchemy import ClauseElement
from sqlalchemy.dialects.postgresql import asyncpg as dialect
from sqlalchemy.sql.compiler import SQLCompiler

from handlers.postgres.pool import Connection

DIALECT = dialect.dialect()  # type: ignore[no-untyped-call] # SQLAlchemy left it untyped.


class Retry(Enum):
    """Whether a statement may be sent again when it is unknown if it had an effect."""

    # It changes nothing.
    READ = auto()
    # Twice has the same effect and the same result as once.
    IDEMPOTENT = auto()
    # Twice is wrong: it is repeated only if the first attempt certainly had no effect.
    NEVER = auto()


class Statement:
    """A statement in asyncpg's form: its SQL, and the order of its arguments."""

    def __init__(self, statement: ClauseElement, *, retry: Retry = Retry.NEVER) -> None:
        compiled = cast("SQLCompiler", statement.compile(dialect=DIALECT))
        self.sql = str(compiled)
        self.retry = retry
        self._names = compiled.positiontup or []
        self._constants = compiled.params

    def arguments(self, values: dict[str, Any]) -> list[Any]:
        return [values.get(name, self._constants[name]) for name in self._names]

    async def fetch(self, connection: Connection, values: dict[str, Any]) -> list[asyncpg.Record]:
        return await connection.fetch(self.sql, self.arguments(values))
