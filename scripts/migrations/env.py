"""How Alembic reaches the database: with the service's own arguments for asyncpg."""

import asyncio
import logging

import asyncpg
from alembic import context
from sqlalchemy import Connection, pool, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

from handlers import tables
from handlers.postgres.dsn import connection_arguments

# Any number, as long as every deployment takes the same: see run.
LOCK = 7_091_851

tables_are_known = tables.TASKS


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=SQLModel.metadata)
    with context.begin_transaction():
        # Two deployments may start together: the second waits, and finds the database migrated.
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        context.run_migrations()


async def migrate() -> None:
    arguments = connection_arguments(context.config.attributes["database_url"])
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: asyncpg.connect(**arguments),
        poolclass=pool.NullPool,
    )
    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()


logging.getLogger("alembic").setLevel(logging.WARNING)
asyncio.run(migrate())
