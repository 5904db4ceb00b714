"""The middleware: common headers, CORS, error responses, and the access log."""

import asyncio
import logging
import random
import re
import time
from urllib.parse import unquote

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from handlers import errors, limits, log

logger = logging.getLogger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_FORBIDDEN_CHARACTERS = re.compile("[\ud800-\udfff\n]")
_COMMON_HEADERS = [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")]
_PREFLIGHT_HEADERS = {b"origin", b"access-control-request-method"}
_EXPOSED_HEADERS = b"Location, Retry-After, WWW-Authenticate, X-Request-Id"
_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"

_SHUTDOWN = errors.Unavailable(
    "The service is shutting down. The change may have been made: check before you repeat it."
)

Headers = list[tuple[bytes, bytes]]


class Middleware:
    """The outermost layer. `origins` are the allowed origins for CORS."""

    def __init__(self, app: ASGIApp, origins: tuple[str, ...]) -> None:
        self._app = app
        self._origins = frozenset(origin.encode() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        headers = dict(scope["headers"])
        log.request_id.set(_request_id(headers.get(b"x-request-id")))
        response = _ResponseSender(send, self._headers(headers.get(b"origin")))
        try:
            await self._serve(scope, receive, response, headers)
        except ClientDisconnect:
            pass
        except errors.ApiError as error:
            await response.send_error(error)
        except asyncio.CancelledError:
            # uvicorn cancels requests after GRACEFUL_SHUTDOWN_TIMEOUT, but still sends responses.
            await response.send_error(_SHUTDOWN)
        except Exception:
            logger.exception("A request failed.")
            await response.send_error(errors.InternalError())
        finally:
            log.request(scope, response.status, time.perf_counter() - began)

    async def _serve(
        self,
        scope: Scope,
        receive: Receive,
        response: "_ResponseSender",
        headers: dict[bytes, bytes],
    ) -> None:
        if scope["method"] == "OPTIONS" and headers.keys() >= _PREFLIGHT_HEADERS:
            await self._preflight(response, headers)
            return
        if b"%" in scope["raw_path"]:
            scope["path"] = _path(scope["raw_path"])
        await self._app(scope, receive, response.send)

    def _headers(self, origin: bytes | None) -> Headers:
        headers = [(b"x-request-id", (log.request_id.get() or "").encode()), *_COMMON_HEADERS]
        if self._origins:
            headers.append((b"vary", b"Origin"))
        if origin in self._origins:
            headers.append((b"access-control-allow-origin", origin))
            headers.append((b"access-control-expose-headers", _EXPOSED_HEADERS))
        return headers

    async def _preflight(self, response: "_ResponseSender", headers: dict[bytes, bytes]) -> None:
        if headers[b"origin"] not in self._origins:
            raise errors.Forbidden("This origin may not call: see FRONTEND_URL of the service.")
        requested = headers.get(b"access-control-request-headers", b"")
        allowed = [
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", requested),
            (b"access-control-max-age", str(limits.PREFLIGHT_MAX_AGE).encode()),
        ]
        await response.send({"type": "http.response.start", "status": 204, "headers": allowed})
        await response.send({"type": "http.response.body", "body": b""})


class _ResponseSender:
    """Sends a response with the common headers, and records the status for the log."""

    def __init__(self, send: Send, headers: Headers) -> None:
        self._send = send
        self._headers = headers
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message["headers"], *self._headers]
        await self._send(message)

    async def send_error(self, error: errors.ApiError) -> None:
        body = error.body()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            *((name.lower().encode(), value.encode()) for name, value in error.headers),
        ]
        await self.send({"type": "http.response.start", "status": error.status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})


def _request_id(sent: bytes | None) -> str:
    text = sent.decode("latin-1") if sent else ""
    if _REQUEST_ID.fullmatch(text):
        return text
    return f"{random.getrandbits(128):032x}"


def _path(raw: bytes) -> str:
    """Decode the percent-encoding of a path.

    An encoded slash, invalid UTF-8 and a newline become NUL, which no path may contain. A decoded
    slash would begin a new segment, and a pattern that ends with `$` would ignore a newline.
    """
    text = raw.decode("latin-1").replace("%2F", "%00").replace("%2f", "%00")
    return _FORBIDDEN_CHARACTERS.sub("\0", unquote(text, errors="surrogateescape"))
