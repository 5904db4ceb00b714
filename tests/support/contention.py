"""Locks in the database that make requests wait, and requests that have to wait."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import asyncpg
import httpx

from tests.support import load

BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
# Seconds within which a count must be reached, even on a busy machine.
COUNT_TIMEOUT = 15


class Result(NamedTuple):
    status: int
    seconds: float

    @property
    def is_success(self) -> bool:
        return self.status in (200, 201)


@asynccontextmanager
async def transaction(url: str, sql: str) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    """Run SQL in a transaction that stays open and holds its locks."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"BEGIN; {sql}")
        yield connection
    finally:
        await connection.close()


async def send(
    address: str, user_id: str, method: str, path: str = "", body: object = None
) -> Result:
    """Send a request on a connection of its own. Raise AssertionError for an unexpected status."""
    connection = load.HttpClient(address, user_id)
    began = time.monotonic()
    status, _ = await connection.request(method, f"/api/{user_id}/tasks{path}", body)
    connection.close()
    assert status in (200, 201, 503), status
    return Result(status, time.monotonic() - began)


async def wait_until_blocked(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Wait until a statement waits for a lock."""
    while not await connection.fetchval(BLOCKED):
        await asyncio.sleep(0.01)
        # Within a transaction PostgreSQL reads its statistics only once.
        await connection.execute("SELECT pg_stat_clear_snapshot()")


async def wait_for_count(
    connection: "asyncpg.Connection[asyncpg.Record]", sql: str, expected: int
) -> None:
    """Wait until a query returns the expected count. Raise TimeoutError."""
    async with asyncio.timeout(COUNT_TIMEOUT):
        while True:
            await connection.execute("SELECT pg_stat_clear_snapshot()")
            if await connection.fetchval(sql) == expected:
                return
            await asyncio.sleep(0.02)


async def wait_until_read(address: str) -> None:
    """Wait until the service has read all requests that were sent before."""
    async with httpx.AsyncClient(base_url=address) as client:
        for _ in range(5):
            assert (await client.get("/health")).status_code == 200
