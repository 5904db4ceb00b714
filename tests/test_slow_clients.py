"""Slow clients, and clients that send too much or do not read: limits of time and memory."""

import resource
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import httpx
import psutil
import pytest

from tests.support import service
from tests.support.database import run
from tests.support.raw_http import (
    GET,
    HEAD,
    HEALTHY,
    connect,
    post,
    read_answer,
    read_to_end,
    statuses,
)
from tests.support.small_limits import SHORT_TIMEOUTS, TIMEOUT
from tests.support.users import User

# A machine that runs other tests at the same time is slow.
MAX_PROMPT_SECONDS = 10.0
MIB = 1024 * 1024
# Timeouts are checked once a second, and the machine runs other tests at the same time.
TOLERANCE = 3


@pytest.fixture(scope="module")
def slow_clients_service(database_url: str) -> Iterator[service.Service]:
    settings = {"DATABASE_URL": database_url, "BETTER_AUTH_SECRET": service.SECRET}
    with service.running(SHORT_TIMEOUTS, **settings) as running:
        yield running
        assert "Traceback" not in running.log.read_text()


@pytest.fixture
def running(database_url: str) -> Iterator[service.Service]:
    """A separate service, whose memory a test can measure."""
    settings = {"DATABASE_URL": database_url, "BETTER_AUTH_SECRET": service.SECRET}
    with service.running(**settings) as running:
        yield running
        assert "Traceback" not in running.log.read_text()


def list_tasks(user: User, query: str = "") -> bytes:
    token = user.client.headers["Authorization"]
    return f"GET {user.path}{query} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n\r\n".encode()


def fill(url: str, user: User, tasks: int) -> None:
    """Create tasks of 5 KB."""
    user.create()
    run(
        url,
        "INSERT INTO tasks (user_id, title, description, completed, sort_key) "
        f"SELECT '{user.user_id}', 'x', repeat('\U0001f600', 1000), false, number + (1 << 24) "
        f"FROM generate_series(1, {tasks}) number",
    )


def is_open(running: service.Service, client: socket.socket) -> bool:
    """Return whether the service has this connection open."""
    process, port = psutil.Process(running.process.pid), client.getsockname()[1]
    return any(each.raddr and each.raddr.port == port for each in process.net_connections())


def wait_until_closed(running: service.Service, client: socket.socket) -> None:
    """Wait until the service closes a connection that its client neither reads nor closes."""
    until = time.monotonic() + 2 * TIMEOUT + TOLERANCE
    while is_open(running, client):
        assert time.monotonic() < until, "The connection stays open."
        time.sleep(0.1)


def wait_until_accepted(running: service.Service, client: socket.socket) -> None:
    until = time.monotonic() + TOLERANCE
    while not is_open(running, client):
        assert time.monotonic() < until, "The connection is not accepted."


def assert_served(running: service.Service) -> None:
    user = User(running.address)
    with user.client:
        began = time.monotonic()
        user.create()
        assert time.monotonic() - began < MAX_PROMPT_SECONDS


class TestIncompleteRequests:
    """The timeout of a request starts with the connection or after the last answer."""

    def closed_after(self, client: socket.socket, repeated: bytes = b"") -> tuple[float, bytes]:
        """Send a part repeatedly until the service closes. Return the seconds and the answer."""
        began, answer = time.monotonic(), b""
        client.settimeout(0.1)
        while time.monotonic() - began < TIMEOUT + TOLERANCE:
            try:
                if repeated:
                    client.sendall(repeated)
                part = client.recv(65536)
            except TimeoutError:
                continue
            except ConnectionError:
                break
            if not part:
                break
            answer += part
        else:
            raise AssertionError("The connection stays open.")
        return time.monotonic() - began, answer

    @pytest.mark.parametrize(
        ("sent", "repeated", "expected"),
        [
            (b"", b"", []),
            (b"GET /hea", b"", [408]),
            (b"GET /", b"x", [408]),
            (HEAD, b"", [408]),
            (HEAD, b"X: y\r\n", [408]),
            (GET, b"\r\n", [200]),
            (GET, b"", [200]),
            (GET + HEAD, b"X: y\r\n", [200, 408]),
            (GET + GET + b"G", b"", [200, 200, 408]),
            # Answered before the body is there.
            (HEAD + b"Content-Length: 1000\r\n\r\n", b"x", [200]),
            (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", [200]),
        ],
    )
    def test_incomplete_request_gets_408_after_the_timeout(
        self,
        slow_clients_service: service.Service,
        sent: bytes,
        repeated: bytes,
        expected: list[int],
    ) -> None:
        with connect(slow_clients_service) as client:
            client.sendall(sent)
            seconds, answer = self.closed_after(client, repeated)
        assert statuses(answer) == expected
        assert seconds > TIMEOUT - 0.5

    @pytest.mark.parametrize("repeated", [b"", b" "])
    def test_incomplete_body_with_a_valid_token_gets_408_after_the_timeout(
        self, slow_clients_service: service.Service, repeated: bytes
    ) -> None:
        user = User(slow_clients_service.address)
        with user.client, connect(slow_clients_service) as client:
            client.sendall(post(user, length=1000) + b"{")
            seconds, answer = self.closed_after(client, repeated)
        assert statuses(answer) == [408]
        assert seconds > TIMEOUT - 0.5

    def test_slow_request_within_the_timeout_is_served(
        self, slow_clients_service: service.Service
    ) -> None:
        user = User(slow_clients_service.address)
        body = b'{"title": "Slow"}'
        with user.client, connect(slow_clients_service) as client:
            message = post(user, length=len(body)) + body
            for begin in range(0, len(message), 50):
                client.sendall(message[begin : begin + 50])
                time.sleep(0.1)
            assert statuses(read_answer(client)) == [201]

    def test_idle_timeout_starts_again_after_each_answer(
        self, slow_clients_service: service.Service
    ) -> None:
        with connect(slow_clients_service) as client:
            for _ in range(3):
                client.sendall(GET)
                assert read_answer(client).endswith(HEALTHY)
                time.sleep(TIMEOUT * 0.6)

    def test_incomplete_requests_use_bounded_memory(self, running: service.Service) -> None:
        """300 clients send 60 KiB of headers, and 300 clients send 200 KiB of a body."""
        user = User(running.address)
        memory = psutil.Process(running.process.pid).memory_info
        with user.client, ExitStack() as stack:
            before = memory().rss
            for number in range(600):
                client = stack.enter_context(connect(running))
                head = HEAD + b"X: y\r\n" * 10_000
                body = post(user, length=250_000) + b" " * 200_000
                with suppress(ConnectionError):
                    client.sendall(head if number % 2 else body)
            assert_served(running)
            grown = (memory().rss - before) / MIB
        print(f"600 incomplete requests: {grown:.0f} MiB more")
        assert grown < 130

    def test_pipelined_requests_use_bounded_memory(self, running: service.Service) -> None:
        memory = psutil.Process(running.process.pid).memory_info
        before = memory().rss
        with ExitStack() as stack:
            clients = [stack.enter_context(connect(running)) for _ in range(50)]
            for client in clients:
                with suppress(ConnectionError):
                    client.sendall(GET * 5000)
            answers = [statuses(read_to_end(client)) for client in clients]
        assert all(set(answer) <= {200} for answer in answers)
        print(f"250,000 requests ahead: {(memory().rss - before) / MIB:.0f} MiB more")
        assert (memory().rss - before) / MIB < 40

    def test_two_reasons_to_reject_get_one_response(
        self, slow_clients_service: service.Service
    ) -> None:
        with connect(slow_clients_service) as client:
            client.sendall(
                b"GET /health HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 70_000 + b"\0\r\n\r\n"
            )
            assert statuses(read_to_end(client)) == [400]

    def test_invalid_body_during_a_response_closes_without_another(self) -> None:
        with (
            service.running(("tests.support.streaming:app", "--lifespan=off")) as running,
            connect(running) as client,
        ):
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            client.recv(64, socket.MSG_PEEK)
            client.sendall(b"not a chunk\r\n")
            assert statuses(read_to_end(client)) == [200]


class TestManyConnections:
    MAX_FILES = 300

    def test_new_client_at_the_limit_of_open_files_is_served(self, database_url: str) -> None:
        settings = {"DATABASE_URL": database_url, "BETTER_AUTH_SECRET": service.SECRET}
        with (
            service.running(**settings, max_files=f"{self.MAX_FILES}:{self.MAX_FILES}") as running,
            ExitStack() as stack,
        ):
            process = psutil.Process(running.process.pid)
            clients = [stack.enter_context(connect(running)) for _ in range(2 * self.MAX_FILES)]
            for _ in range(20):
                assert_served(running)
            assert process.num_fds() < self.MAX_FILES
            # The oldest were closed, and the newest were not.
            assert read_to_end(clients[0]) == b""
            clients[-1].sendall(GET)
            assert read_answer(clients[-1]).endswith(HEALTHY)
            assert running.whole_log().count("MAX_CONNECTIONS") == 1

    def test_soft_limit_of_open_files_is_raised(self, database_url: str) -> None:
        settings = {"DATABASE_URL": database_url, "BETTER_AUTH_SECRET": service.SECRET}
        with service.running(**settings, max_files="64:4096") as running:
            process = psutil.Process(running.process.pid)
            assert process.rlimit(psutil.RLIMIT_NOFILE) == (4096, 4096)


class TestIdleClients:
    """Clients that send nothing or a part of a request use no shared resource."""

    IDLE_CLIENTS = 1000

    def test_idle_clients_and_incomplete_requests_do_not_delay_another_client(
        self, running: service.Service
    ) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
        psutil.Process(running.process.pid).rlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
        user = User(running.address)
        body = post(user, length=100)
        with ExitStack() as stack:
            stack.enter_context(user.client)
            for sent in [b""] * self.IDLE_CLIENTS + [body[:-2]] * 100 + [body + b"{"] * 100:
                stack.enter_context(connect(running)).sendall(sent)
            for _ in range(20):
                assert_served(running)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class TestUnreadAnswers:
    """Unread answers are limited in size and time."""

    @pytest.fixture
    def large_list(self, running: service.Service, database_url: str) -> Iterator[User]:
        user = User(running.address)
        with user.client:
            fill(database_url, user, 1000)
            yield user

    def test_unread_answers_of_one_user_use_bounded_memory(
        self, running: service.Service, large_list: User
    ) -> None:
        process = psutil.Process(running.process.pid)
        assert large_list.page()["data"]
        before = peak = process.memory_info().rss
        with ExitStack() as stack:
            for _ in range(120):
                client = stack.enter_context(connect(running, buffer=4096))
                client.sendall(list_tasks(large_list))
            until = time.monotonic() + 5
            while time.monotonic() < until:
                assert_served(running)
                peak = max(peak, process.memory_info().rss)
            print(f"120 unread answers: at most {(peak - before) / MIB:.0f} MiB more")
            assert (peak - before) / MIB < 100
            # Stalled connections do not block new requests of the same user.
            until = time.monotonic() + TOLERANCE + MAX_PROMPT_SECONDS
            while large_list.request("GET").status_code == 503:
                assert time.monotonic() < until
                time.sleep(0.1)
        assert running.whole_log().count("MAX_UNREAD_PER_USER") == 1

    def test_unread_answers_of_many_users_use_bounded_memory(
        self, running: service.Service, database_url: str
    ) -> None:
        process = psutil.Process(running.process.pid)
        users = [User(running.address) for _ in range(40)]
        for user in users:
            with user.client:
                fill(database_url, user, 900)
        before = peak = process.memory_info().rss
        with ExitStack() as stack:
            for user in users * 3:
                client = stack.enter_context(connect(running, buffer=4096))
                client.sendall(list_tasks(user))
                assert_served(running)
                peak = max(peak, process.memory_info().rss)
        print(f"120 unread answers of 40 users: at most {(peak - before) / MIB:.0f} MiB more")
        assert (peak - before) / MIB < 180
        assert running.whole_log().count("MAX_UNREAD (") == 1

    def test_concurrent_large_answers_of_one_user_are_complete(
        self, running: service.Service, large_list: User
    ) -> None:
        """An answer may be 503 with Retry-After, and is never cut."""
        users = [User(running.address, large_list.user_id) for _ in range(12)]
        with ThreadPoolExecutor(len(users)) as pool:
            read = [pool.submit(each.request, "GET") for each in users for _ in range(3)]
            found = {each.result().status_code for each in read}
        for each in users:
            each.client.close()
        assert found <= {200, 503}

    def test_unread_answer_is_closed_after_the_timeout(self, database_url: str) -> None:
        settings = {"DATABASE_URL": database_url, "BETTER_AUTH_SECRET": service.SECRET}
        with service.running(SHORT_TIMEOUTS, **settings) as running:
            user = User(running.address)
            with user.client:
                fill(database_url, user, 1000)
            with connect(running, buffer=4096) as client:
                client.sendall(list_tasks(user))
                wait_until_accepted(running, client)
                wait_until_closed(running, client)
            # The timeout of the next request would close it, too, but later.
            assert "A response was not read within RESPONSE_TIMEOUT" in running.whole_log()

    def test_unread_answers_below_the_write_buffer_are_closed(
        self, slow_clients_service: service.Service, database_url: str
    ) -> None:
        """A small rest of an answer is not counted as unread, and must be closed all the same."""
        user = User(slow_clients_service.address)
        with user.client:
            fill(database_url, user, 300)
        with ExitStack() as stack:
            # One of these sizes exceeds the kernel's buffers by less than asyncio's buffer.
            clients = []
            for limit in range(40, 300, 8):
                client = stack.enter_context(connect(slow_clients_service, buffer=4096))
                client.sendall(list_tasks(user, f"?limit={limit}"))
                wait_until_accepted(slow_clients_service, client)
                clients.append(client)
            for client in clients:
                wait_until_closed(slow_clients_service, client)

    def test_unread_answers_of_pipelined_requests_are_closed_after_the_timeout(
        self, slow_clients_service: service.Service
    ) -> None:
        with connect(slow_clients_service, buffer=4096) as client:
            wait_until_accepted(slow_clients_service, client)
            client.setblocking(False)
            with suppress(BlockingIOError, ConnectionError):
                while True:
                    client.send(GET)
            wait_until_closed(slow_clients_service, client)

    def test_slow_reader_within_the_timeout_gets_the_whole_answer(
        self, slow_clients_service: service.Service, database_url: str
    ) -> None:
        user = User(slow_clients_service.address)
        with user.client:
            fill(database_url, user, 200)
            expected = user.page()
        with connect(slow_clients_service, buffer=4096) as client:
            client.sendall(list_tasks(user))
            time.sleep(TIMEOUT / 2)
            answer = read_answer(client)
        assert httpx.Response(200, content=answer.split(b"\r\n\r\n", 1)[1]).json() == expected
