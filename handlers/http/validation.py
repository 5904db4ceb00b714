"""Request validation, as strict as the contract. A response lists all violations of a request.

Path and query parameters are text, bodies are JSON: "1" is a number in a path, but not in a body.
"""

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from pydantic import TypeAdapter, ValidationError
from starlette.types import Scope

from generated import responses
from generated.operations import Operation
from handlers import errors, limits
from handlers.http import schemas
from handlers.http.schemas import Schemas

# The canonical form of a value in a path or a query. Pydantic would also accept " +1_0.0".
_CANONICAL = {
    "integer": re.compile(r"0|-?[1-9][0-9]*"),
    "boolean": re.compile(r"true|false"),
    "string": re.compile(r"[\s\S]*"),
}
_PARSE: dict[str, Callable[[str], object]] = {
    "integer": int,
    "boolean": "true".__eq__,
    "string": str,
}

# These replace messages of pydantic that mention Python, patterns or Unicode.
_MESSAGES = {
    "model_type": "Input should be an object",
    "extra_forbidden": "This is not in the contract",
    "missing": "This is required",
    "string_pattern_mismatch": "This text is blank, or holds a character that is not allowed",
    "string_unicode": "Input should be text without lone surrogates",
}


def arguments(operation: Operation, compiled: Schemas, scope: Scope, body: bytes) -> dict[str, Any]:
    """Return the arguments for the operation's method. Raises errors.Invalid."""
    validator = _RequestValidator(operation, compiled)
    for name in operation.path_parameters:
        validator.path(name, scope["path_params"][name])
    if operation.query or scope["query_string"]:
        validator.query(scope["query_string"])
    if operation.body:
        validator.body(operation.body, body, headers(scope, b"content-type"))
    if validator.violations:
        raise errors.Invalid(details=validator.violations)
    return validator.arguments


def headers(scope: Scope, name: bytes) -> list[bytes]:
    """Return the values of a header. `name` is in lower case."""
    return [value for key, value in scope["headers"] if key == name]


class _RequestValidator:
    def __init__(self, operation: Operation, compiled: Schemas) -> None:
        self._operation = operation
        self._schemas = compiled
        self.arguments: dict[str, Any] = {}
        self.violations: list[responses.ErrorDetail] = []

    def path(self, name: str, text: str) -> None:
        validate = self._operation.path_parameters[name].validate_strings
        self._validate(name, f"path.{name}", validate, self._canonical(name, text))
        self._check_text(f"path.{name}", name, text)

    def query(self, raw: bytes) -> None:
        texts: dict[str, str] = {}
        query = raw.decode(errors="surrogateescape")
        for name, text in parse_qsl(query, keep_blank_values=True, errors="surrogateescape"):
            if name in texts:
                self._add_violation(f"query.{name}", "This is given more than once")
            elif f"query.{name}" not in self._schemas:
                self._add_violation(f"query.{name}", _MESSAGES["extra_forbidden"])
            texts[name] = text
        if model := self._operation.query:
            values = {name: self._canonical(name, text) for name, text in texts.items()}
            self._validate("query", "query", model.model_validate_strings, values)
        for name, text in texts.items():
            if f"query.{name}" in self._schemas:
                self._check_text(f"query.{name}", name, text)

    def body(self, adapter: TypeAdapter[Any], raw: bytes, content_type: list[bytes]) -> None:
        if not raw:
            self.arguments["body"] = None
            if self._operation.body_required:
                self._add_violation("body", "A JSON body is required")
        elif not _is_json(content_type):
            self._add_violation("header.content-type", "Send application/json")
        else:
            self._json(adapter, raw)

    def _json(self, adapter: TypeAdapter[Any], raw: bytes) -> None:
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
            self._validate("body", "body", partial(adapter.validate_python, strict=True), value)
            self._check_schema("body", value)
            if not self.violations and b"\\u" in raw and _has_lone_surrogate(value):
                self._add_violation("body", _MESSAGES["string_unicode"])

    def _check_schema(self, location: str, value: object) -> None:
        """Add the violations that pydantic did not find."""
        known = {violation["location"] for violation in self.violations}
        for path, message in schemas.violations(self._schemas[location], value):
            member = ".".join([location, *map(str, path)])
            # Pydantic reports a missing or unknown member, the schema reports its object.
            if not any(at == member or at.startswith(f"{member}.") for at in known):
                self._add_violation(member, message)

    def _canonical(self, name: str, text: str) -> str:
        """Return the text, or "" if it is not canonical, so that validation fails."""
        kind = self._operation.types.get(name, "string")
        return text if _CANONICAL[kind].fullmatch(text) else ""

    def _check_text(self, location: str, name: str, text: str) -> None:
        """Check the schema of a parameter that pydantic accepts."""
        if all(violation["location"] != location for violation in self.violations):
            self._check_schema(location, _PARSE[self._operation.types[name]](text))

    def _validate(self, name: str, location: str, validate: Callable[..., Any], value: Any) -> None:
        try:
            self.arguments[name] = validate(value)
        except ValidationError as error:
            for found in error.errors(include_url=False, include_context=False):
                path = _member_path(found["loc"], value, is_missing=found["type"] == "missing")
                member = ".".join([location, *map(str, path)])
                self._add_violation(member, _MESSAGES.get(found["type"], found["msg"]))

    def _add_violation(self, location: str, message: str) -> None:
        # The names of unknown members may be long, or contain lone surrogates.
        readable = location.encode(errors="backslashreplace").decode()[: limits.MAX_ERROR_LOCATION]
        self.violations.append({"location": readable, "message": message})


def _member_path(
    location: tuple[int | str, ...], value: Any, *, is_missing: bool
) -> Iterator[int | str]:
    """Yield the parts of pydantic's location that are members of the value, or the missing one.

    Pydantic adds the names of the alternatives of a union.
    """
    for number, part in enumerate(location, start=1):
        if _has(value, part):
            value = value[part]
            yield part
        elif is_missing and number == len(location):
            yield part


def _has(value: Any, part: int | str) -> bool:
    if isinstance(value, list):
        return isinstance(part, int) and part < len(value)
    return isinstance(value, dict) and part in value


def _is_json(content_type: list[bytes]) -> bool:
    return [value.split(b";")[0].strip().lower() for value in content_type] == [b"application/json"]


class _InvalidJson(ValueError):
    """Python's parser accepts this, but it is not JSON, or not unambiguous."""


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise _InvalidJson("a member is given more than once")
    return members


def _has_lone_surrogate(value: object) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def _number(text: str) -> int | float:
    """Return an integer for 1.0, which JSON Schema does not distinguish from 1."""
    number = float(text)
    return int(number) if number.is_integer() else number


def _reject_constant(text: str) -> None:
    raise _InvalidJson(f"{text} is not a number")


_JSON = json.JSONDecoder(
    object_pairs_hook=_unique_members, parse_float=_number, parse_constant=_reject_constant
)
