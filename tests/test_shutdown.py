"""Graceful shutdown: requests in flight end, and new connections are refused."""

import asyncio
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from urllib.parse import urlsplit

import pytest

from tests.support import load, service
from tests.support.contention import send, transaction, wait_until_blocked, wait_until_read
from tests.support.users import User

SHORT_SHUTDOWN = {"DATABASE_CONNECTIONS": "1", "UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN": "1"}
# uvicorn ends by the signal that it received, after a graceful shutdown.
GRACEFUL = (0, -signal.SIGTERM)


@pytest.fixture
def running(database_url: str) -> Iterator[service.Service]:
    with service.running(DATABASE_URL=database_url, BETTER_AUTH_SECRET=service.SECRET) as running:
        yield running


class TestShutdown:
    def test_request_in_flight_is_answered_and_a_new_connection_is_refused(
        self, running: service.Service, database_url: str
    ) -> None:
        async def scenario(user: User, pool: ThreadPoolExecutor) -> None:
            lock = f"SELECT * FROM task_lists WHERE user_id = '{user.user_id}' FOR UPDATE"
            async with transaction(database_url, lock) as connection:
                slow = pool.submit(user.create, "in flight")
                await wait_until_blocked(connection)
                running.process.terminate()
                await wait_until_refused(running.address)
                await connection.execute("COMMIT")
            assert slow.result()["title"] == "in flight"

        user = User(running.address)
        with user.client, ThreadPoolExecutor() as pool:
            user.create()
            asyncio.run(scenario(user, pool))
        assert running.process.wait(timeout=10) in GRACEFUL
        assert "Traceback" not in running.log.read_text()

    def test_request_beyond_the_shutdown_timeout_gets_503_or_loses_its_connection(
        self, database_url: str
    ) -> None:
        """One request has the connection and another one waits when the timeout is over."""

        async def scenario(running: service.Service) -> None:
            async with transaction(database_url, "LOCK TABLE tasks") as connection:
                asking = [
                    asyncio.create_task(send(running.address, user_id, "GET"))
                    for user_id in ("grace", "heidi")
                ]
                await wait_until_blocked(connection)
                await wait_until_read(running.address)
                running.process.terminate()
                assert await asyncio.to_thread(running.process.wait, 5) in GRACEFUL
                with suppress(load.ConnectionLost):
                    assert (await asking[0]).status == 503
                assert (await asking[1]).status == 503

        settings = {"DATABASE_URL": database_url, "BETTER_AUTH_SECRET": service.SECRET}
        with service.running(**settings, **SHORT_SHUTDOWN) as running:
            asyncio.run(scenario(running))
            assert "Traceback" not in running.log.read_text()

    def test_database_that_accepts_connections_and_never_answers_does_not_delay_shutdown(
        self,
    ) -> None:
        """One request connects, and the others wait for the single connection."""

        async def scenario(running: service.Service) -> None:
            asking = [
                asyncio.create_task(send(running.address, f"p{number}", "GET"))
                for number in range(5)
            ]
            await wait_until_read(running.address)
            running.process.terminate()
            assert {result.status for result in await asyncio.gather(*asking)} == {503}

        with socket.create_server(("127.0.0.1", 0)) as silent:
            settings = {
                "DATABASE_URL": f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/none",
                "BETTER_AUTH_SECRET": service.SECRET,
            }
            with service.running(**settings, **SHORT_SHUTDOWN) as running:
                asyncio.run(scenario(running))
                assert running.process.wait(timeout=5) in GRACEFUL
                assert "Traceback" not in running.log.read_text()


async def wait_until_refused(address: str) -> None:
    """Connect until the connection is refused."""
    host = urlsplit(address)
    while True:
        try:
            _, writer = await asyncio.open_connection(host.hostname, host.port)
        except ConnectionError:
            return
        writer.close()
        await writer.wait_closed()
