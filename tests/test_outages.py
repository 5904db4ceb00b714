"""Outages of the database, of every kind, under load.

Each test causes a fault while simulated users check every answer: see tests/support/load.py.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import httpx
import psutil
import pytest

from scripts.dev import migration
from tests.support import load, postgres15, service
from tests.support.users import User

USERS = 24
# No answer may take longer; the request timeout of the service is 5 seconds.
MAX_SECONDS = 6.5
MAX_PROMPT_SECONDS = 1.0

Fault = Callable[[], Awaitable[None]]


@pytest.fixture(scope="module")
def postgres() -> Iterator[postgres15.Server]:
    with postgres15.server() as server:
        migration.upgrade(server.url)
        yield server


@pytest.fixture(scope="module")
def running(postgres: postgres15.Server) -> Iterator[service.Service]:
    """One service for all tests of this file: it must recover without a restart."""
    with service.running(DATABASE_URL=postgres.url, BETTER_AUTH_SECRET=service.SECRET) as running:
        yield running
        log = running.whole_log()
        assert "Traceback" not in log
        # Thousands of requests got 503; each kind of failure is logged once in 30 seconds.
        assert 1 < log.count("The database cannot be reached") < 60


def figures_of(address: str, fault: Fault, seconds: float = 4) -> load.Figures:
    """Cause a fault while simulated users check their lists. Return their counts."""

    async def later() -> None:
        await asyncio.sleep(seconds / 4)
        await fault()

    async def both() -> load.Figures:
        async with asyncio.TaskGroup() as group:
            using = group.create_task(load.run(address, USERS, seconds))
            group.create_task(later())
        return using.result()

    figures = asyncio.run(both())
    print(figures)
    assert figures.done.total() > USERS
    return figures


def assert_retried(figures: load.Figures) -> None:
    """Require that idempotent requests were retried and all requests were answered in time."""
    assert not figures.lost
    assert not figures.refused.keys() & load.REPEATABLE
    assert figures.longest < MAX_SECONDS


async def terminate_all(url: str) -> int:
    """Terminate all other connections and wait for their end. Return their number."""
    connection = await asyncpg.connect(url)
    count: int = await connection.fetchval(
        "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
        "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    )
    await connection.close()
    return count


class TestTerminatedConnections:
    def test_terminated_idle_connection_is_replaced_before_use(
        self, postgres: postgres15.Server, running: service.Service
    ) -> None:
        user = User(running.address)
        with user.client:
            for _ in range(5):
                user.create()
                assert asyncio.run(terminate_all(postgres.url))
            assert len(user.titles()) == 5

    def test_repeated_termination_of_all_backends_is_retried(
        self, postgres: postgres15.Server, running: service.Service
    ) -> None:
        async def fault() -> None:
            assert sum([await terminate_all(postgres.url) for _ in range(20)]) >= 20

        assert_retried(figures_of(running.address, fault))


class TestRestarts:
    def test_fast_restart_is_retried(
        self, postgres: postgres15.Server, running: service.Service
    ) -> None:
        async def fault() -> None:
            await asyncio.to_thread(postgres.stop, "fast")
            await asyncio.to_thread(postgres.start)

        assert_retried(figures_of(running.address, fault))

    def test_immediate_restart_after_three_seconds_is_retried(
        self, postgres: postgres15.Server, running: service.Service
    ) -> None:
        async def fault() -> None:
            await asyncio.to_thread(postgres.stop, "immediate")
            await asyncio.sleep(3)
            await asyncio.to_thread(postgres.start)

        assert_retried(figures_of(running.address, fault, 6))

    def test_restart_with_refused_connections_during_recovery_is_retried(
        self, postgres: postgres15.Server, running: service.Service
    ) -> None:
        """A standby without hot_standby refuses connections like a server that starts."""
        standby = postgres.data / "standby.signal"

        async def fault() -> None:
            await asyncio.to_thread(postgres.stop)
            postgres.set(hot_standby="off")
            standby.touch()
            await asyncio.to_thread(postgres.start, wait=False)
            with pytest.raises(asyncpg.CannotConnectNowError):
                await connect(postgres.url)
            await asyncio.sleep(1)
            await asyncio.to_thread(postgres.stop, "immediate")
            standby.unlink()
            await asyncio.to_thread(postgres.start)

        assert_retried(figures_of(running.address, fault, 6))


class TestCrashes:
    def test_killed_database_is_retried(
        self, postgres: postgres15.Server, running: service.Service
    ) -> None:
        async def fault() -> None:
            await asyncio.to_thread(postgres.kill)
            await asyncio.to_thread(postgres.start)

        assert_retried(figures_of(running.address, fault, 6))

    def test_killed_backend_is_retried(
        self, postgres: postgres15.Server, running: service.Service
    ) -> None:
        async def fault() -> None:
            for _ in range(2):
                next(filter(postgres15.is_backend, postgres.processes())).kill()
                await asyncio.sleep(1.5)

        assert_retried(figures_of(running.address, fault, 6))

    def test_killed_worker_is_restarted_without_lost_writes(
        self, postgres: postgres15.Server
    ) -> None:
        settings = {"DATABASE_URL": postgres.url, "BETTER_AUTH_SECRET": service.SECRET}
        with service.running(**settings, WEB_CONCURRENCY="2") as running:
            supervisor = psutil.Process(running.process.pid)

            async def fault() -> None:
                workers = [child for child in supervisor.children() if service.is_worker(child)]
                assert len(workers) == 2
                # The worker with more connections: the other worker may be idle.
                max(workers, key=lambda worker: len(worker.net_connections())).kill()

            figures = figures_of(running.address, fault, 6)
            assert figures.lost
            assert not figures.refused
            until = time.monotonic() + service.START_TIMEOUT
            while sum(map(service.is_worker, supervisor.children())) < 2:
                assert time.monotonic() < until, "The worker was not started again."
                time.sleep(0.1)


class TestLongOutages:
    def test_requests_get_503_promptly_and_succeed_after_the_outage(
        self, postgres: postgres15.Server, running: service.Service
    ) -> None:
        user = User(running.address)
        with user.client:
            task = user.create()
            postgres.stop("immediate")
            try:
                first = timed(lambda: user.request("GET"), 503)
                assert first < MAX_SECONDS
                # The circuit breaker is open now, and no other request waits.
                for method, path, body in (
                    ("GET", "", None),
                    ("POST", "", {"title": "x"}),
                    ("PUT", f"/{task['id']}", {"title": "x"}),
                    ("DELETE", f"/{task['id']}", None),
                ):
                    send = lambda m=method, p=path, b=body: user.request(m, p, json=b)  # noqa: E731
                    assert timed(send, 503) < MAX_PROMPT_SECONDS
                assert (
                    timed(lambda: httpx.get(f"{running.address}/health"), 200) < MAX_PROMPT_SECONDS
                )
                assert (
                    timed(lambda: httpx.get(f"{running.address}/health/ready"), 503)
                    < MAX_PROMPT_SECONDS
                )
            finally:
                postgres.start()
            assert timed(lambda: user.request("GET"), 200) < MAX_PROMPT_SECONDS
            assert user.titles() == ["Buy milk"]
            assert httpx.get(f"{running.address}/health/ready").status_code == 200

    def test_requests_during_recovery_after_a_long_outage_are_retried(
        self, postgres: postgres15.Server, running: service.Service
    ) -> None:
        """The outage is longer than the request timeout, so a refused connection gets 503 at once."""
        user = User(running.address)
        standby = postgres.data / "standby.signal"
        with user.client, ThreadPoolExecutor() as pool:
            user.create()
            postgres.stop("immediate")
            timed(lambda: user.request("GET"), 503)
            assert timed(lambda: user.request("GET"), 503) < MAX_PROMPT_SECONDS
            # A standby without hot_standby answers like a server in recovery.
            postgres.set(hot_standby="off")
            standby.touch()
            postgres.start(wait=False)
            with pytest.raises(asyncpg.CannotConnectNowError):
                asyncio.run(connect(postgres.url))
            answers = [pool.submit(user.request, "GET") for _ in range(20)]
            time.sleep(1)
            postgres.stop("immediate")
            standby.unlink()
            postgres.start()
            assert {answer.result().status_code for answer in answers} == {200}


def timed(send: Callable[[], httpx.Response], status: int) -> float:
    began = time.monotonic()
    response = send()
    assert response.status_code == status, response.text
    return time.monotonic() - began


async def connect(url: str) -> None:
    """Connect until the server answers: until then its port is closed."""
    while True:
        try:
            await asyncpg.connect(url)
        except ConnectionError:
            await asyncio.sleep(0.02)


def test_short_soak_ends_without_lost_writes() -> None:
    """A short run of scripts/soak."""
    command = [sys.executable, str(service.ROOT / "scripts" / "soak"), "0.15"]
    output = subprocess.run(
        command, env=service.clean_environment(), capture_output=True, text=True, check=False
    )
    assert output.returncode == 0, output.stderr
    assert "lost writes      0" in output.stdout
