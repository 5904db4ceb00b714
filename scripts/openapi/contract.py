"""Reading a contract, and walking its operations."""

from collections.abc import Iterator
from typing import NamedTuple

import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing.exceptions import Unresolvable

from scripts.openapi.pointers import Node

METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "trace")


class ContractError(Exception):
    """The contract cannot be used; the message says why."""


class Operation(NamedTuple):
    name: str
    path: str
    method: str
    item: Node
    node: Node


def read(text: str, name: str) -> Node:
    """Parse and validate a contract; messages call it `name`. Raises ContractError."""
    contract = parse(text, name)
    try:
        for error in OpenAPIV31SpecValidator(contract).iter_errors():
            place = "/".join(str(part) for part in error.absolute_path)
            what = error.message.splitlines()[0]
            raise ContractError(f"{name} is not a valid contract: {place}: {what}")
    except Unresolvable as error:
        raise ContractError(f"{name} has a $ref to {error.ref}, which does not exist.") from None
    return contract


def parse(text: str, name: str) -> Node:
    """Parse a contract without validation. Raises ContractError."""
    try:
        # Follows the rules of yaml.safe_load, and is faster.
        contract = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise ContractError(f"{name} is not YAML: {error}") from None
    if not isinstance(contract, dict) or "openapi" not in contract:
        raise ContractError(f"{name} is not an OpenAPI document.")
    return contract


def operations(contract: Node) -> Iterator[Operation]:
    """Yield the operations in the order of the document."""
    for path, item in contract.get("paths", {}).items():
        for method, node in item.items():
            if method in METHODS:
                name = node.get("operationId", f"{method.upper()} {path}")
                yield Operation(name, path, method, item, node)
