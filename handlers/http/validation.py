"""Request validation, as strict as the contract. A response lists all violations of a request.

Path and query parameters are text, bodies are JSON: "1" is a number in a path, but not in a body.
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

# The canonical form of a value in a path or a query. Pydantic would also accept " +1_0.0".
_CANONICAL = {
    "integer": re.compile(r"0|-?[1-9][0-9]*"),
    "boolean": re.compile(r"true|false"),
    "string": re.compile(r"[\s\S]*"),
}

# Replacements for messages of pydantic that mention Python, or invisible characters.
_MESSAGES = {
    "model_type": "Input should be an object",
    "extra_forbidden": "This is not in the contract",
    "missing": "This is required",
    "string_pattern_mismatch": "This text is blank, or holds a character that is not allowed",
    "string_unicode": "Input should be text without lone surrogates",
}


def arguments(operation: Operation, scope: Scope, body: bytes) -> dict[str, Any]:
    """Return the arguments for the operation's method. Raises errors.Invalid."""
    validator = _RequestValidator(operation)
    for name in operation.path_parameters:
        validator.path(name, scope["path_params"][name])
    if operation.query or scope["query_string"]:
        validator.query(scope["query_string"])
    if operation.body:
        validator.body(body, headers(scope, b"content-type"))
    if validator.violations:
        raise errors.Invalid(details=validator.violations)
    return validator.arguments


def headers(scope: Scope, name: bytes) -> list[bytes]:
    """Return the values of a header. `name` is in lower case."""
    return [value for key, value in scope["headers"] if key == name]


class _RequestValidator:
    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        self.arguments: dict[str, Any] = {}
        self.violations: list[responses.ErrorDetail] = []

    def path(self, name: str, text: str) -> None:
        validate = self._operation.path_parameters[name].validate_strings
        self._validate(name, f"path.{name}", validate, self._canonical(name, text))

    def query(self, raw: bytes) -> None:
        model = self._operation.query
        found: dict[str, str] = {}
        text = raw.decode(errors="surrogateescape")
        for name, value in parse_qsl(text, keep_blank_values=True, errors="surrogateescape"):
            if name in found:
                self._add_violation(f"query.{name}", "This is given more than once")
            elif model is None:
                self._add_violation(f"query.{name}", _MESSAGES["extra_forbidden"])
            found[name] = self._canonical(name, value)
        if model:
            self._validate("query", "query", model.model_validate_strings, found)

    def body(self, raw: bytes, content_type: list[bytes]) -> None:
        if not raw:
            self.arguments["body"] = None
            if self._operation.body_required:
                self._add_violation("body", "A JSON body is required")
        elif not _is_json(content_type):
            self._add_violation("header.content-type", "Send application/json")
        else:
            self._json(raw)

    def _json(self, raw: bytes) -> None:
        try:
            value = _JSON.decode(raw.decode())
        except UnicodeDecodeError:
            self._add_violation("body", "The body is not UTF-8")
        except RecursionError:
            self._add_violation("body", "The body is nested too deeply")
        except (json.JSONDecodeError, _InvalidJson) as error:
            self._add_violation("body", f"The body is not JSON: {error}")
        except ValueError:
            # Python raises a plain ValueError for a number of more than 4,300 digits.
            self._add_violation("body", "A number in the body is too long")
        else:
            self._validate("body", "body", self._validate_body, value)

    def _validate_body(self, value: object) -> object:
        assert self._operation.body  # noqa: S101 - for mypy.
        model = self._operation.body.model_validate(value, strict=True)
        for name in self._operation.unique:
            self._require_unique(name, getattr(model, name))
        return model

    def _require_unique(self, name: str, items: list[Any]) -> None:
        seen: set[Any] = set()
        for index, item in enumerate(items):
            if item in seen:
                self._add_violation(f"body.{name}.{index}", "This is in the list already")
            seen.add(item)

    def _canonical(self, name: str, text: str) -> str:
        """Return the text, or "" if the form is not canonical, which then fails the validation."""
        kind = self._operation.types.get(name, "string")
        return text if _CANONICAL[kind].fullmatch(text) else ""

    def _validate(self, name: str, location: str, validate: Callable[..., Any], value: Any) -> None:
        try:
            self.arguments[name] = validate(value)
        except ValidationError as error:
            for found in error.errors(include_url=False, include_context=False):
                member = ".".join([location, *map(str, found["loc"])])
                self._add_violation(member, _MESSAGES.get(found["type"], found["msg"]))

    def _add_violation(self, location: str, message: str) -> None:
        # The names of unknown members may be long, or contain lone surrogates.
        readable = location.encode(errors="backslashreplace").decode()[: limits.MAX_ERROR_LOCATION]
        self.violations.append({"location": readable, "message": message})


def _is_json(content_type: list[bytes]) -> bool:
    return [value.split(b";")[0].strip().lower() for value in content_type] == [b"application/json"]


class _InvalidJson(ValueError):
    """An extension of Python's parser that is not JSON."""


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise _InvalidJson("a member is given more than once")
    return members


def _number(text: str) -> int | float:
    """Return an integer for 1.0, which JSON Schema does not distinguish from 1."""
    number = float(text)
    return int(number) if number.is_integer() else number


def _reject_constant(text: str) -> None:
    raise _InvalidJson(f"{text} is no number")


_JSON = json.JSONDecoder(
    object_pairs_hook=_unique_members, parse_float=_number, parse_constant=_reject_constant
)
