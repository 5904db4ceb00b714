"""The contract's own schemas, compiled at start: they decide last whether a value is valid.

Pydantic's models read a value first and give better messages, but enforce fewer keywords.
"""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs
from jsonschema_rs import ValidationErrorKind as Kind

from generated import operations
from generated.operations import Operation

CONTRACT = Path(operations.__file__).parent / "openapi.json"
_URI = "urn:contract"

Schemas = Mapping[str, jsonschema_rs.Draft202012Validator]


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


# Formats of OpenAPI that JSON Schema does not have. Others, such as password, are annotations.
_FORMATS = {"byte": _is_base64}


class Compiler:
    """Compiles schemas of one contract, which is read once."""

    def __init__(self) -> None:
        document = json.loads(CONTRACT.read_text())
        self._registry = jsonschema_rs.Registry([(_URI, document)])

    def compile(self, operation: Operation) -> Schemas:
        """Compile the schemas of an operation's body and parameters, by their error location."""
        return {
            location: jsonschema_rs.Draft202012Validator(
                {"$ref": f"{_URI}{pointer}"},
                registry=self._registry,
                formats=_FORMATS,
                validate_formats=True,
                # A message must not repeat the value, which may be large or private.
                mask="This",
                offline=True,
            )
            for location, pointer in operation.schemas.items()
        }


def violations(
    schema: jsonschema_rs.Draft202012Validator, value: Any
) -> Iterator[tuple[list[str | int], str]]:
    """Yield the path and the message of each violation."""
    try:
        if schema.is_valid(value):
            return
        errors = list(schema.iter_errors(value))
    except (ValueError, RecursionError):
        # jsonschema-rs describes no value with lone surrogates or of more than 255 levels.
        yield [], "This does not match the contract"
        return
    for error in errors:
        path = list(error.instance_path)
        if isinstance(error.kind, Kind.UniqueItems):
            yield from _duplicates(path, error.instance)
        else:
            yield path, error.message


def _duplicates(path: list[str | int], items: Any) -> Iterator[tuple[list[str | int], str]]:
    """Yield a violation for each item that is in the list already."""
    seen = set()
    for index, item in enumerate(items):
        # As JSON Schema compares: 1 equals 1.0, but not true.
        text = json.dumps(item, sort_keys=True)
        if text in seen:
            yield [*path, index], "This is in the list already"
        seen.add(text)
