"""Statements that a test runs on the database, and tables that make the service fail."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

# Every statement on these fails in a way that no release explains, and so with 500.
UNUSABLE_TABLES = """
CREATE TABLE tasks (
    user_id json, id bigint, title text, description text, completed boolean, sort_key bigint,
    created_at timestamptz, updated_at timestamptz
);
CREATE TABLE task_lists (user_id json, version bigint)
"""


def run(url: str, sql: str) -> None:
    """Run SQL on the database, independently of the service."""

    async def execute() -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(sql)
        finally:
            await connection.close()

    asyncio.run(execute())


def fetch(url: str, sql: str, *arguments: object) -> list[asyncpg.Record]:
    async def execute() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(url)
        rows = await connection.fetch(sql, *arguments)
        await connection.close()
        return rows

    return asyncio.run(execute())


@contextmanager
def unusable_tables(url: str) -> Iterator[None]:
    """Put unusable tables in the place of the service's, for a while."""
    run(url, "CREATE SCHEMA kept; ALTER TABLE tasks SET SCHEMA kept")
    run(url, f"ALTER TABLE task_lists SET SCHEMA kept; {UNUSABLE_TABLES}")
    try:
        yield
    finally:
        run(url, "DROP TABLE tasks, task_lists; ALTER TABLE kept.tasks SET SCHEMA public")
        run(url, "ALTER TABLE kept.task_lists SET SCHEMA public; DROP SCHEMA kept")
