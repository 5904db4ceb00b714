"""Retries after a lost answer: the database may have executed the statement."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator

import asyncpg
import pytest

from scripts.dev import migration
from tests.support import load, postgres15, proxy, service
from tests.support.users import Json

# The request timeout of the service is 5 seconds.
MAX_SECONDS = 6.5


@pytest.fixture(scope="module")
def postgres() -> Iterator[postgres15.Server]:
    with postgres15.server() as server:
        migration.upgrade(server.url)
        yield server


class ProxiedClient:
    """A user, and a proxy between the service and its database."""

    def __init__(self, http: load.HttpClient, between: proxy.Proxy, url: str) -> None:
        self.http = http
        self.proxy = between
        self.url = url

    async def request(self, method: str, path: str = "", body: object = None) -> tuple[int, Json]:
        return await self.http.request(method, f"/api/alice/tasks{path}", body)

    async def lose_answer(
        self, method: str, path: str = "", body: object = None, *, cut: bool = True
    ) -> tuple[int, float]:
        """Send a request, and lose the answer of the database after the statement was executed."""
        before = await self.count()
        self.proxy.loses_answers = True
        began = time.monotonic()
        asking = asyncio.create_task(self.request(method, path, body))
        while method != "GET" and await self.count() == before:
            await asyncio.wait([asking], timeout=0.01)
            assert not asking.done(), asking.result()
        if cut:
            self.proxy.cut()
            self.proxy.loses_answers = False
        status, _ = await asking
        self.proxy.loses_answers = False
        return status, time.monotonic() - began

    async def count(self) -> int:
        """Return a number that grows with every committed change, read directly from the database."""
        connection = await asyncpg.connect(self.url)
        changes: int = await connection.fetchval(
            "SELECT sum(xmin::text::bigint + id) FROM tasks WHERE user_id = 'alice'"
        )
        await connection.close()
        return changes


def run_scenario(
    postgres: postgres15.Server,
    steps: Callable[[ProxiedClient, int], Awaitable[None]],
    **settings: str,
) -> None:
    """Run a scenario for a user with one task, whose ID is the argument."""
    port = service.free_port()
    url = postgres.url.replace(str(postgres.port), str(port))

    async def scenario(address: str) -> None:
        async with proxy.between(port, postgres.port) as between:
            client = ProxiedClient(load.HttpClient(address, "alice"), between, postgres.url)
            _, task = await client.request("POST", "", {"title": "x"})
            await steps(client, task["id"])
            await client.request("DELETE", f"/{task['id']}")
            client.http.close()

    settings = {"DATABASE_URL": url, "BETTER_AUTH_SECRET": service.SECRET, **settings}
    with service.running(**settings) as running:
        asyncio.run(scenario(running.address))


def require_status(
    postgres: postgres15.Server,
    method: str,
    path: str,
    body: Json | None,
    status: int,
    **settings: str,
) -> None:
    """Require the status of a request whose first response from the database is lost."""

    async def steps(client: ProxiedClient, task_id: int) -> None:
        given = {"task_ids": [task_id]} if path == "/order" else body
        # The driver reads the type of an array before its first use.
        await client.request(method, path.format(task_id), given)
        answered, _ = await client.lose_answer(method, path.format(task_id), given)
        assert answered == status

    run_scenario(postgres, steps, **settings)


class TestLostAnswers:
    def test_create_is_not_retried_and_gets_503(self, postgres: postgres15.Server) -> None:
        async def steps(client: ProxiedClient, _: int) -> None:
            assert (await client.lose_answer("POST", "", {"title": "lost"}))[0] == 503
            _, page = await client.request("GET")
            assert [task["title"] for task in page["data"]] == ["x", "lost"]
            await client.request("DELETE", f"/{page['data'][1]['id']}")

        run_scenario(postgres, steps)

    def test_toggle_is_not_retried_and_gets_503(self, postgres: postgres15.Server) -> None:
        async def steps(client: ProxiedClient, task_id: int) -> None:
            assert (await client.lose_answer("PATCH", f"/{task_id}/complete"))[0] == 503
            assert (await client.request("GET", f"/{task_id}"))[1]["completed"] is True

        run_scenario(postgres, steps)

    def test_delete_is_not_retried_and_gets_503(self, postgres: postgres15.Server) -> None:
        async def steps(client: ProxiedClient, task_id: int) -> None:
            assert (await client.lose_answer("DELETE", f"/{task_id}"))[0] == 503
            assert (await client.request("GET", f"/{task_id}"))[0] == 404

        run_scenario(postgres, steps)

    @pytest.mark.parametrize(
        ("method", "path", "body", "status"),
        [
            ("PUT", "/{}", {"title": "y"}, 200),
            ("PUT", "/{}", {"position": 0}, 200),
            ("PATCH", "/{}/complete", {"completed": True}, 200),
            ("PUT", "/order", {"task_ids": ["{}"]}, 204),
            ("GET", "/{}", None, 200),
        ],
    )
    def test_idempotent_statement_is_retried_and_succeeds(
        self, postgres: postgres15.Server, method: str, path: str, body: Json | None, status: int
    ) -> None:
        require_status(postgres, method, path, body, status)

    @pytest.mark.parametrize(
        ("method", "path", "body", "status"),
        [
            ("PUT", "/{}", {"title": "y"}, 503),
            ("PATCH", "/{}/complete", {"completed": True}, 503),
            ("PUT", "/order", {"task_ids": ["{}"]}, 503),
            ("GET", "/{}", None, 200),
        ],
    )
    def test_only_reads_are_retried_through_a_pooler(
        self, postgres: postgres15.Server, method: str, path: str, body: Json | None, status: int
    ) -> None:
        """Behind a pooler the service cannot terminate the first attempt."""
        require_status(postgres, method, path, body, status, DATABASE_POOLED="true")

    def test_first_attempt_is_terminated_before_the_retry(
        self, postgres: postgres15.Server
    ) -> None:
        """PostgreSQL does not notice a lost connection while its statement waits for a lock."""

        async def steps(client: ProxiedClient, task_id: int) -> None:
            await client.request("PUT", f"/{task_id}", {"title": "x"})
            connection = await asyncpg.connect(client.url)
            await connection.execute("BEGIN; LOCK TABLE tasks")
            changing = asyncio.create_task(client.request("PUT", f"/{task_id}", {"title": "first"}))
            first = await waiting(connection, set())
            client.proxy.cut()
            assert not first & await waiting(connection, first)
            await connection.execute("COMMIT")
            await connection.close()
            assert (await changing)[0] == 200

        run_scenario(postgres, steps)

    def test_first_attempt_that_cannot_be_terminated_gets_503_without_a_retry(
        self, postgres: postgres15.Server
    ) -> None:
        async def steps(client: ProxiedClient, task_id: int) -> None:
            await client.request("PUT", f"/{task_id}", {"title": "x"})
            connection = await asyncpg.connect(client.url)
            await connection.execute("BEGIN; LOCK TABLE tasks")
            changing = asyncio.create_task(client.request("PUT", f"/{task_id}", {"title": "first"}))
            (first,) = await waiting(connection, set())
            os.kill(first, signal.SIGSTOP)
            try:
                client.proxy.cut()
                assert (await changing)[0] == 503
            finally:
                os.kill(first, signal.SIGCONT)
                await connection.close()

        run_scenario(postgres, steps)


async def waiting(connection: "asyncpg.Connection[asyncpg.Record]", before: set[int]) -> set[int]:
    """Return the PIDs of backends that wait for a lock, as soon as there is a new PID."""
    while True:
        await connection.execute("SELECT pg_stat_clear_snapshot()")
        rows = await connection.fetch(
            "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        )
        found = {row["pid"] for row in rows}
        if found - before:
            return found
        await asyncio.sleep(0.01)


class TestSilentDatabase:
    def test_silent_database_gets_503_within_the_timeout_and_recovers(
        self, postgres: postgres15.Server
    ) -> None:
        """A statement is not retried after a timeout: the database may still execute it."""

        async def steps(client: ProxiedClient, task_id: int) -> None:
            status, seconds = await client.lose_answer("GET", f"/{task_id}", cut=False)
            assert (status, seconds < MAX_SECONDS) == (503, True)
            began = time.monotonic()
            assert (await client.request("GET", f"/{task_id}"))[0] == 200
            assert time.monotonic() - began < 1

        run_scenario(postgres, steps)
