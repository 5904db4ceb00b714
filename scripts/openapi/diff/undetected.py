"""Changes that redocly does not detect, such as the values of examples."""

from collections.abc import Iterator
from typing import Any

from scripts.openapi.contract import Operation, operations
from scripts.openapi.diff import paths
from scripts.openapi.diff.canonical import canonical
from scripts.openapi.diff.changes import Pair
from scripts.openapi.diff.findings import Finding, Verdict
from scripts.openapi.diff.keywords import show
from scripts.openapi.pointers import Node, child, parts, resolve


def judge(pair: Pair) -> Iterator[Finding]:
    """Yield findings for contracts that differ although redocly detects no change."""
    old, new = pair.old.contract, pair.new.contract
    after = {found.name: essence(new, found) for found in operations(new)}
    for found in operations(old):
        if essence(old, found) != after.get(found.name):
            what = f"`{found.name}` changed in a way that is not understood here"
            impact = f"Taken to break callers of `{found.name}`: compare the two by hand."
            place = child(child("#/paths", found.path), found.method)
            yield Finding(Verdict.BREAKING, what, impact, place)
    yield from differences(without_version(old), without_version(new), "#")


def essence(contract: Node, operation: Operation) -> Any:
    """Return the canonical form of an operation, without parts that clients do not notice."""
    parameters = {}
    for holder in (operation.item, operation.node):
        for parameter in holder.get("parameters", []):
            found = resolve(contract, parameter)
            parameters[f"{found['in']} {found['name']}"] = {**found, **paths.serialization(found)}
    rest = {name: operation.node.get(name, {}) for name in ("requestBody", "responses")}
    return canonical(contract, {"parameters": parameters, **rest})


def without_version(contract: Node) -> Node:
    return {**contract, "info": {**contract["info"], "version": None}}


def differences(old: Any, new: Any, pointer: str) -> Iterator[Finding]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in [*old, *(name for name in new if name not in old)]:
            yield from differences(old.get(name), new.get(name), child(pointer, name))
    elif old != new:
        what = f"`{' '.join(parts(pointer))}` is written differently"
        yield Finding(Verdict.WORDING, what, "", pointer, text(old), text(new))


def text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else show(value)[1:-1]
