"""JSON pointers such as `#/info/version`, and the resolution of `$ref`."""

from collections.abc import Iterator
from typing import Any

Node = dict[str, Any]


def parts(pointer: str) -> list[str]:
    """Split a pointer into its names."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def child(pointer: str, name: str | int) -> str:
    return f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"


def lookup(contract: Node, pointer: str) -> Any:
    """Return the value at a pointer, or None."""
    found: Any = contract
    for part in parts(pointer):
        if isinstance(found, dict) and part in found:
            found = found[part]
        elif isinstance(found, list) and part.isdigit() and int(part) < len(found):
            found = found[int(part)]
        else:
            return None
    return found


def follow(contract: Node, pointer: str) -> Iterator[tuple[str, Any]]:
    """Yield the value at a pointer and, while the value is a `$ref`, the value at its target."""
    node = lookup(contract, pointer)
    yield pointer, node
    while isinstance(node, dict) and "$ref" in node:
        pointer = node["$ref"]
        node = lookup(contract, pointer)
        yield pointer, node


def resolve(contract: Node, node: Node) -> Node:
    """Replace a `$ref` by its target; keywords beside the `$ref` override those of the target."""
    while "$ref" in node:
        beside = {name: value for name, value in node.items() if name != "$ref"}
        node = {**lookup(contract, node["$ref"]), **beside}
    return node
