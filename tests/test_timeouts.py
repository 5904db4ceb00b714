"""The timeouts of a statement, a transaction and a request, in the service and in PostgreSQL."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import asyncpg
import pytest

from tests.support import load, service
from tests.support.contention import BLOCKED, send, transaction, wait_until_blocked
from tests.support.users import User

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

# Seconds within which a statement must start, even on a busy machine.
START_TIMEOUT = 30
# PostgreSQL ends a statement after 5 seconds. Without its timeout it would wait without end.
SERVER_TIMEOUT = 15
# The timeout of a statement is 3 seconds, and that of a request 5.
MAX_STATEMENT_SECONDS = 4.8

BACKENDS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND {}"
WAITING = BACKENDS.format("wait_event_type = 'Lock' AND query LIKE '%task%' AND pid <> ALL ($1)")
OTHERS = BACKENDS.format("wait_event_type = 'Lock' AND pid <> ALL ($1)")
IDLE_IN_TRANSACTION = BACKENDS.format("state = 'idle in transaction' AND pid <> ALL ($1)")
INCREMENT_VERSION = "UPDATE task_lists SET version = version + 1 WHERE user_id = $1"


@pytest.fixture
def running(database_url: str) -> Iterator[service.Service]:
    with service.running(DATABASE_URL=database_url, BETTER_AUTH_SECRET=service.SECRET) as running:
        yield running


@asynccontextmanager
async def clients(
    running: service.Service, url: str, count: int
) -> AsyncIterator[tuple[load.HttpClient, list[Connection]]]:
    """Yield a client of the service and connections to its database."""
    http = load.HttpClient(running.address, "ann")
    opened = [await asyncpg.connect(url) for _ in range(count)]
    try:
        yield http, opened
    finally:
        http.close()
        for connection in opened:
            await connection.close()


async def backends(connection: Connection, sql: str, own: list[Connection]) -> set[int]:
    await connection.execute("SELECT pg_stat_clear_snapshot()")
    rows = await connection.fetch(sql, [each.get_server_pid() for each in own])
    return {row["pid"] for row in rows}


async def wait_for_any(connection: Connection, sql: str, own: list[Connection]) -> set[int]:
    async with asyncio.timeout(START_TIMEOUT):
        while True:
            if found := await backends(connection, sql, own):
                return found
            await asyncio.sleep(0.01)


async def wait_until_blocked_by_lock(observer: Connection, waiter: Connection) -> None:
    """Wait until the statement of a connection waits for a lock."""
    await wait_for_any(observer, f"{OTHERS} AND pid = {waiter.get_server_pid()}", [])


async def wait_for_none(connection: Connection, sql: str, own: list[Connection]) -> None:
    async with asyncio.timeout(SERVER_TIMEOUT):
        while True:
            if not await backends(connection, sql, own):
                return
            await asyncio.sleep(0.05)


class TestStatements:
    def test_statement_that_waits_for_a_lock_gets_503_before_the_request_timeout(
        self, running: service.Service, database_url: str
    ) -> None:
        async def scenario() -> float:
            async with clients(running, database_url, 1) as (http, (holder,)):
                await holder.execute("BEGIN; LOCK TABLE tasks")
                began = time.monotonic()
                status, _ = await http.request("GET", "/api/ann/tasks")
                assert status == 503
                return time.monotonic() - began

        assert asyncio.run(scenario()) < MAX_STATEMENT_SECONDS

    def test_statement_of_a_killed_service_is_cancelled_by_postgresql(
        self, running: service.Service, database_url: str
    ) -> None:
        """A backend that waits for a lock does not notice the end of its client."""

        async def scenario() -> None:
            async with clients(running, database_url, 2) as (http, own):
                holder, observer = own
                await holder.execute("BEGIN; LOCK TABLE tasks")
                asking = asyncio.create_task(http.request("GET", "/api/ann/tasks"))
                await wait_for_any(observer, WAITING, own)
                running.process.kill()
                await wait_for_none(observer, WAITING, own)
                await asyncio.gather(asking, return_exceptions=True)

        asyncio.run(scenario())

    def test_statement_of_a_request_that_got_503_is_cancelled(
        self, running: service.Service, database_url: str
    ) -> None:
        async def scenario() -> int:
            await send(running.address, "carol", "POST", "", {"title": "x"})
            lock = "SELECT * FROM task_lists WHERE user_id = 'carol' FOR UPDATE"
            async with transaction(database_url, lock) as connection:
                result = await send(running.address, "carol", "POST", "", {"title": "y"})
                assert result.status == 503
                count: int = await connection.fetchval(BLOCKED)
                return count

        assert asyncio.run(scenario()) == 0


class TestRequestTimeout:
    def test_single_timeout_bounds_all_statements_of_a_request_together(
        self, running: service.Service, database_url: str
    ) -> None:
        """The first statement of a move waits for the list, and the second one for the task."""
        user = User(running.address, "erin")
        with user.client:
            path = f"/{user.create()['id']}"

        async def scenario() -> float:
            task = "SELECT * FROM tasks WHERE user_id = 'erin' FOR UPDATE"
            async with (
                transaction(database_url, INCREMENT_VERSION.replace("$1", "'erin'")) as first,
                transaction(database_url, task),
            ):
                moving = asyncio.create_task(
                    send(running.address, "erin", "PUT", path, {"position": 0})
                )
                await wait_until_blocked(first)
                # Less than the timeout of one statement, which is three seconds.
                await asyncio.sleep(2.8)
                await first.execute("COMMIT")
                result = await moving
                assert result.status == 503
                return result.seconds

        assert 4.5 < asyncio.run(scenario()) < 5.5


class TestTransactions:
    def test_transaction_of_a_stopped_service_is_ended_by_postgresql(
        self, running: service.Service, database_url: str
    ) -> None:
        """An open transaction locks a list, which no other worker can change."""

        async def scenario() -> None:
            create = ("POST", "/api/ann/tasks", {"title": "x"})
            async with clients(running, database_url, 3) as (http, own):
                await http.request(*create)
                first, second, observer = own
                await first.execute("BEGIN")
                await first.execute(INCREMENT_VERSION, "ann")
                asking = asyncio.create_task(http.request(*create))
                await wait_for_any(observer, WAITING, own)
                # The second holder waits behind the request and changes the version before it.
                await second.execute("BEGIN")
                holding = asyncio.create_task(second.execute(INCREMENT_VERSION, "ann"))
                await wait_until_blocked_by_lock(observer, second)
                await first.execute("COMMIT")
                await holding
                await wait_for_any(observer, WAITING, own)
                running.process.send_signal(signal.SIGSTOP)
                await second.execute("COMMIT")
                await wait_for_any(observer, IDLE_IN_TRANSACTION, own)
                try:
                    await wait_for_none(observer, IDLE_IN_TRANSACTION, own)
                finally:
                    running.process.send_signal(signal.SIGCONT)
                await asyncio.gather(asking, return_exceptions=True)

        asyncio.run(scenario())
