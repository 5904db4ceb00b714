"""More work than there is room for, clients that waste it, and the end of the service."""

import asyncio
import json
import re
import resource
import signal
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, suppress
from itertools import chain
from urllib.parse import urlsplit

import asyncpg
import httpx
import psutil
import pytest

from tests.support import journal, service
from tests.support.database import run
from tests.support.users import Person

PROMPT = 1.0
IDLE_CLIENTS = 1000
IDLE = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'idle'"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


@pytest.fixture
def running(database_url: str) -> Iterator[service.Service]:
    with service.running(DATABASE_URL=database_url, BETTER_AUTH_SECRET=service.SECRET) as running:
        yield running


@asynccontextmanager
async def holding(url: str, sql: str) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    """Do something in a transaction and keep it open, and with it its locks."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"BEGIN; {sql}")
        yield connection
    finally:
        await connection.close()


async def send(address: str, user: str, method: str, path: str = "", body: object = None) -> float:
    """Send a request that has to be answered with success or 503; gives the seconds it took."""
    wire = journal.Wire(address, user)
    began = time.monotonic()
    status, _ = await wire.request(method, f"/api/{user}/tasks{path}", body)
    wire.close()
    assert status in (200, 201, 503), status
    return (1 if status == 503 else -1) * (time.monotonic() - began)


class TestLocks:
    def test_one_locked_list_holds_up_nobody_else(
        self, running: service.Service, database_url: str
    ) -> None:
        async def scenario() -> None:
            await send(running.address, "alice", "POST", "", {"title": "x"})
            lock = "SELECT * FROM task_lists WHERE user_id = 'alice' FOR UPDATE"
            async with holding(database_url, lock), asyncio.TaskGroup() as group:
                for _ in range(30):
                    group.create_task(send(running.address, "alice", "POST", "", {"title": "x"}))
                until = time.monotonic() + 4
                while time.monotonic() < until:
                    assert -PROMPT < await send(running.address, "bob", "GET") < 0
                    assert (
                        -PROMPT < await send(running.address, "bob", "POST", "", {"title": "x"}) < 0
                    )
            assert await send(running.address, "alice", "POST", "", {"title": "x"}) < 0

        asyncio.run(scenario())

    def test_when_everything_is_locked_everybody_hears_so_soon(
        self, running: service.Service, database_url: str
    ) -> None:
        async def scenario() -> list[float]:
            await asyncio.gather(*[send(running.address, f"p{n}", "GET") for n in range(20)])
            async with holding(database_url, "LOCK TABLE tasks"):
                asking = asyncio.gather(
                    *[send(running.address, f"p{n}", "GET") for n in range(300)]
                )
                await asyncio.sleep(0.5)
                async with httpx.AsyncClient(base_url=running.address) as client:
                    began = time.monotonic()
                    assert (await client.get("/health")).status_code == 200
                    assert time.monotonic() - began < PROMPT
                    assert (await client.get("/health/ready")).status_code == 503
                waits = await asking
            # What was refused was cancelled, too: there is room again at once.
            assert -PROMPT < await send(running.address, "p0", "GET") < 0
            return waits

        waits = sorted(asyncio.run(scenario()))
        print(f"{len(waits)} refused after {waits[0]:.2f} to {waits[-1]:.2f} s")
        assert waits[0] > 0
        # All but those that got a connection are refused by the limiter, a second before a
        # statement's timeout; a busy machine delays both.
        assert waits[-1] - waits[280] > 0.5
        assert waits[-1] < 6.5

    def test_a_request_that_was_given_up_leaves_nothing_running(
        self, running: service.Service, database_url: str
    ) -> None:
        async def scenario() -> int:
            await send(running.address, "carol", "POST", "", {"title": "x"})
            lock = "SELECT * FROM task_lists WHERE user_id = 'carol' FOR UPDATE"
            async with holding(database_url, lock) as connection:
                assert await send(running.address, "carol", "POST", "", {"title": "y"}) > 0
                count: int = await connection.fetchval(WAITING)
                return count

        assert asyncio.run(scenario()) == 0


class TestTurns:
    """One connection for all, and something that holds it up."""

    @pytest.fixture
    def narrow(self, database_url: str) -> Iterator[service.Service]:
        settings = {"DATABASE_URL": database_url, "BETTER_AUTH_SECRET": service.SECRET}
        with service.running(**settings, DATABASE_CONNECTIONS="1") as running:
            yield running

    def test_each_person_who_waits_has_a_turn_whoever_sent_more(
        self, narrow: service.Service, database_url: str
    ) -> None:
        async def scenario() -> None:
            lock = holding(database_url, "LOCK TABLE tasks")
            async with lock as connection, asyncio.TaskGroup() as group:
                for _ in range(10):
                    group.create_task(send(narrow.address, "judy", "GET"))
                await somebody_waits(connection)
                await has_read_all(narrow.address)
                group.create_task(send(narrow.address, "kim", "GET"))
                await has_read_all(narrow.address)
                await connection.execute("COMMIT")

        asyncio.run(scenario())
        lines = map(json.loads, re.findall("^{.*}$", narrow.whole_log(), re.MULTILINE))
        users = [line["user"] for line in lines if line.get("operation") == "list_tasks"]
        kim = min(users, key=users.count)
        assert users.index(kim) <= 2

    def test_whoever_is_too_many_is_refused_at_once(
        self, narrow: service.Service, database_url: str
    ) -> None:
        async def scenario() -> list[float]:
            async with holding(database_url, "LOCK TABLE tasks"):
                asking = (send(narrow.address, f"p{number}", "GET") for number in range(150))
                return await asyncio.gather(*asking)

        waits = sorted(asyncio.run(scenario()))
        assert waits[0] > 0
        assert waits[48] < PROMPT
        assert waits[49] > PROMPT

    def test_one_person_does_not_fill_the_waiting_room(
        self, narrow: service.Service, database_url: str
    ) -> None:
        async def scenario() -> None:
            lock = holding(database_url, "LOCK TABLE tasks")
            async with lock as connection:
                judy = [
                    asyncio.create_task(send(narrow.address, "judy", "GET")) for _ in range(150)
                ]
                await somebody_waits(connection)
                await has_read_all(narrow.address)
                kim = asyncio.create_task(send(narrow.address, "kim", "GET"))
                await has_read_all(narrow.address)
                await connection.execute("COMMIT")
                assert await kim < 0
                # One was with the database, a third of the room waited, and all others did not.
                assert sum(wait < 0 for wait in await asyncio.gather(*judy)) == 34

        asyncio.run(scenario())


class TestDeadline:
    def test_it_is_one_for_all_that_a_request_has_to_wait_for(
        self, running: service.Service, database_url: str
    ) -> None:
        """A move that loses its turn late, and then finds its task locked."""
        person = Person(running.address, "erin")
        with person.client:
            path = f"/{person.create()['id']}"

        async def scenario() -> float:
            turn = "UPDATE task_lists SET version = version + 1 WHERE user_id = 'erin'"
            task = "SELECT * FROM tasks WHERE user_id = 'erin' FOR UPDATE"
            async with holding(database_url, turn) as first, holding(database_url, task):
                moving = asyncio.create_task(
                    send(running.address, "erin", "PUT", path, {"position": 0})
                )
                await somebody_waits(first)
                # Short of the three seconds of one statement.
                await asyncio.sleep(2.8)
                await first.execute("COMMIT")
                return await moving

        assert 4.5 < asyncio.run(scenario()) < 5.5


class TestIdleConnections:
    def test_they_are_closed_and_made_again(self, database_url: str) -> None:
        settings = {
            "DATABASE_URL": f"{database_url}&application_name=idle",
            "DATABASE_IDLE_SECONDS": "1",
        }

        async def scenario(address: str) -> None:
            connection = await asyncpg.connect(database_url)
            for _ in range(2):
                assert await send(address, "frank", "GET") < 0
                assert await connection.fetchval(IDLE)
                async with asyncio.timeout(3):
                    while await connection.fetchval(IDLE):  # noqa: ASYNC110 - as above.
                        await asyncio.sleep(0.05)
            await connection.close()

        with service.running(**settings, BETTER_AUTH_SECRET=service.SECRET) as running:
            asyncio.run(scenario(running.address))


class TestStaleConnections:
    def test_what_one_has_met_the_others_need_not_meet_again(
        self, running: service.Service, database_url: str
    ) -> None:
        """Ten connections, each with a statement that was prepared before the tables changed."""

        async def scenario() -> None:
            async with holding(database_url, "LOCK TABLE tasks") as connection:
                asking = [
                    asyncio.create_task(send(running.address, f"p{number}", "GET"))
                    for number in range(10)
                ]
                await somebody_waits(connection)
                await has_read_all(running.address)
                await connection.execute("COMMIT")
                assert max(await asyncio.gather(*asking)) < 0
            await asyncio.to_thread(
                run, database_url, "ALTER TABLE tasks ALTER COLUMN title TYPE text"
            )
            took = -await send(running.address, "ivan", "GET")
            await asyncio.to_thread(
                run, database_url, "ALTER TABLE tasks ALTER COLUMN title TYPE varchar(255)"
            )
            assert 0 < took < PROMPT

        asyncio.run(scenario())


class TestIsolationLevels:
    @pytest.mark.parametrize("is_pooled", ["true", "false"])
    def test_a_stricter_default_of_the_database_breaks_nothing(
        self, database_url: str, is_pooled: str
    ) -> None:
        """Nothing can be asked for through a pooler; there, what was refused is tried again."""
        strict = "ALTER ROLE CURRENT_USER SET default_transaction_isolation"
        run(database_url, f"{strict} = 'serializable'")
        settings = {"DATABASE_URL": database_url, "BETTER_AUTH_SECRET": service.SECRET}
        try:
            with service.running(**settings, DATABASE_POOLED=is_pooled) as running:
                found = asyncio.run(create_at_once(running.address))
        finally:
            run(database_url, "ALTER ROLE CURRENT_USER RESET default_transaction_isolation")
        assert found == Counter({201: 200})


async def create_at_once(address: str) -> Counter[int]:
    user = f"dave-{time.time_ns()}"

    async def create() -> list[int]:
        wire = journal.Wire(address, user)
        body = {"title": "x", "position": 0}
        made = [(await wire.request("POST", f"/api/{user}/tasks", body))[0] for _ in range(20)]
        wire.close()
        return made

    return Counter(chain.from_iterable(await asyncio.gather(*[create() for _ in range(10)])))


class TestWastefulClients:
    def test_idle_and_half_sent_requests_starve_nobody(self, running: service.Service) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
        psutil.Process(running.process.pid).rlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
        person = Person(running.address)
        token = person.client.headers["Authorization"]
        head = f"POST {person.path} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n"
        begun = f"{head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"
        target = urlsplit(running.address)
        with ExitStack() as stack:
            stack.enter_context(person.client)
            for sent in [""] * IDLE_CLIENTS + [head] * 100 + [begun] * 100:
                client = socket.create_connection((target.hostname, target.port))
                stack.enter_context(client)
                client.sendall(sent.encode())
            for _ in range(20):
                began = time.monotonic()
                person.create()
                assert time.monotonic() - began < PROMPT
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class TestShutdown:
    def test_what_is_in_flight_is_finished_and_what_is_new_is_refused(
        self, running: service.Service, database_url: str
    ) -> None:
        async def scenario(person: Person, pool: ThreadPoolExecutor) -> None:
            lock = f"SELECT * FROM task_lists WHERE user_id = '{person.user_id}' FOR UPDATE"
            async with holding(database_url, lock) as connection:
                slow = pool.submit(person.create, "in flight")
                await somebody_waits(connection)
                running.process.terminate()
                await refused(running.address)
                await connection.execute("COMMIT")
            assert slow.result()["title"] == "in flight"

        person = Person(running.address)
        with person.client, ThreadPoolExecutor() as pool:
            person.create()
            asyncio.run(scenario(person, pool))
        # uvicorn ends by the signal that it was sent, once it has seen to everything.
        assert running.process.wait(timeout=10) in (0, -signal.SIGTERM)
        assert "Traceback" not in running.log.read_text()

    def test_what_does_not_end_in_time_is_ended(self, database_url: str) -> None:
        """One request is with the database and one waits for its turn when patience is over."""

        async def scenario(running: service.Service) -> None:
            async with holding(database_url, "LOCK TABLE tasks") as connection:
                asking = [
                    asyncio.create_task(send(running.address, user, "GET"))
                    for user in ("grace", "heidi")
                ]
                await somebody_waits(connection)
                await has_read_all(running.address)
                running.process.terminate()
                assert await asyncio.to_thread(running.process.wait, 5) in (0, -signal.SIGTERM)
                with suppress(journal.Lost):
                    assert await asking[0] > 0
                assert await asking[1] > 0

        settings = {"DATABASE_URL": database_url, "BETTER_AUTH_SECRET": service.SECRET}
        impatient = {"DATABASE_CONNECTIONS": "1", "UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN": "1"}
        with service.running(**settings, **impatient) as running:
            asyncio.run(scenario(running))
            assert "Traceback" not in running.log.read_text()

    def test_a_database_that_lets_nobody_in_holds_up_nothing(self) -> None:
        """It takes connections and says nothing; one request connects, and others wait for it."""

        async def scenario(running: service.Service) -> None:
            asking = [
                asyncio.create_task(send(running.address, f"p{number}", "GET"))
                for number in range(5)
            ]
            await has_read_all(running.address)
            running.process.terminate()
            # All are told 503, or why they are not.
            assert min(await asyncio.gather(*asking)) > 0

        with socket.create_server(("127.0.0.1", 0)) as silent:
            settings = {
                "DATABASE_URL": f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/none",
                "BETTER_AUTH_SECRET": service.SECRET,
                "DATABASE_CONNECTIONS": "1",
                "UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN": "1",
            }
            with service.running(**settings) as running:
                asyncio.run(scenario(running))
                assert running.process.wait(timeout=5) in (0, -signal.SIGTERM)
                assert "Traceback" not in running.log.read_text()


async def somebody_waits(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    while not await connection.fetchval(WAITING):
        await asyncio.sleep(0.01)
        # Within a transaction PostgreSQL looks once, and remembers.
        await connection.execute("SELECT pg_stat_clear_snapshot()")


async def has_read_all(address: str) -> None:
    """Ask for something else a few times: what was sent before that has been taken up by then."""
    async with httpx.AsyncClient(base_url=address) as client:
        for _ in range(5):
            assert (await client.get("/health")).status_code == 200


async def refused(address: str) -> None:
    """Connect until nobody listens any more."""
    host = urlsplit(address)
    while True:
        try:
            _, writer = await asyncio.open_connection(host.hostname, host.port)
        except ConnectionError:
            return
        writer.close()
        await writer.wait_closed()
