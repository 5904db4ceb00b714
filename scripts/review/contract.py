"""Reading a contract as the data it is."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing.exceptions import Unresolvable

Node = dict[str, Any]
METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "trace")


class BrokenError(Exception):
    """What was given is no contract to compare; the message says what is wrong with it."""


class Operation(NamedTuple):
    name: str
    path: str
    method: str
    item: Node
    node: Node


def read(text: str, name: str) -> Node:
    """Parse and validate a contract; `name` is what a message calls it."""
    try:
        # The fast parser; the same rules as yaml.safe_load.
        contract = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as fault:
        raise BrokenError(f"{name} is not YAML: {fault}") from None
    if not isinstance(contract, dict) or "openapi" not in contract:
        raise BrokenError(f"{name} is not an OpenAPI document.")
    try:
        for error in OpenAPIV31SpecValidator(contract).iter_errors():
            place = "/".join(str(part) for part in error.absolute_path)
            what = error.message.splitlines()[0]
            raise BrokenError(f"{name} is not a valid contract: {place}: {what}")
    except Unresolvable as fault:
        raise BrokenError(f"{name} refers to {fault.ref}, which is not there.") from None
    return contract


def operations(contract: Node) -> Iterator[Operation]:
    for path, item in contract.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                node = item[method]
                name = node.get("operationId", f"{method.upper()} {path}")
                yield Operation(name, path, method, item, node)


def lookup(contract: Node, pointer: str) -> Any:
    """Find what a JSON pointer such as `#/info/version` names, or None."""
    found: Any = contract
    for part in parts(pointer):
        if isinstance(found, dict) and part in found:
            found = found[part]
        elif isinstance(found, list) and part.isdigit() and int(part) < len(found):
            found = found[int(part)]
        else:
            return None
    return found


def parts(pointer: str) -> list[str]:
    """Split a JSON pointer into the names that it goes through."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def child(pointer: str, name: str | int) -> str:
    return f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"


def resolve(contract: Node, node: Node) -> Node:
    """Follow references to the end; what stands beside a reference counts, too."""
    while "$ref" in node:
        beside = {name: value for name, value in node.items() if name != "$ref"}
        node = {**lookup(contract, node["$ref"]), **beside}
    return node
