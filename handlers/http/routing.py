"""Routes for the paths of the contract, and endpoints for the operations.

A request is checked in the order that the contract defines: token, user in the path, size of the
body, then the schemas, whose violations are reported together. The body is read after the first
two checks.
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
from handlers.http.schemas import Compiler, Schemas

JSON = (b"content-type", b"application/json")


class Endpoint:
    """Serves an operation with the method that implements it.

    FastAPI's own routes would inspect the operation again for every request.
    """

    def __init__(
        self,
        operation: Operation,
        schemas: Schemas,
        method: Callable[..., Any],
        authenticator: Authenticator,
    ) -> None:
        self.operation = operation
        self._method = method
        self._schemas = schemas
        self._authenticator = authenticator
        self._headers = [name.lower().encode() for name in operation.headers]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        operation = self.operation
        scope["operation"] = operation.operation_id
        if not operation.public:
            await self._require_owner(scope)
        body = await _read_body(scope, receive) if operation.body else b""
        arguments = validation.arguments(operation, self._schemas, scope, body)
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
                connection_limits.admit_response(scope["user_id"])
            headers += JSON, (b"content-length", b"%d" % len(content))
        start = {"type": "http.response.start", "status": operation.status, "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": content})

    async def _require_owner(self, scope: Scope) -> None:
        authorization = validation.headers(scope, b"authorization")
        user_id = await self._authenticator.authenticate(authorization)
        scope["user_id"] = user_id
        if scope["path_params"].get("user_id", user_id) != user_id:
            raise errors.Forbidden


class PathItem(Route):
    """A path with an endpoint for each method.

    Unknown methods get 405: a template that matches the path, too, is not tried.
    """

    def __init__(self, path: str, endpoints: Mapping[str, ASGIApp]) -> None:
        super().__init__(path, self._serve)
        self.endpoints = dict(endpoints)
        if "GET" in self.endpoints:
            # The server omits the body of a response to HEAD.
            self.endpoints["HEAD"] = self.endpoints["GET"]
        # If methods were set, Starlette would answer 405 itself.
        self.methods = None
        self.app = self._serve

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self.endpoints.get(scope["method"])
        if endpoint is None:
            raise errors.MethodNotAllowed(self.endpoints)
        await endpoint(scope, receive, send)


def routes(authenticator: Authenticator, handlers: Iterable[object]) -> Iterator[PathItem]:
    """Yield the routes of the contract. Raises TypeError for an operation without a handler."""
    handlers = list(handlers)
    compiler = Compiler()
    # Concrete paths come before the templates that match them: "{" sorts after letters and digits.
    for path in sorted({operation.path for operation in OPERATIONS}):
        endpoints = {
            operation.method: Endpoint(
                operation,
                compiler.compile(operation),
                _method(operation, handlers),
                authenticator,
            )
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
