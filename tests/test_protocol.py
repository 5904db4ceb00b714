"""The HTTP protocol of the server: hosts, upgrades, pipelining and header limits."""

import select
import socket
import time
from contextlib import suppress

import httpx
import psutil
import pytest

from tests.support import service
from tests.support.raw_http import (
    GET,
    HEAD,
    connect,
    connect_like,
    post,
    read_answer,
    read_to_end,
    statuses,
)
from tests.support.users import User, error_of


class TestPipelining:
    def test_pipelined_requests_are_answered_in_order(
        self, running_service: service.Service
    ) -> None:
        with connect(running_service) as client:
            client.sendall(
                GET * 5 + HEAD.replace(b"health", b"nowhere") + b"Connection: close\r\n\r\n"
            )
            assert statuses(read_to_end(client)) == [200] * 5 + [404]

    @pytest.mark.parametrize("bad", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"])
    def test_invalid_request_after_a_valid_request_keeps_the_first_answer(
        self, running_service: service.Service, bad: bytes
    ) -> None:
        with connect(running_service) as client:
            client.sendall(GET + bad)
            assert statuses(read_to_end(client))[0] == 200


class TestHost:
    @pytest.mark.parametrize(
        "hosts",
        ["", "Host: a\r\nHost: a\r\n", "Host: a\r\nhost: b\r\n", "Host: a b\r\n", "Host: a/b\r\n"]
        + ["Host: a:b\r\n", "Host: a@b\r\n", "Host: a,b\r\n\tc: d\r\n", "Host: [::1\r\n"]
        + ["Host: a?b\r\n", "Host: a#b\r\n", "Host: a\\b\r\n", "Host: \xff\r\n"],
    )
    def test_missing_invalid_or_repeated_host_gets_400(
        self, running_service: service.Service, hosts: str
    ) -> None:
        with connect(running_service) as client:
            client.sendall(f"GET /health HTTP/1.1\r\n{hosts}\r\n".encode("latin-1"))
            assert statuses(read_to_end(client)) == [400]

    @pytest.mark.parametrize(
        "host", ["a", "a:80", "a:", "[::1]:8000", "127.0.0.1", "A-b.example.com", "a_b", "", "%41"]
    )
    def test_valid_host_is_served(self, running_service: service.Service, host: str) -> None:
        with connect(running_service) as client:
            client.sendall(
                f"GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
            )
            assert statuses(read_to_end(client)) == [200]

    def test_http_1_0_without_host_is_served_and_two_hosts_get_400(
        self, running_service: service.Service
    ) -> None:
        for hosts, status in (("", 200), ("Host: a\r\n", 200), ("Host: a\r\nHost: b\r\n", 400)):
            with connect(running_service) as client:
                client.sendall(f"GET /health HTTP/1.0\r\n{hosts}\r\n".encode())
                assert statuses(read_to_end(client)) == [status]


class TestUpgrades:
    """An upgrade is ignored, as RFC 9110 7.8 allows, and the request is served."""

    OFFERS = (
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n",
        "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
        "Connection: upgrade\r\nUpgrade: TLS/1.2, HTTP/2.0\r\n",
        "Upgrade: h2c\r\n",
    )
    BODY = b'{"title": "Upgraded"}'

    def message(self, user: User, offer: str, *, chunked: bool) -> tuple[bytes, bytes]:
        head = post(user, length=len(self.BODY)).replace(b"Host:", offer.encode() + b"Host:")
        if not chunked:
            return head, self.BODY
        length = b"Content-Length: %d" % len(self.BODY)
        return (
            head.replace(length, b"Transfer-Encoding: chunked"),
            b"%x\r\n%s\r\n0\r\n\r\n" % (len(self.BODY), self.BODY),
        )

    @pytest.mark.parametrize("chunked", [False, True])
    @pytest.mark.parametrize("pieces", [1, 2, 1000])
    @pytest.mark.parametrize("offer", OFFERS)
    def test_upgrade_is_ignored_and_body_and_next_request_are_read(
        self,
        user: User,
        running_service: service.Service,
        offer: str,
        pieces: int,
        *,
        chunked: bool,
    ) -> None:
        head, body = self.message(user, offer, chunked=chunked)
        sent = [head + body] if pieces == 1 else [head, body]
        if pieces > 2:
            sent = [bytes([byte]) for byte in head + body]
        with connect(running_service) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for _ in range(2):
                for piece in sent:
                    client.sendall(piece)
                    if pieces == 2:
                        time.sleep(0.05)
                answer = read_answer(client)
                assert statuses(answer) == [201]
                assert b'"title":"Upgraded"' in answer
            client.sendall(GET)
            assert statuses(read_answer(client)) == [200]
        assert user.titles() == ["Upgraded"] * 2

    def test_several_upgrades_in_one_read_are_all_served(
        self, user: User, running_service: service.Service
    ) -> None:
        head, body = self.message(user, self.OFFERS[0], chunked=False)
        with connect(running_service) as client:
            client.sendall((head + body) * 20 + HEAD + b"Connection: close\r\n\r\n")
            assert statuses(read_to_end(client)) == [201] * 20 + [200]
        assert len(user.titles()) == 20

    @pytest.mark.parametrize("method", ["CONNECT x:80", "CONNECT /health", "PRI *"])
    def test_method_that_takes_over_the_connection_gets_400(
        self, running_service: service.Service, method: str
    ) -> None:
        with connect(running_service) as client:
            client.sendall(f"{method} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert statuses(read_to_end(client)) == [400]


class TestWebSockets:
    HANDSHAKE = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }

    def test_websocket_handshake_is_answered_as_a_plain_request(
        self, running_service: service.Service, anonymous: httpx.Client
    ) -> None:
        refused = anonymous.get("/nowhere?token=secret", headers=self.HANDSHAKE)
        assert error_of(refused) == (404, "not_found", [])
        assert anonymous.get("/health", headers=self.HANDSHAKE).json() == {"status": "ok"}
        assert "secret" not in running_service.log.read_text()


class TestHeaderLimits:
    """Limits for the head of a request."""

    BEGIN = b"GET /health HTTP/1.1\r\nHost: x\r\n"
    CHUNKED = b"POST /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    # The beginning of a head, and the part that is repeated without an end.
    ENDLESS = {
        "headers": (BEGIN, b"X: y\r\n" * 10_000),
        "a header": (BEGIN + b"X: ", b"y" * 65_536),
        "the name of a header": (BEGIN, b"y" * 65_536),
        "an address": (b"GET /", b"x" * 65_536),
        "trailers": (CHUNKED + b"1\r\nx\r\n0\r\n", b"X: y\r\n" * 10_000),
        "the size of a chunk": (CHUNKED + b"1;", b"y" * 65_536),
    }
    MAX_SENT = 64 * 2**20
    MAX_KEPT = 8 * 2**20

    @pytest.mark.parametrize("name", ENDLESS)
    def test_endless_head_is_closed_and_uses_little_memory(
        self, anonymous: httpx.Client, running_service: service.Service, name: str
    ) -> None:
        begin, more = self.ENDLESS[name]
        memory = psutil.Process(running_service.process.pid).memory_info
        before, sent = memory().rss, 0
        with connect_like(anonymous) as connection, suppress(ConnectionError):
            connection.sendall(begin)
            while sent < self.MAX_SENT:
                connection.sendall(more)
                sent += len(more)
        assert sent < self.MAX_SENT
        assert memory().rss - before < self.MAX_KEPT
        assert anonymous.get("/health").is_success

    @pytest.mark.parametrize(
        ("head", "statuses"),
        [
            (BEGIN + b"".join(b"X-%d: y\r\n" % number for number in range(1000)), {200}),
            (BEGIN + b"".join(b"X-%d: y\r\n" % number for number in range(10_000)), {200, 400}),
            (BEGIN + b"X: " + b"y" * 60_000 + b"\r\n", {200}),
            (BEGIN + b"X: " + b"y" * 100 * 1024 + b"\r\n", {200, 400}),
            (b"GET /" + b"x" * 60_000 + b" HTTP/1.1\r\nHost: x\r\n", {404}),
            (b"GET /" + b"x" * 64 * 1024 + b" HTTP/1.1\r\nHost: x\r\n", {400}),
        ],
        ids=["1,000", "10,000", "60 KB", "100 KiB", "a line of 60 KB", "a line of 64 KiB"],
    )
    def test_large_head_and_the_next_request_are_answered(
        self, anonymous: httpx.Client, head: bytes, statuses: set[int]
    ) -> None:
        with connect_like(anonymous) as connection:
            connection.sendall(head + b"\r\n")
            assert int(connection.recv(20).split()[1]) in statuses
        assert anonymous.get("/health").is_success

    def test_header_limit_is_per_request_on_a_persistent_connection(
        self, anonymous: httpx.Client
    ) -> None:
        """Each read ends inside a request, and all requests together exceed the limit."""
        request = self.BEGIN + b"X: " + b"y" * 1000 + b"\r\n\r\n"
        with connect_like(anonymous) as connection, connection.makefile("rb") as answers:
            connection.sendall(request[:-10])
            for _ in range(200):
                connection.sendall(request[-10:] + request[:-10])
                head = [*iter(answers.readline, b"\r\n")]
                assert head[0].startswith(b"HTTP/1.1 200")
                assert answers.read(15) == b'{"status":"ok"}'

    def test_head_beyond_the_limit_gets_400_with_the_limit(self, anonymous: httpx.Client) -> None:
        with connect_like(anonymous) as connection:
            connection.sendall(self.BEGIN)
            answer = b""
            while not select.select([connection], [], [], 0.02)[0]:
                connection.sendall(b"X: " + b"y" * 1000 + b"\r\n")
            while part := connection.recv(4096):
                answer += part
        assert answer.startswith(b"HTTP/1.1 400")
        assert answer.endswith(b"headers are larger than 64 KiB.")
