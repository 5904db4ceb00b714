"""Where a request meets the contract: one route for each operation, which knows all about it.

The order in which a request is refused is the contract's: token, path's user, size of the body,
then everything that does not match, at once. Nothing of the body is read before the first two.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any
from urllib.parse import parse_qsl

from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from generated import responses
from generated.operations import OPERATIONS, Operation
from handlers import errors
from handlers.auth import Authenticator

LARGEST_BODY = 256 * 1024

# How a value must be written in a path or a query; pydantic would read " +1_0.0" as well.
_PLAIN = {
    "integer": re.compile(r"0|-?[1-9][0-9]*"),
    "boolean": re.compile(r"true|false"),
    "string": re.compile(r"[\s\S]*"),
}

# Where pydantic's own words speak of Python, or of what a reader cannot see.
_MESSAGES = {
    "model_type": "Input should be an object",
    "extra_forbidden": "This is not in the contract",
    "missing": "This is required",
    "string_unicode": "Input should be text without lone surrogates",
}


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
        arguments = _read(operation, scope, raw)
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
        user = await self._authenticator.user(_headers(scope, b"authorization"))
        if scope["path_params"].get("user_id", user) != user:
            raise errors.Forbidden


class RefuseOtherMethods(Route):
    """What a path answers to the methods it does not have, instead of a path that is like it."""

    def __init__(self, path: str, methods: Iterable[str]) -> None:
        self._allowed = methods
        # An endpoint that is no function takes every method.
        super().__init__(path, self._refuse)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
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
    declared = _headers(scope, b"content-length")
    if declared and int(declared[0]) > LARGEST_BODY:
        raise errors.PayloadTooLarge
    body = bytearray()
    async for chunk in Request(scope, receive).stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise errors.PayloadTooLarge
    return bytes(body)


def _read(operation: Operation, scope: Scope, raw: bytes) -> dict[str, Any]:
    """Turn a request into the method's arguments, or raise all that is wrong with it."""
    arguments: dict[str, Any] = {}
    wrong: list[responses.ErrorDetail] = []
    for name, adapter in operation.path_parameters.items():
        text = scope["path_params"][name]
        try:
            arguments[name] = adapter.validate_strings(_plain(operation, name, text))
        except ValidationError as error:
            wrong += _details(error, "path", name)
    try:
        query = _read_query(operation, scope["query_string"])
        if operation.query:
            arguments["query"] = operation.query.model_validate_strings(query)
    except ValidationError as error:
        wrong += _details(error, "query")
    except errors.Invalid as error:
        wrong += error.details
    if operation.body:
        try:
            arguments["body"] = _read_json(operation, raw, _headers(scope, b"content-type"))
        except ValidationError as error:
            wrong += _details(error, "body")
        except errors.Invalid as error:
            wrong += error.details
    if wrong:
        raise errors.Invalid(details=wrong)
    return arguments


def _plain(operation: Operation, name: str, text: str) -> str:
    """Leave nothing of a value that pydantic would read, but that is not written as it must be."""
    kind = operation.types.get(name, "string")
    return text if _PLAIN[kind].fullmatch(text) else ""


def _read_query(operation: Operation, raw: bytes) -> dict[str, str]:
    query: dict[str, str] = {}
    for name, text in parse_qsl(raw.decode("latin-1"), keep_blank_values=True):
        if name in query:
            raise _invalid(f"query.{name}", "This is given more than once")
        if operation.query is None:
            raise _invalid(f"query.{name}", _MESSAGES["extra_forbidden"])
        query[name] = _plain(operation, name, text)
    return query


def _read_json(operation: Operation, raw: bytes, content_type: list[bytes]) -> BaseModel | None:
    """Read the body as strictly as JSON Schema does, in which 1.0 is an integer and "1" is not."""
    assert operation.body
    if not raw:
        if operation.body_required:
            raise _invalid("body", "A JSON body is required")
        return None
    kind = content_type[0].split(b";")[0].strip().lower() if content_type else b""
    if kind != b"application/json":
        raise _invalid("header.content-type", "Send application/json")
    try:
        body = _JSON.decode(raw.decode())
    except UnicodeDecodeError:
        raise _invalid("body", "The body is not UTF-8") from None
    except RecursionError:
        raise _invalid("body", "The body is nested too deeply") from None
    except ValueError as error:
        raise _invalid("body", f"The body is not JSON: {error}") from None
    model = operation.body.model_validate(body, strict=True)
    for name in operation.unique:
        _require_unique(name, body[name])
    return model


def _require_unique(name: str, items: list[Any]) -> None:
    seen: set[Any] = set()
    for index, item in enumerate(items):
        if item in seen:
            raise _invalid(f"body.{name}.{index}", "This is in the list already")
        seen.add(item)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a member is given more than once")
    return members


def _number(text: str) -> int | float:
    number = float(text)
    return int(number) if number.is_integer() else number


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is not a number")


_JSON = json.JSONDecoder(object_pairs_hook=_members, parse_float=_number, parse_constant=_no_number)


def _invalid(location: str, message: str) -> errors.Invalid:
    # A name that a client made up may be long, or no Unicode at all.
    readable = location.encode(errors="backslashreplace").decode()
    return errors.Invalid(
        details=[{"location": readable[: errors.MOST_LOCATION], "message": message}]
    )


def _details(error: ValidationError, *where: str) -> list[responses.ErrorDetail]:
    details: list[responses.ErrorDetail] = []
    for found in error.errors(include_url=False, include_context=False, include_input=False):
        place = ".".join(str(part) for part in (*where, *found["loc"]))
        details += _invalid(place, _MESSAGES.get(found["type"], found["msg"])).details
    return details


def _headers(scope: Scope, name: bytes) -> list[bytes]:
    return [value for key, value in scope["headers"] if key == name]
