"""uvicorn's HTTP protocol, with limits on time and memory.

uvicorn --http handlers.http.protocol:LimitedProtocol
"""

import asyncio
import re
import socket
from http import HTTPStatus
from typing import Any, NoReturn

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from handlers import limits
from handlers.http.connections import connection_limits
from handlers.log import Throttle

# Estimated bytes of a header in memory, in addition to the text.
HEADER_SIZE = 170

INVALID = "Invalid HTTP request received."
TOO_LARGE = "The request line and headers are larger than 64 KiB."
NO_HOST = "A request must have one valid Host header."
TOO_MANY = "More than 32 requests were pipelined."
TOO_SLOW = "The request did not arrive in time."

_HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[\w.~!$&'()*+,;=%-]*)(:[0-9]*)?", re.ASCII)
_UPGRADE_HEADERS = {b"upgrade", b"http2-settings"}

_throttle = Throttle()


class LimitedProtocol(HttpToolsProtocol):
    """Limits the time and the memory of a request, and ignores requests to upgrade the protocol."""

    # Bytes of the request line and headers, or of trailers. Only whole reads are counted, because
    # this is cheap. Up to two reads more than MAX_HEADERS may be held.
    _head = 0
    # Bytes of the incomplete request.
    _received = 0
    # Bytes of the last read.
    _read = 0
    # The error message if the parser fails.
    _reason = INVALID
    _is_closing = False

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        _set_send_buffer(transport)
        connection_limits.connected(self, len(self.connections))

    def connection_lost(self, exc: Exception | None) -> None:
        connection_limits.lost(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        if self._is_closing:
            return
        self._read = len(data)
        self._head += self._read
        if self._received:
            self._received += self._read
        self._parse(data)
        if self._head > limits.MAX_HEADERS:
            self._reject(HTTPStatus.BAD_REQUEST, TOO_LARGE)
        elif self._received:
            connection_limits.incomplete(self, self._held_bytes())

    def _parse(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._parse_without_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._reject(HTTPStatus.BAD_REQUEST, self._reason)

    def _parse_without_upgrade(self, rest: bytes) -> None:
        """Parse the head again without Upgrade: the parser would not parse the body otherwise."""
        method, version = self.scope["method"], self.scope["http_version"]
        if method == "CONNECT":
            self._reject(HTTPStatus.BAD_REQUEST, INVALID)
            return
        lines = [f"{method} ".encode() + self.url + f" HTTP/{version}".encode()]
        lines += [
            name + b": " + value for name, value in self.headers if name not in _UPGRADE_HEADERS
        ]
        self._parse(b"\r\n".join([*lines, b"", rest]))

    def _should_upgrade(self) -> bool:
        """Make uvicorn's callbacks ignore a head with Upgrade, which is parsed again."""
        return True

    def on_message_begin(self) -> None:
        self._head = 0
        self._received = self._read
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        if not self.parser.should_upgrade():
            self._require_host()
            if len(self.pipeline) == limits.MAX_PIPELINED:
                self._stop_parsing(TOO_MANY)
        super().on_headers_complete()

    def _require_host(self) -> None:
        hosts = [value for name, value in self.headers if name == b"host"]
        is_missing = not hosts and self.parser.get_http_version() == "1.1"
        if is_missing or len(hosts) > 1 or not all(map(_HOST.fullmatch, hosts)):
            self._stop_parsing(NO_HOST)

    def _stop_parsing(self, reason: str) -> NoReturn:
        """Stop the parser, which replaces every exception of a callback by HttpParserError."""
        self._reason = reason
        raise ValueError(reason)

    def on_body(self, body: bytes) -> None:
        self._head = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if self.parser.should_upgrade():
            return
        self._received = 0
        self.cycle.more_body = False
        if self.cycle.response_complete:
            connection_limits.requests.start(self)
        else:
            connection_limits.requests.stop(self)

    def on_response_complete(self) -> None:
        following = self.pipeline[-1][0] if self.pipeline else None
        awaits_request = following is None or following.more_body
        if awaits_request and self._is_closing:
            self.pipeline.clear()
            self.transport.close()
        super().on_response_complete()
        if awaits_request:
            connection_limits.requests.start(self, self._held_bytes())

    def pause_writing(self) -> None:
        super().pause_writing()
        scope: dict[str, Any] = {**self.cycle.scope} if self.cycle else {}
        connection_limits.unread(self, self.transport.get_write_buffer_size(), scope.get("user_id"))

    def resume_writing(self) -> None:
        super().resume_writing()
        connection_limits.responses.stop(self)

    def close_incomplete(self) -> None:
        if self.transport.is_closing():
            # The client has not read the error response.
            self.abort()
        elif self._held_bytes():
            self._reject(HTTPStatus.REQUEST_TIMEOUT, TOO_SLOW)
        else:
            self.transport.close()

    def abort(self) -> None:
        self.transport.abort()

    def _held_bytes(self) -> int:
        """Return an estimate of the memory for an incomplete request, or 0 after the response."""
        cycle = self.cycle
        is_answered = cycle is not None and cycle.response_complete and cycle.more_body
        if is_answered or not self._received:
            return 0
        return self._received + HEADER_SIZE * len(self.headers)

    def _reject(self, status: HTTPStatus, message: str) -> None:
        """Send an error response, and close the connection.

        Behind earlier requests there is no error response, and the connection is closed after them.
        """
        self._is_closing = True
        _throttle.warning(self.logger, message, message)
        cycle = self.cycle
        has_ended = cycle is None or cycle.response_complete
        if self.pipeline or not (has_ended or cycle.more_body):
            return
        if has_ended or not cycle.response_started:
            self.transport.write(_error_response(status, message))
        self.transport.close()


def _set_send_buffer(transport: asyncio.Transport) -> None:
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, limits.SEND_BUFFER)


def _error_response(status: HTTPStatus, message: str) -> bytes:
    headers = "content-type: text/plain; charset=utf-8\r\nconnection: close"
    length = f"content-length: {len(message)}"
    return STATUS_LINE[status] + f"{headers}\r\n{length}\r\n\r\n{message}".encode()
