"""The operations for probes."""

import asyncpg
from sqlalchemy import false, literal_column, select

from generated import operations, responses
from handlers import errors
from handlers.database import Database, Statement
from handlers.tables import TASK_LISTS, TASKS

# Both tables, and no row of theirs.
ASK = Statement(select(literal_column("1")).select_from(TASKS, TASK_LISTS).where(false()))


class Health(operations.Health):
    def __init__(self, database: Database) -> None:
        self._database = database

    async def get_health(self) -> responses.Health:
        return {"status": "ok"}

    async def get_readiness(self) -> responses.Readiness:
        try:
            await self._database.probe(ASK)
        except (asyncpg.UndefinedTableError, asyncpg.InsufficientPrivilegeError) as error:
            raise errors.Unavailable("The database has no tables: run scripts/migrate.") from error
        return {"status": "ready"}
