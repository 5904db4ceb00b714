"""Clients that are slow, send too much or read nothing: each loses its own connection, only."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import httpx
import psutil
import pytest

from tests import service
from tests.conftest import Person, run
from tests.raw import GET, HEAD, HEALTHY, connect, post, read_answer, read_to_end, statuses
from tests.small import SHORT_TIMEOUTS, TIMEOUT

# On a machine that is busy with other tests.
PROMPT = 10.0
MIB = 1024 * 1024
# One check a second, and a machine that is busy with other tests.
TOLERANCE = 3


@pytest.fixture(scope="module")
def slow_clients_service(database_url: str) -> Iterator[service.Service]:
    settings = {"DATABASE_URL": database_url, "BETTER_AUTH_SECRET": service.SECRET}
    with service.running(SHORT_TIMEOUTS, **settings) as running:
        yield running
        assert "Traceback" not in running.log.read_text()


@pytest.fixture
def running(database_url: str) -> Iterator[service.Service]:
    """A service of a test's own, whose memory can be measured."""
    settings = {"DATABASE_URL": database_url, "BETTER_AUTH_SECRET": service.SECRET}
    with service.running(**settings) as running:
        yield running
        assert "Traceback" not in running.log.read_text()


def list_tasks(person: Person) -> bytes:
    token = person.client.headers["Authorization"]
    return f"GET {person.path} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n\r\n".encode()


def fill(url: str, person: Person, tasks: int) -> None:
    """Give a person tasks of 5 KB each."""
    person.create()
    run(
        url,
        "INSERT INTO tasks (user_id, title, description, completed, sort_key) "
        f"SELECT '{person.user_id}', 'x', repeat('\U0001f600', 1000), false, number + (1 << 24) "
        f"FROM generate_series(1, {tasks}) number",
    )


def wait_until_closed(running: service.Service, client: socket.socket) -> None:
    """Wait for the service to close a connection that its client neither reads nor closes."""
    process, port = psutil.Process(running.process.pid), client.getsockname()[1]
    until = time.monotonic() + 2 * TIMEOUT + TOLERANCE
    while any(each.raddr and each.raddr.port == port for each in process.net_connections()):
        assert time.monotonic() < until, "The connection stays open."
        time.sleep(0.1)


def is_served(running: service.Service) -> None:
    person = Person(running.address)
    with person.client:
        began = time.monotonic()
        person.create()
        assert time.monotonic() - began < PROMPT


class TestIncompleteRequests:
    """A request must be complete in time, counted from connecting or from the last answer."""

    def closed_after(self, client: socket.socket, drip: bytes = b"") -> tuple[float, bytes]:
        """Send a piece again and again until the service closes; gives seconds and answer."""
        began, answer = time.monotonic(), b""
        client.settimeout(0.1)
        while time.monotonic() - began < TIMEOUT + TOLERANCE:
            try:
                if drip:
                    client.sendall(drip)
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
        ("sent", "drip", "expected"),
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
    def test_an_incomplete_request_is_closed(
        self, slow_clients_service: service.Service, sent: bytes, drip: bytes, expected: list[int]
    ) -> None:
        with connect(slow_clients_service) as client:
            client.sendall(sent)
            seconds, answer = self.closed_after(client, drip)
        assert statuses(answer) == expected
        assert seconds > TIMEOUT - 0.5

    @pytest.mark.parametrize("drip", [b"", b" "])
    def test_a_body_that_is_not_sent_is_closed_with_a_valid_token_too(
        self, slow_clients_service: service.Service, drip: bytes
    ) -> None:
        person = Person(slow_clients_service.address)
        with person.client, connect(slow_clients_service) as client:
            client.sendall(post(person, length=1000) + b"{")
            seconds, answer = self.closed_after(client, drip)
        assert statuses(answer) == [408]
        assert seconds > TIMEOUT - 0.5

    def test_a_slow_request_that_is_complete_in_time_is_served(
        self, slow_clients_service: service.Service
    ) -> None:
        person = Person(slow_clients_service.address)
        body = b'{"title": "Slow"}'
        with person.client, connect(slow_clients_service) as client:
            message = post(person, length=len(body)) + body
            for begin in range(0, len(message), 50):
                client.sendall(message[begin : begin + 50])
                time.sleep(0.1)
            assert statuses(read_answer(client)) == [201]

    def test_an_idle_connection_between_requests_has_its_time_anew(
        self, slow_clients_service: service.Service
    ) -> None:
        with connect(slow_clients_service) as client:
            for _ in range(3):
                client.sendall(GET)
                assert read_answer(client).endswith(HEALTHY)
                time.sleep(TIMEOUT * 0.6)

    def test_incomplete_requests_hold_a_bounded_memory(self, running: service.Service) -> None:
        """300 clients send 60 KiB of headers each, and as many 200 KiB of a body."""
        person = Person(running.address)
        memory = psutil.Process(running.process.pid).memory_info
        with person.client, ExitStack() as stack:
            before = memory().rss
            for number in range(600):
                client = stack.enter_context(connect(running))
                head = HEAD + b"X: y\r\n" * 10_000
                body = post(person, length=250_000) + b" " * 200_000
                with suppress(ConnectionError):
                    client.sendall(head if number % 2 else body)
            is_served(running)
            grown = (memory().rss - before) / MIB
        print(f"600 incomplete requests: {grown:.0f} MiB more")
        assert grown < 130

    def test_requests_sent_ahead_hold_a_bounded_memory(self, running: service.Service) -> None:
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


class TestManyConnections:
    MAX_FILES = 300

    def test_new_clients_are_served_when_the_limit_of_open_files_is_reached(
        self, database_url: str
    ) -> None:
        settings = {"DATABASE_URL": database_url, "BETTER_AUTH_SECRET": service.SECRET}
        with (
            service.running(**settings, max_files=str(self.MAX_FILES)) as running,
            ExitStack() as stack,
        ):
            process = psutil.Process(running.process.pid)
            clients = [stack.enter_context(connect(running)) for _ in range(2 * self.MAX_FILES)]
            for _ in range(20):
                is_served(running)
            assert process.num_fds() < self.MAX_FILES
            # The oldest were closed, and the newest were not.
            assert read_to_end(clients[0]) == b""
            clients[-1].sendall(GET)
            assert read_answer(clients[-1]).endswith(HEALTHY)
            assert running.whole_log().count("MAX_CONNECTIONS") == 1


class TestUnreadAnswers:
    """What a client does not take is held only in a bounded amount, and not for long."""

    @pytest.fixture
    def rich(self, running: service.Service, database_url: str) -> Iterator[Person]:
        person = Person(running.address)
        with person.client:
            fill(database_url, person, 1000)
            yield person

    def test_one_user_who_does_not_read_holds_a_bounded_memory(
        self, running: service.Service, rich: Person
    ) -> None:
        process = psutil.Process(running.process.pid)
        assert rich.page()["data"]
        before = peak = process.memory_info().rss
        with ExitStack() as stack:
            for _ in range(120):
                client = stack.enter_context(connect(running, buffer=4096))
                client.sendall(list_tasks(rich))
            until = time.monotonic() + 5
            while time.monotonic() < until:
                is_served(running)
                peak = max(peak, process.memory_info().rss)
            print(f"120 unread answers: at most {(peak - before) / MIB:.0f} MiB more")
            assert (peak - before) / MIB < 100
            # Those that have stalled do not keep their user from reading.
            until = time.monotonic() + TOLERANCE + PROMPT
            while rich.request("GET").status_code == 503:
                assert time.monotonic() < until
                time.sleep(0.1)
        assert running.whole_log().count("MAX_UNREAD_PER_USER") == 1

    def test_many_users_who_do_not_read_hold_a_bounded_memory(
        self, running: service.Service, database_url: str
    ) -> None:
        process = psutil.Process(running.process.pid)
        people = [Person(running.address) for _ in range(40)]
        for person in people:
            with person.client:
                fill(database_url, person, 900)
        before = peak = process.memory_info().rss
        with ExitStack() as stack:
            for person in people * 3:
                client = stack.enter_context(connect(running, buffer=4096))
                client.sendall(list_tasks(person))
                is_served(running)
                peak = max(peak, process.memory_info().rss)
        print(f"120 unread answers of 40 users: at most {(peak - before) / MIB:.0f} MiB more")
        assert (peak - before) / MIB < 180
        assert running.whole_log().count("MAX_UNREAD (") == 1

    def test_one_user_who_reads_many_large_lists_at_once_loses_none(
        self, running: service.Service, rich: Person
    ) -> None:
        """An answer may be 503 with Retry-After, and is never cut."""
        people = [Person(running.address, rich.user_id) for _ in range(12)]
        with ThreadPoolExecutor(len(people)) as pool:
            read = [pool.submit(each.request, "GET") for each in people for _ in range(3)]
            found = {each.result().status_code for each in read}
        for each in people:
            each.client.close()
        assert found <= {200, 503}

    def test_an_answer_that_is_not_taken_is_closed(
        self, slow_clients_service: service.Service, database_url: str
    ) -> None:
        person = Person(slow_clients_service.address)
        with person.client:
            fill(database_url, person, 1000)
        with connect(slow_clients_service, buffer=4096) as client:
            client.sendall(list_tasks(person))
            wait_until_closed(slow_clients_service, client)

    def test_small_answers_to_requests_sent_ahead_that_are_not_taken_are_closed(
        self, slow_clients_service: service.Service
    ) -> None:
        with connect(slow_clients_service, buffer=4096) as client:
            client.setblocking(False)
            with suppress(BlockingIOError, ConnectionError):
                while True:
                    client.send(GET)
            wait_until_closed(slow_clients_service, client)

    def test_a_slow_reader_who_takes_the_answer_in_time_gets_all_of_it(
        self, slow_clients_service: service.Service, database_url: str
    ) -> None:
        person = Person(slow_clients_service.address)
        with person.client:
            fill(database_url, person, 200)
            expected = person.page()
        with connect(slow_clients_service, buffer=4096) as client:
            client.sendall(list_tasks(person))
            time.sleep(TIMEOUT / 2)
            answer = read_answer(client)
        assert httpx.Response(200, content=answer.split(b"\r\n\r\n", 1)[1]).json() == expected
