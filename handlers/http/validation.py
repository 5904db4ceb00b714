"""Reading a request as strictly as the contract is written, and all that is wrong with it at once.

Paths and queries are read as the text they are, bodies as the JSON they are: "1" is a number in a
path and none in a body.
"""

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from pydantic import ValidationError
from starlette.types import Scope

from generated import responses
from generated.operations import Operation
from handlers import errors, limits

# How a value must be written in a path or a query; pydantic would read " +1_0.0" as well.
_CANONICAL = {
    "integer": re.compile(r"0|-?[1-9][0-9]*"),
    "boolean": re.compile(r"true|false"),
    "string": re.compile(r"[\s\S]*"),
}

# Where pydantic's own words speak of Python, or of what a reader cannot see.
_MESSAGES = {
    "model_type": "Input should be an object",
    "extra_forbidden": "This is not in the contract",
    "missing": "This is required",
    "string_pattern_mismatch": "This text is blank, or holds a character that is not allowed",
    "string_unicode": "Input should be text without lone surrogates",
}


def arguments(operation: Operation, scope: Scope, body: bytes) -> dict[str, Any]:
    """Turn a request into the arguments of its method. Raises errors.Invalid."""
    reading = _RequestValidator(operation)
    for name in operation.path_parameters:
        reading.path(name, scope["path_params"][name])
    if operation.query or scope["query_string"]:
        reading.query(scope["query_string"])
    if operation.body:
        reading.body(body, headers(scope, b"content-type"))
    if reading.wrong:
        raise errors.Invalid(details=reading.wrong)
    return reading.arguments


def headers(scope: Scope, name: bytes) -> list[bytes]:
    """Find the values of a header; its name is in lower case."""
    return [value for key, value in scope["headers"] if key == name]


class _RequestValidator:
    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        self.arguments: dict[str, Any] = {}
        self.wrong: list[responses.ErrorDetail] = []

    def path(self, name: str, text: str) -> None:
        validate = self._operation.path_parameters[name].validate_strings
        self._keep(name, f"path.{name}", validate, self._plain(name, text))

    def query(self, raw: bytes) -> None:
        model = self._operation.query
        found: dict[str, str] = {}
        text = raw.decode(errors="surrogateescape")
        for name, value in parse_qsl(text, keep_blank_values=True, errors="surrogateescape"):
            if name in found:
                self._note(f"query.{name}", "This is given more than once")
            elif model is None:
                self._note(f"query.{name}", _MESSAGES["extra_forbidden"])
            found[name] = self._plain(name, value)
        if model:
            self._keep("query", "query", model.model_validate_strings, found)

    def body(self, raw: bytes, content_type: list[bytes]) -> None:
        if not raw:
            self.arguments["body"] = None
            if self._operation.body_required:
                self._note("body", "A JSON body is required")
        elif not _is_json(content_type):
            self._note("header.content-type", "Send application/json")
        else:
            self._json(raw)

    def _json(self, raw: bytes) -> None:
        try:
            found = _JSON.decode(raw.decode())
        except UnicodeDecodeError:
            self._note("body", "The body is not UTF-8")
        except RecursionError:
            self._note("body", "The body is nested too deeply")
        except (json.JSONDecodeError, _Refused) as error:
            self._note("body", f"The body is not JSON: {error}")
        except ValueError:
            # Python reads no number of more than 4,300 digits, and neither does anybody else.
            self._note("body", "A number in the body is too long")
        else:
            self._keep("body", "body", self._validate, found)

    def _validate(self, found: object) -> object:
        assert self._operation.body  # noqa: S101 - for mypy; an operation without one reads none.
        model = self._operation.body.model_validate(found, strict=True)
        for name in self._operation.unique:
            self._require_unique(name, getattr(model, name))
        return model

    def _require_unique(self, name: str, items: list[Any]) -> None:
        seen: set[Any] = set()
        for index, item in enumerate(items):
            if item in seen:
                self._note(f"body.{name}.{index}", "This is in the list already")
            seen.add(item)

    def _plain(self, name: str, text: str) -> str:
        """Leave nothing of a value that is not written as it must be, so that it is refused."""
        kind = self._operation.types.get(name, "string")
        return text if _CANONICAL[kind].fullmatch(text) else ""

    def _keep(self, name: str, place: str, validate: Callable[..., Any], value: Any) -> None:
        try:
            self.arguments[name] = validate(value)
        except ValidationError as error:
            for found in error.errors(include_url=False, include_context=False):
                where = ".".join([place, *map(str, found["loc"])])
                self._note(where, _MESSAGES.get(found["type"], found["msg"]))

    def _note(self, place: str, message: str) -> None:
        # A name that a client made up may be long, or no Unicode at all.
        readable = place.encode(errors="backslashreplace").decode()[: limits.MAX_ERROR_LOCATION]
        self.wrong.append({"location": readable, "message": message})


def _is_json(content_type: list[bytes]) -> bool:
    return [value.split(b";")[0].strip().lower() for value in content_type] == [b"application/json"]


class _Refused(ValueError):
    """Something that Python's JSON has and JSON has not."""


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise _Refused("a member is given more than once")
    return members


def _number(text: str) -> int | float:
    """JSON Schema knows no difference between 1 and 1.0."""
    number = float(text)
    return int(number) if number.is_integer() else number


def _no_number(text: str) -> None:
    raise _Refused(f"{text} is no number")


_JSON = json.JSONDecoder(object_pairs_hook=_members, parse_float=_number, parse_constant=_no_number)
