"""Where a request meets the contract: a route for each path, an endpoint for each operation.

The order in which a request is refused is the contract's: token, path's user, size of the body,
then everything that does not match, at once. Nothing of the body is read before the first two.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from generated.operations import OPERATIONS, Operation
from handlers import deadline, errors, limits
from handlers.auth.bearer import Authenticator
from handlers.http import validation
from handlers.http.connections import connection_limits

JSON = (b"content-type", b"application/json")


class Endpoint:
    """One operation, served by the method that implements it.

    It knows at start what FastAPI's general way of answering finds out for each request.
    """

    def __init__(
        self, operation: Operation, method: Callable[..., Any], authenticator: Authenticator
    ) -> None:
        self.operation = operation
        self._method = method
        self._authenticator = authenticator
        self._headers = [name.lower().encode() for name in operation.headers]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        operation = self.operation
        scope["operation"] = operation.operation_id
        if not operation.public:
            await self._require_owner(scope)
        body = await _read_body(scope, receive) if operation.body else b""
        arguments = validation.arguments(operation, scope, body)
        deadline.start()
        result = await self._method(**arguments)
        headers: list[tuple[bytes, bytes]] = []
        if self._headers:
            result, *values = result
            headers += zip(self._headers, map(str.encode, values), strict=True)
        content = b""
        if result is not None:
            content = orjson.dumps(result)
            is_read = operation.method == "GET" and not operation.public
            if is_read and len(content) > limits.LARGE_RESPONSE:
                connection_limits.admit_answer(scope["user"])
            headers += JSON, (b"content-length", b"%d" % len(content))
        start = {"type": "http.response.start", "status": operation.status, "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": content})

    async def _require_owner(self, scope: Scope) -> None:
        user = await self._authenticator.user(validation.headers(scope, b"authorization"))
        scope["user"] = user
        if scope["path_params"].get("user_id", user) != user:
            raise errors.Forbidden


class PathItem(Route):
    """A path with what answers each of its methods; any other method is refused.

    So a concrete path hides a templated one that is like it, for every method.
    """

    def __init__(self, path: str, endpoints: Mapping[str, ASGIApp]) -> None:
        super().__init__(path, self._answer)
        self.endpoints = dict(endpoints)
        if "GET" in self.endpoints:
            # HEAD is answered wherever GET is; the server leaves out the body.
            self.endpoints["HEAD"] = self.endpoints["GET"]
        # Starlette's own look at the method would come with its own refusal.
        self.methods = None
        self.app = self._answer

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self.endpoints.get(scope["method"])
        if endpoint is None:
            raise errors.MethodNotAllowed(self.endpoints)
        await endpoint(scope, receive, send)


def routes(authenticator: Authenticator, handlers: Iterable[object]) -> Iterator[PathItem]:
    """Make the routes of all operations. Raises TypeError if one has no handler."""
    handlers = list(handlers)
    # "{" sorts behind letters and digits: a concrete path goes before one that would match it, too.
    for path in sorted({operation.path for operation in OPERATIONS}):
        endpoints = {
            operation.method: Endpoint(operation, _method(operation, handlers), authenticator)
            for operation in OPERATIONS
            if operation.path == path
        }
        yield PathItem(path, endpoints)


def _method(operation: Operation, handlers: list[object]) -> Callable[..., Any]:
    for handler in handlers:
        if isinstance(handler, operation.tag):
            method: Callable[..., Any] = getattr(handler, operation.operation_id)
            return method
    raise TypeError(
        f"{operation.operation_id} has no handler: give handlers/app.py an object of a class "
        f"that implements generated.operations.{operation.tag.__name__}"
    )


async def _read_body(scope: Scope, receive: Receive) -> bytes:
    declared = validation.headers(scope, b"content-length")
    if declared and int(declared[0]) > limits.MAX_BODY:
        raise errors.PayloadTooLarge
    body = b""
    async for chunk in Request(scope, receive).stream():
        body += chunk
        if len(body) > limits.MAX_BODY:
            raise errors.PayloadTooLarge
    return body
