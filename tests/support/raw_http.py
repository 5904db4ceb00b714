"""A client on a plain socket, for requests that no HTTP library sends."""

import re
import socket
from contextlib import suppress
from urllib.parse import urlsplit

import httpx

from tests.support import service
from tests.support.users import User

HEAD = b"GET /health HTTP/1.1\r\nHost: x\r\n"
GET = HEAD + b"\r\n"
HEALTHY = b'{"status":"ok"}'


def connect(running: service.Service, *, buffer: int | None = None) -> socket.socket:
    """Open a connection; `buffer` is the size of its receive buffer."""
    target = urlsplit(running.address)
    client = socket.socket()
    if buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    client.settimeout(20)
    client.connect((target.hostname, target.port))
    return client


def connect_like(client: httpx.Client) -> socket.socket:
    """Open a connection to the address that an HTTP client sends its requests to."""
    address = urlsplit(str(client.base_url))
    return socket.create_connection((address.hostname, address.port), timeout=5)


def read_to_end(client: socket.socket) -> bytes:
    answer = b""
    with suppress(ConnectionError):
        while part := client.recv(65536):
            answer += part
    return answer


def read_answer(client: socket.socket) -> bytes:
    """Read an answer with a Content-Length header."""
    answer = b""
    while not (length := re.search(rb"content-length: (\d+)\r\n(?s:.*)\r\n\r\n", answer)):
        answer += receive(client)
    while len(answer) < length.end() + int(length[1]):
        answer += receive(client)
    return answer


def receive(client: socket.socket) -> bytes:
    part = client.recv(65536)
    assert part, "The connection is closed."
    return part


def statuses(answer: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


def post(user: User, *, length: int) -> bytes:
    """The head of a create with a token, and a body of this length to follow."""
    lines = [
        f"POST {user.path} HTTP/1.1",
        "Host: x",
        f"Authorization: {user.client.headers['Authorization']}",
        "Content-Type: application/json",
        f"Content-Length: {length}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()
