"""The connection pool: which connection is used, closed or replaced."""

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest

from tests.support import service
from tests.support.contention import (
    BLOCKED,
    send,
    transaction,
    wait_for_count,
    wait_until_blocked,
    wait_until_read,
)
from tests.support.database import run

NAME = "pooled"
OPEN = f"SELECT count(*) FROM pg_stat_activity WHERE application_name = '{NAME}'"
LOCK_TASKS = "LOCK TABLE tasks"


@pytest.fixture
def running(database_url: str) -> Iterator[service.Service]:
    settings = {
        # The name identifies the connections of the service.
        "DATABASE_URL": f"{database_url}&application_name={NAME}",
        "BETTER_AUTH_SECRET": service.SECRET,
        "DATABASE_CONNECTIONS": "6",
        "DATABASE_IDLE_SECONDS": "1",
    }
    with service.running(**settings) as running:
        yield running


class TestIdleConnections:
    def test_idle_connection_is_closed_and_the_next_request_opens_another(
        self, running: service.Service, database_url: str
    ) -> None:
        async def scenario() -> None:
            connection = await asyncpg.connect(database_url)
            for _ in range(2):
                assert (await send(running.address, "frank", "GET")).is_success
                assert await connection.fetchval(OPEN)
                async with asyncio.timeout(3):
                    while await connection.fetchval(OPEN):  # noqa: ASYNC110 - in the database.
                        await asyncio.sleep(0.05)
            await connection.close()

        asyncio.run(scenario())

    def test_most_recently_used_connection_is_used_first_so_that_the_others_are_closed(
        self, running: service.Service, database_url: str
    ) -> None:
        async def scenario() -> None:
            async with transaction(database_url, LOCK_TASKS) as connection:
                asking = [
                    asyncio.create_task(send(running.address, f"user-{number}", "GET"))
                    for number in range(6)
                ]
                await wait_for_count(connection, f"{BLOCKED} AND application_name = '{NAME}'", 6)
                await connection.execute("COMMIT")
                await asyncio.gather(*asking)
                closing = asyncio.create_task(wait_for_count(connection, OPEN, 1))
                while not closing.done():
                    assert (await send(running.address, "alice", "GET")).is_success
                    await asyncio.sleep(0.05)
                await closing

        asyncio.run(scenario())


class TestPreparedStatements:
    MAX_PROMPT_SECONDS = 1.0

    def test_outdated_prepared_statement_on_one_connection_renews_all_connections(
        self, database_url: str
    ) -> None:
        """Ten connections prepare a statement before the type of a column changes."""

        async def scenario(address: str) -> None:
            async with transaction(database_url, LOCK_TASKS) as connection:
                asking = [
                    asyncio.create_task(send(address, f"p{number}", "GET")) for number in range(10)
                ]
                await wait_until_blocked(connection)
                await wait_until_read(address)
                await connection.execute("COMMIT")
                assert all(result.is_success for result in await asyncio.gather(*asking))
            await asyncio.to_thread(
                run, database_url, "ALTER TABLE tasks ALTER COLUMN title TYPE text"
            )
            result = await send(address, "ivan", "GET")
            await asyncio.to_thread(
                run, database_url, "ALTER TABLE tasks ALTER COLUMN title TYPE varchar(255)"
            )
            assert result.is_success
            assert result.seconds < self.MAX_PROMPT_SECONDS

        settings = {"DATABASE_URL": database_url, "BETTER_AUTH_SECRET": service.SECRET}
        with service.running(**settings) as running:
            asyncio.run(scenario(running.address))
