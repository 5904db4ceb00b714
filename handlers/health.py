"""The operations for probes."""

from sqlalchemy import literal_column, select

from generated import operations, responses
from handlers.database import Database, Statement

ASK = Statement(select(literal_column("1")))


class Health(operations.Health):
    def __init__(self, database: Database) -> None:
        self._database = database

    async def get_health(self) -> responses.Health:
        return {"status": "ok"}

    async def get_readiness(self) -> responses.Readiness:
        await self._database.fetch_row(ASK)
        return {"status": "ready"}
