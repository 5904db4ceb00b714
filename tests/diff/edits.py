"""Small edits of the contract, with the verdict that a client author expects of scripts/diff.

The edits are in the YAML files in this folder. An address such as `Task/required` starts at a
schema, `get_task/summary` at an operation, and `/info` at the root. `before` edits the base of the
comparison, for parts that the real contract does not have.
"""

import copy
import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from scripts.openapi import contract, pointers

HERE = Path(__file__).parent
CONTRACT = HERE.parent.parent / "openapi" / "openapi.yaml"

Edit = dict[str, Any]


@cache
def original() -> str:
    """Return the contract as version 1.0.0, which is the base of all version tests."""
    return re.sub(r"(?m)^  version: .*$", "  version: 1.0.0", CONTRACT.read_text(), count=1)


@cache
def edits() -> list[Edit]:
    files = ("operations", "requests", "answers", "wording")
    return [edit for name in files for edit in yaml.safe_load((HERE / f"{name}.yaml").read_text())]


def apply(edit: Edit) -> pointers.Node:
    """Edit a copy of the contract."""
    found: pointers.Node = yaml.load(original(), Loader=yaml.CSafeLoader)
    for kind, what in edit.items():
        if kind in ("drop", "reverse"):
            for address in what:
                holder, key = place(found, address)
                holder.pop(key) if kind == "drop" else holder[key].reverse()
        elif kind not in ("edit", "before", "verdict", "says", "spares", "count"):
            for address, value in what.items():
                change(found, kind, address, value)
    return found


def change(found: pointers.Node, kind: str, address: str, value: Any) -> None:
    holder, key = place(found, address)
    match kind:
        case "put":
            holder[key] = copy.deepcopy(value)
        case "add":
            holder[key].append(value)
        case "take":
            holder[key].remove(value)
        case "copy" | "move":
            part = copy.deepcopy(holder[key]) if kind == "copy" else holder.pop(key)
            target, name = place(found, value)
            target[name] = part
        case _:
            raise ValueError(kind)


def place(found: pointers.Node, address: str) -> tuple[Any, Any]:
    """Return the parent of the part at an address, and the key of the part."""
    first, *way = pointers.parts(f"/{address}")
    start = ["components", "schemas", first] if first else []
    for operation in contract.operations(found):
        if operation.name == first:
            start = ["paths", operation.path, operation.method]
    *way, last = start + way
    holder: Any = found
    for step in way:
        holder = holder[int(step) if isinstance(holder, list) else step]
    return holder, int(last) if isinstance(holder, list) else last
