"""How the connections to the database are shared among users, and how many are kept."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from tests.support import journal, service

NAME = "connections"
OPEN = f"SELECT count(*) FROM pg_stat_activity WHERE application_name = '{NAME}'"
WAITING = f"{OPEN} AND wait_event_type = 'Lock'"
# Seconds within which what is asked for has happened, even on a busy machine.
TIMEOUT = 15


@pytest.fixture
def url(database_url: str) -> str:
    """The database, with a name by which the service's connections are found."""
    return f"{database_url}&application_name={NAME}"


@pytest.fixture
def running(url: str) -> Iterator[service.Service]:
    settings = {"DATABASE_CONNECTIONS": "6", "DATABASE_IDLE_SECONDS": "1"}
    with service.running(
        DATABASE_URL=url, BETTER_AUTH_SECRET=service.SECRET, **settings
    ) as running:
        yield running


@asynccontextmanager
async def locked(url: str) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    """Keep everybody from the tasks; a connection that is closed gives its locks back."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("BEGIN; LOCK TABLE tasks")
        yield connection
    finally:
        await connection.close()


async def read(address: str, user: str) -> int:
    wire = journal.Wire(address, user)
    status, _ = await wire.request("GET", f"/api/{user}/tasks")
    wire.close()
    return status


async def count(connection: "asyncpg.Connection[asyncpg.Record]", sql: str, wanted: int) -> None:
    """Wait until a count is as wanted. Raises TimeoutError."""
    async with asyncio.timeout(TIMEOUT):
        while True:
            await connection.execute("SELECT pg_stat_clear_snapshot()")
            if await connection.fetchval(sql) == wanted:
                return
            await asyncio.sleep(0.02)


class TestSharing:
    def test_one_user_gets_a_third_of_the_connections(
        self, running: service.Service, database_url: str
    ) -> None:
        async def scenario() -> None:
            async with locked(database_url) as connection:
                alice = [asyncio.create_task(read(running.address, "alice")) for _ in range(12)]
                await count(connection, WAITING, 2)
                bob = asyncio.create_task(read(running.address, "bob"))
                await count(connection, WAITING, 3)
            await asyncio.gather(*alice, bob)

        asyncio.run(scenario())

    def test_waiting_request_that_is_served_makes_room_for_another(
        self, url: str, database_url: str
    ) -> None:
        """One connection lets a hundred requests wait: here are more, one after another."""

        async def scenario(address: str) -> list[int]:
            found = []
            for _ in range(4):
                async with locked(database_url) as connection:
                    asking = [
                        asyncio.create_task(read(address, f"user-{number}")) for number in range(40)
                    ]
                    await count(connection, WAITING, 1)
                found += await asyncio.gather(*asking)
            return found

        settings = {"DATABASE_URL": url, "DATABASE_CONNECTIONS": "1"}
        with service.running(BETTER_AUTH_SECRET=service.SECRET, **settings) as narrow:
            assert set(asyncio.run(scenario(narrow.address))) == {200}


class TestIdleConnections:
    def test_connection_that_was_used_last_is_used_first_so_that_the_others_are_closed(
        self, running: service.Service, database_url: str
    ) -> None:
        async def scenario() -> None:
            async with locked(database_url) as connection:
                asking = [
                    asyncio.create_task(read(running.address, f"user-{number}"))
                    for number in range(6)
                ]
                await count(connection, WAITING, 6)
                await connection.execute("COMMIT")
                await asyncio.gather(*asking)
                closing = asyncio.create_task(count(connection, OPEN, 1))
                while not closing.done():
                    assert await read(running.address, "alice") == 200
                    await asyncio.sleep(0.05)
                await closing

        asyncio.run(scenario())
