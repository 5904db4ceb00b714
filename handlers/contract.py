"""Where a request meets the contract: one route for each operation, which knows all about it.

The order in which a request is refused is the contract's: token, path's user, size of the body,
then everything that does not match, at once. Nothing of the body is read before the first two.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from fastapi.routing import APIRoute
from pydantic_core import to_json
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from generated.operations import OPERATIONS, Operation
from handlers import errors, reading
from handlers.auth import Authenticator

LARGEST_BODY = 256 * 1024


class ContractRoute(APIRoute):
    """One operation, served by the method that implements it."""

    def __init__(
        self, operation: Operation, method: Callable[..., Any], authenticator: Authenticator
    ) -> None:
        # HEAD is answered wherever GET is; the server leaves out the body.
        methods = ["GET", "HEAD"] if operation.method == "GET" else [operation.method]
        super().__init__(
            operation.path,
            method,
            methods=methods,
            operation_id=operation.operation_id,
            status_code=operation.status,
            response_model=None,
        )
        self.operation = operation
        self._authenticator = authenticator
        # FastAPI's general way of answering a request, replaced by this operation's own.
        self.app = self._answer

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        operation = self.operation
        if not operation.public:
            await self._require_owner(scope)
        raw = await _read_body(scope, receive) if operation.body else b""
        arguments = reading.arguments(operation, scope, raw)
        result = await self.endpoint(**arguments)
        headers: list[tuple[bytes, bytes]] = []
        if operation.headers:
            result, *values = result
            headers = [
                (name.lower().encode(), value.encode())
                for name, value in zip(operation.headers, values, strict=True)
            ]
        content = b""
        if result is not None:
            content = to_json(result)
            headers.append((b"content-type", b"application/json"))
            headers.append((b"content-length", str(len(content)).encode()))
        start = {"type": "http.response.start", "status": operation.status, "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": content})

    async def _require_owner(self, scope: Scope) -> None:
        user = await self._authenticator.user(reading.headers(scope, b"authorization"))
        if scope["path_params"].get("user_id", user) != user:
            raise errors.Forbidden


class RefuseOtherMethods(Route):
    """What a path answers to the methods it does not have, instead of a path that is like it."""

    def __init__(self, path: str, allowed: Iterable[str]) -> None:
        super().__init__(path, self._refuse)
        self._allowed = frozenset(allowed)
        self.app = self._refuse
        self.methods = None

    async def _refuse(self, _scope: Scope, _receive: Receive, _send: Send) -> None:
        raise errors.MethodNotAllowed(self._allowed)


def routes(authenticator: Authenticator, handlers: Iterable[object]) -> Iterator[Route]:
    """Make the routes of all operations. Raises TypeError if one has no handler."""
    handlers = list(handlers)
    # "{" sorts behind letters and digits: a concrete path goes before one that would match it, too.
    for path in sorted({operation.path for operation in OPERATIONS}):
        own = [
            ContractRoute(operation, _method(operation, handlers), authenticator)
            for operation in OPERATIONS
            if operation.path == path
        ]
        yield from own
        yield RefuseOtherMethods(path, chain.from_iterable(route.methods or () for route in own))


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
    declared = reading.headers(scope, b"content-length")
    if declared and int(declared[0]) > LARGEST_BODY:
        raise errors.PayloadTooLarge
    body = bytearray()
    async for chunk in Request(scope, receive).stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise errors.PayloadTooLarge
    return bytes(body)
