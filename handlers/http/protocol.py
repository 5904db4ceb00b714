"""HTTP as uvicorn reads it, with limits to what a client may keep waiting or have kept for it.

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

# Bytes of the objects for one header, beside its text.
HEADER_SIZE = 170

INVALID = "Invalid HTTP request received."
TOO_LARGE = "The request line and headers are larger than 64 KiB."
NO_HOST = "A request must have one valid Host header."
TOO_MANY = "More than 32 requests were sent ahead."
TOO_SLOW = "The request did not arrive in time."

_HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[\w.~!$&'()*+,;=%-]*)(:[0-9]*)?", re.ASCII)
_OFFER_HEADERS = {b"upgrade", b"http2-settings"}

_throttle = Throttle()


class LimitedProtocol(HttpToolsProtocol):
    """Bounds the time and the memory of a request, and ignores offers of other protocols."""

    # Bytes of the request line and headers, or of trailers: only whole reads are counted, which
    # costs next to nothing, so up to two more may be kept.
    _head = 0
    # Bytes of the request that is not complete.
    _received = 0
    _read = 0
    # Why the parser was stopped.
    _reason = INVALID
    _is_closing = False

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        _bound_kernel_buffer(transport)
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
            self._refuse(HTTPStatus.BAD_REQUEST, TOO_LARGE)
        elif self._received:
            connection_limits.incomplete(self, self._kept())

    def _parse(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._parse_without_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refuse(HTTPStatus.BAD_REQUEST, self._reason)

    def _parse_without_upgrade(self, rest: bytes) -> None:
        """Parse the head again without its offer: the parser takes an offer as accepted."""
        method, version = self.scope["method"], self.scope["http_version"]
        if method == "CONNECT":
            self._refuse(HTTPStatus.BAD_REQUEST, INVALID)
            return
        lines = [f"{method} ".encode() + self.url + f" HTTP/{version}".encode()]
        lines += [
            name + b": " + value for name, value in self.headers if name not in _OFFER_HEADERS
        ]
        self._parse(b"\r\n".join([*lines, b"", rest]))

    def _should_upgrade(self) -> bool:
        """Let uvicorn's callbacks pass over a head with an offer: it is parsed again."""
        return True

    def on_message_begin(self) -> None:
        self._head = 0
        self._received = self._read
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        if not self.parser.should_upgrade():
            self._require_host()
            if len(self.pipeline) == limits.MAX_PIPELINED:
                self._stop(TOO_MANY)
        super().on_headers_complete()

    def _require_host(self) -> None:
        hosts = [value for name, value in self.headers if name == b"host"]
        is_missing = not hosts and self.parser.get_http_version() == "1.1"
        if is_missing or len(hosts) > 1 or not all(map(_HOST.fullmatch, hosts)):
            self._stop(NO_HOST)

    def _stop(self, reason: str) -> NoReturn:
        """End parsing: the parser turns any exception of its callbacks into one of its own."""
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
        waits = following is None or following.more_body
        if waits and self._is_closing:
            self.pipeline.clear()
            self.transport.close()
        super().on_response_complete()
        if waits:
            connection_limits.requests.start(self, self._kept())

    def pause_writing(self) -> None:
        super().pause_writing()
        scope: dict[str, Any] = {**self.cycle.scope} if self.cycle else {}
        connection_limits.unread(self, self.transport.get_write_buffer_size(), scope.get("user"))

    def resume_writing(self) -> None:
        super().resume_writing()
        connection_limits.answers.stop(self)

    def close_incomplete(self) -> None:
        if self.transport.is_closing():
            # Its last bytes were not taken.
            self.abort()
        elif self._kept():
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, TOO_SLOW)
        else:
            self.transport.close()

    def abort(self) -> None:
        self.transport.abort()

    def _kept(self) -> int:
        """Estimate the bytes kept of an incomplete request: none once it is answered."""
        cycle = self.cycle
        is_answered = cycle is not None and cycle.response_complete and cycle.more_body
        if is_answered or not self._received:
            return 0
        return self._received + HEADER_SIZE * len(self.headers)

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        """Answer what cannot be served and close, or, behind requests that can be, only close."""
        if self._is_closing:
            return
        self._is_closing = True
        _throttle.warning(self.logger, message, message)
        cycle = self.cycle
        has_ended = cycle is None or cycle.response_complete
        if self.pipeline or not (has_ended or cycle.more_body):
            return
        if has_ended or not cycle.response_started:
            self.transport.write(_answer(status, message))
        self.transport.close()


def _bound_kernel_buffer(transport: asyncio.Transport) -> None:
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, limits.SEND_BUFFER)


def _answer(status: HTTPStatus, message: str) -> bytes:
    headers = "content-type: text/plain; charset=utf-8\r\nconnection: close"
    length = f"content-length: {len(message)}"
    return STATUS_LINE[status] + f"{headers}\r\n{length}\r\n\r\n{message}".encode()
