"""The operations for health checks."""

from sqlalchemy import and_, exists, false, func, select

from generated import operations, responses
from handlers import errors
from handlers.postgres import failures
from handlers.postgres.database import Database
from handlers.postgres.statement import Statement
from handlers.tables import TASK_LISTS, TASKS

TABLES = (TASKS, TASK_LISTS)
PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE")

# Fails if a table or a column is missing. No rows of the tables are read.
READINESS = Statement(
    select(
        and_(
            *(
                func.has_table_privilege(table.name, privilege)
                for table in TABLES
                for privilege in PRIVILEGES
            )
        ).label("is_granted"),
        *(exists(select(*table.c).where(false())) for table in TABLES),
    )
)


class Health(operations.Health):
    def __init__(self, database: Database) -> None:
        self._database = database

    async def get_health(self) -> responses.Health:
        return {"status": "ok"}

    async def get_readiness(self) -> responses.Readiness:
        row = await self._database.probe(READINESS)
        if not row["is_granted"]:
            raise errors.Unavailable(f"The service's role lacks a privilege: run {failures.GRANT}.")
        return {"status": "ready"}
