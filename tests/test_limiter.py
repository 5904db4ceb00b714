"""Load shedding and fairness: how users share the connections to the database."""

import asyncio
import json
import re
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.support import service
from tests.support.contention import (
    BLOCKED,
    Result,
    send,
    transaction,
    wait_for_count,
    wait_until_blocked,
    wait_until_read,
)

MAX_PROMPT_SECONDS = 1.0
NAME = "limited"
BLOCKED_OF_SERVICE = f"{BLOCKED} AND application_name = '{NAME}'"
LOCK_TASKS = "LOCK TABLE tasks"
TASK = {"title": "x"}


@pytest.fixture
def running(database_url: str) -> Iterator[service.Service]:
    with service.running(DATABASE_URL=database_url, BETTER_AUTH_SECRET=service.SECRET) as running:
        yield running


def assert_prompt_success(result: Result) -> None:
    assert result.is_success, result
    assert result.seconds < MAX_PROMPT_SECONDS, result


class TestLocks:
    def test_locked_list_does_not_delay_other_users(
        self, running: service.Service, database_url: str
    ) -> None:
        async def scenario() -> None:
            await send(running.address, "alice", "POST", "", TASK)
            lock = "SELECT * FROM task_lists WHERE user_id = 'alice' FOR UPDATE"
            async with transaction(database_url, lock), asyncio.TaskGroup() as group:
                for _ in range(30):
                    group.create_task(send(running.address, "alice", "POST", "", TASK))
                until = time.monotonic() + 4
                while time.monotonic() < until:
                    assert_prompt_success(await send(running.address, "bob", "GET"))
                    assert_prompt_success(await send(running.address, "bob", "POST", "", TASK))
            assert (await send(running.address, "alice", "POST", "", TASK)).is_success

        asyncio.run(scenario())

    def test_waiting_requests_get_503_within_the_timeouts_when_all_tables_are_locked(
        self, running: service.Service, database_url: str
    ) -> None:
        async def scenario() -> list[Result]:
            await asyncio.gather(*[send(running.address, f"p{n}", "GET") for n in range(20)])
            async with transaction(database_url, LOCK_TASKS):
                asking = asyncio.gather(
                    *[send(running.address, f"p{n}", "GET") for n in range(300)]
                )
                await asyncio.sleep(0.5)
                async with httpx.AsyncClient(base_url=running.address) as client:
                    began = time.monotonic()
                    assert (await client.get("/health")).status_code == 200
                    assert time.monotonic() - began < MAX_PROMPT_SECONDS
                    assert (await client.get("/health/ready")).status_code == 503
                results = await asking
            # The statements were cancelled as well: all connections are available at once.
            assert_prompt_success(await send(running.address, "p0", "GET"))
            return results

        results = asyncio.run(scenario())
        assert {result.status for result in results} == {503}
        waits = sorted(result.seconds for result in results)
        print(f"{len(waits)} answers of 503 after {waits[0]:.2f} to {waits[-1]:.2f} s")
        # Requests without a connection get 503 from the limiter, a second before the timeout of
        # a statement; a busy machine delays both.
        assert waits[-1] - waits[280] > 0.5
        assert waits[-1] < 6.5


class TestWaiters:
    """A service with a single connection, and a lock that blocks it."""

    @pytest.fixture
    def single_connection(self, database_url: str) -> Iterator[service.Service]:
        settings = {"DATABASE_URL": database_url, "BETTER_AUTH_SECRET": service.SECRET}
        with service.running(**settings, DATABASE_CONNECTIONS="1") as running:
            yield running

    def test_users_who_wait_are_served_in_turn_however_many_requests_each_has(
        self, single_connection: service.Service, database_url: str
    ) -> None:
        async def scenario() -> None:
            lock = transaction(database_url, LOCK_TASKS)
            async with lock as connection, asyncio.TaskGroup() as group:
                for _ in range(10):
                    group.create_task(send(single_connection.address, "judy", "GET"))
                await wait_until_blocked(connection)
                await wait_until_read(single_connection.address)
                group.create_task(send(single_connection.address, "kim", "GET"))
                await wait_until_read(single_connection.address)
                await connection.execute("COMMIT")

        asyncio.run(scenario())
        lines = map(json.loads, re.findall("^{.*}$", single_connection.whole_log(), re.MULTILINE))
        users = [line["user"] for line in lines if line.get("operation") == "list_tasks"]
        kim = min(users, key=users.count)
        assert users.index(kim) <= 2

    def test_request_beyond_the_wait_limit_gets_503_at_once(
        self, single_connection: service.Service, database_url: str
    ) -> None:
        async def scenario() -> list[Result]:
            async with transaction(database_url, LOCK_TASKS):
                asking = (
                    send(single_connection.address, f"p{number}", "GET") for number in range(150)
                )
                return await asyncio.gather(*asking)

        results = asyncio.run(scenario())
        assert {result.status for result in results} == {503}
        waits = sorted(result.seconds for result in results)
        assert waits[48] < MAX_PROMPT_SECONDS
        assert waits[49] > MAX_PROMPT_SECONDS

    def test_user_beyond_a_third_of_the_wait_limit_gets_503_and_another_user_waits(
        self, single_connection: service.Service, database_url: str
    ) -> None:
        async def scenario() -> None:
            lock = transaction(database_url, LOCK_TASKS)
            async with lock as connection:
                judy = [
                    asyncio.create_task(send(single_connection.address, "judy", "GET"))
                    for _ in range(150)
                ]
                await wait_until_blocked(connection)
                await wait_until_read(single_connection.address)
                kim = asyncio.create_task(send(single_connection.address, "kim", "GET"))
                await wait_until_read(single_connection.address)
                await connection.execute("COMMIT")
                assert (await kim).is_success
                # One request had the connection, and 33 waited: a third of the wait limit of 100.
                assert sum(result.is_success for result in await asyncio.gather(*judy)) == 34

        asyncio.run(scenario())

    def test_request_that_is_served_frees_its_place_among_the_waiters(
        self, single_connection: service.Service, database_url: str
    ) -> None:
        """One connection lets a hundred requests wait: 160 requests are sent, 40 at a time."""

        async def scenario() -> list[Result]:
            found = []
            for _ in range(4):
                async with transaction(database_url, LOCK_TASKS) as connection:
                    asking = [
                        asyncio.create_task(
                            send(single_connection.address, f"user-{number}", "GET")
                        )
                        for number in range(40)
                    ]
                    await wait_until_blocked(connection)
                found += await asyncio.gather(*asking)
            return found

        assert {result.status for result in asyncio.run(scenario())} == {200}


class TestConnectionsOfOneUser:
    def test_user_gets_a_third_of_the_connections(self, database_url: str) -> None:
        async def scenario(address: str) -> None:
            async with transaction(database_url, LOCK_TASKS) as connection:
                alice = [asyncio.create_task(send(address, "alice", "GET")) for _ in range(12)]
                await wait_for_count(connection, BLOCKED_OF_SERVICE, 2)
                bob = asyncio.create_task(send(address, "bob", "GET"))
                await wait_for_count(connection, BLOCKED_OF_SERVICE, 3)
            await asyncio.gather(*alice, bob)

        settings = {
            "DATABASE_URL": f"{database_url}&application_name={NAME}",
            "DATABASE_CONNECTIONS": "6",
        }
        with service.running(BETTER_AUTH_SECRET=service.SECRET, **settings) as running:
            asyncio.run(scenario(running.address))
