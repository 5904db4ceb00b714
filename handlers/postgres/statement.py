"""A SQL statement that is compiled once, and its retry class."""

from enum import Enum, auto
from typing import Any, cast

import asyncpg
from sqlalchemy import ClauseElement
from sqlalchemy.dialects.postgresql import asyncpg as dialect
from sqlalchemy.sql.compiler import SQLCompiler

from handlers.postgres.pool import Connection

DIALECT = dialect.dialect()  # type: ignore[no-untyped-call] # SQLAlchemy does not type its dialects.


class Retry(Enum):
    """The retry class: whether to retry after a failure with an unknown outcome."""

    # A statement without effects.
    READ = auto()
    # A second run has the same effect and the same result.
    IDEMPOTENT = auto()
    # Retried only if the first attempt certainly had no effect.
    NEVER = auto()


class Statement:
    """A statement in asyncpg's form: SQL, and the order of the arguments."""

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
