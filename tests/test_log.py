"""The log: enough to find the cause of an error, and no personal data."""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import IO

import httpx
import pytest

from tests.support import service
from tests.support.raw_http import connect_like
from tests.support.service import SECRET
from tests.support.small_limits import SHORT_TIMEOUTS
from tests.support.users import Json, User

TIMEOUT = 10
LINE = {"time", "level", "logger", "request_id", "method", "operation", "status", "milliseconds"}


@contextmanager
def logging(url: str, **settings: str) -> Iterator[tuple[User, Callable[..., list[str]]]]:
    """Run a service. Yield a user and a function that returns the log lines of a request ID."""
    with service.running(DATABASE_URL=url, BETTER_AUTH_SECRET=SECRET, **settings) as running:

        def find(request_id: str, *, count: int = 1) -> list[str]:
            until = time.monotonic() + TIMEOUT
            while time.monotonic() < until:
                written = running.log.read_text().splitlines()
                lines = [line for line in written if re.search(rf'["\[]{request_id}["\]]', line)]
                if len(lines) >= count:
                    return lines
                time.sleep(0.01)
            raise AssertionError(f"No line has {request_id}:\n{running.log.read_text()}")

        user = User(running.address)
        with user.client:
            yield user, find
        written = running.log.read_text()
        assert "Traceback" not in written
        # The access log of uvicorn would contain paths with user IDs.
        assert "HTTP/1.1" not in written


def identified(request_id: str) -> dict[str, str]:
    return {"X-Request-Id": request_id}


@pytest.fixture
def unreachable_url(unused_port: int) -> str:
    """The address of an unreachable database."""
    return f"postgresql://anonymous@127.0.0.1:{unused_port}/nothing"


class TestJsonLog:
    def test_request_is_logged_in_one_line_with_operation_and_status(
        self, database_url: str
    ) -> None:
        with logging(database_url) as (user, find):
            user.create()
            user.request("GET", headers=identified("listed"))
            user.client.get("/nowhere", headers=identified("unknown"))
            user.client.get(user.path, headers={"Authorization": "", **identified("anonymous")})
            listed, unknown, anonymous = (
                json.loads(*find(name)) for name in ("listed", "unknown", "anonymous")
            )
        assert listed.keys() == LINE | {"user"}
        assert (listed["level"], listed["method"], listed["status"]) == ("info", "GET", 200)
        assert listed["operation"] == "list_tasks"
        assert 0 < listed["milliseconds"] < 1000 * TIMEOUT
        assert (unknown["operation"], unknown["status"], unknown["user"]) == (None, 404, None)
        assert (anonymous["operation"], anonymous["status"]) == ("list_tasks", 401)
        assert anonymous["user"] is None

    def test_every_line_is_a_json_object(self, database_url: str) -> None:
        with service.running(DATABASE_URL=database_url, BETTER_AUTH_SECRET=SECRET) as running:
            with (
                httpx.Client(base_url=running.address) as client,
                connect_like(client) as connection,
            ):
                connection.sendall(b"nonsense\r\n\r\n")
                assert connection.recv(20).startswith(b"HTTP/1.1 400")
                client.get("/health", headers=identified("last"))
            until = time.monotonic() + TIMEOUT
            while '"last"' not in running.log.read_text():
                assert time.monotonic() < until
            lines = running.log.read_text().splitlines()
        assert [json.loads(line)["level"] for line in lines].count("warning") == 1

    def test_lines_of_one_user_have_the_same_hash_and_no_personal_data(
        self, database_url: str
    ) -> None:
        with logging(database_url) as (user, find):
            task = user.create("a secret title")
            path = f"/{task['id']}"
            user.request("GET", path, headers=identified("first"))
            user.request("DELETE", path, headers=identified("second"))
            other = User(str(user.client.base_url))
            with other.client:
                other.request("GET", headers=identified("third"))
            lines = [*find("first"), *find("second"), *find("third")]
        users = [json.loads(line)["user"] for line in lines]
        assert users[0] == users[1] != users[2]
        token = str(user.client.headers["Authorization"]).split()[1]
        for hidden in (user.user_id, "/tasks", "a secret title", token):
            assert not [line for line in lines if hidden in line]

    def test_warning_has_the_request_id(self, unreachable_url: str) -> None:
        with logging(unreachable_url) as (user, find):
            user.client.get("/health/ready", headers=identified("find-me"))
            warning, line = map(json.loads, find("find-me", count=2))
        assert warning["level"] == "warning"
        assert "The database cannot be reached" in warning["message"]
        assert (line["status"], line["operation"]) == (503, "get_readiness")

    def test_client_that_disconnects_during_its_request_is_logged_as_info(
        self, database_url: str
    ) -> None:
        head = "\r\n".join(
            [
                *("POST /api/zoe/tasks HTTP/1.1", "Host: x", "Content-Length: 100"),
                f"Authorization: {User('', 'zoe').client.headers['Authorization']}",
                *("X-Request-Id: gone", "", "{"),
            ]
        )
        with logging(database_url) as (user, find):
            with connect_like(user.client) as connection:
                connection.sendall(head.encode())
            line: Json = json.loads(*find("gone"))
        # The client disconnected before an answer was sent.
        assert (line["level"], line["status"]) == ("info", 0)


class TestTextLog:
    def test_request_is_logged_as_plain_text(self, database_url: str) -> None:
        with logging(database_url, ENVIRONMENT="development") as (user, find):
            user.request("GET", headers=identified("listed"))
            httpx.get(f"{user.client.base_url}/nowhere", headers=identified("unknown"))
            lines = [*find("listed"), *find("unknown")]
        time_of_day, duration = r"\d\d:\d\d:\d\d", r"\d+\.\d ms"
        for line, what in zip(lines, ("GET list_tasks 200", "GET nothing 404"), strict=True):
            assert re.fullmatch(rf"{time_of_day} INFO    {what} in {duration}  \[\w+\]", line)

    def test_warning_has_the_request_id(self, unreachable_url: str) -> None:
        with logging(unreachable_url, ENVIRONMENT="development") as (user, find):
            user.client.get("/health/ready", headers=identified("find-me"))
            warning, _ = find("find-me", count=2)
        assert re.fullmatch(
            r"\d\d:\d\d:\d\d WARNING The database cannot be reached: .*  \[find-me\]", warning
        )


class TestUnreadLog:
    """Standard error is a pipe that is not read: the service continues with a bounded log buffer."""

    REQUESTS = 3000

    @contextmanager
    def piped(self, url: str, **settings: str) -> Iterator[tuple[str, IO[bytes]]]:
        port = service.free_port()
        process = subprocess.Popen(
            service.command(port, SHORT_TIMEOUTS),
            env=service.clean_environment()
            | {"DATABASE_URL": url, "BETTER_AUTH_SECRET": SECRET, **settings},
            stderr=subprocess.PIPE,
        )
        address = f"http://127.0.0.1:{port}"
        assert process.stderr
        # A read of the pipe ends with the process.
        limit = Timer(60, process.kill)
        limit.start()
        try:
            service.wait_until_healthy(service.Service(process, address, Path(os.devnull)))
            yield address, process.stderr
        finally:
            process.terminate()
            process.wait(timeout=20)
            limit.cancel()
            process.stderr.close()

    @pytest.mark.parametrize("environment", ["production", "development"])
    def test_requests_are_served_and_dropped_lines_are_counted(
        self, database_url: str, environment: str
    ) -> None:
        with (
            self.piped(database_url, ENVIRONMENT=environment) as (address, pipe),
            httpx.Client(base_url=address, verify=service.TLS, timeout=5) as client,
        ):
            for _ in range(self.REQUESTS):
                assert client.get("/health").is_success
            written = self.read(pipe, "lines of log were dropped")
            assert client.get("/health").is_success
            last = self.read(pipe, "get_health")
        dropped = re.search(r"(\d+) lines of log were dropped", written)
        assert dropped
        kept = written.count("get_health") + last.count("get_health")
        # The start of the service adds at least one request.
        assert kept + int(dropped[1]) >= self.REQUESTS + 1
        assert '"level":"warning"' in written or " WARNING " in written

    def read(self, pipe: IO[bytes], text: str) -> str:
        """Read until a line has this text."""
        lines = []
        for line in pipe:
            lines.append(line.decode())
            if text in lines[-1]:
                return "".join(lines)
        raise AssertionError(f"No line has {text!r}.")

    def test_closed_pipe_does_not_stop_the_service(self, database_url: str) -> None:
        with self.piped(database_url) as (address, pipe):
            pipe.close()
            with httpx.Client(base_url=address, verify=service.TLS, timeout=5) as client:
                for _ in range(500):
                    assert client.get("/health").is_success

    def test_shutdown_with_an_unread_log_ends_within_the_timeout(self, database_url: str) -> None:
        with self.piped(database_url) as (address, _):
            with httpx.Client(base_url=address, verify=service.TLS, timeout=5) as client:
                for _ in range(1000):
                    client.get("/health")
            began = time.monotonic()
        assert time.monotonic() - began < TIMEOUT
