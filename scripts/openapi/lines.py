"""On which line of its file each part of a contract stands."""

from collections.abc import Iterator

import yaml

from scripts.openapi.pointers import child


def lines(text: str) -> dict[str, int]:
    """Map the JSON pointer of every part to its line."""
    root = yaml.compose(text, Loader=yaml.CSafeLoader)
    return dict(_walk(root, "#")) if root else {}


def _walk(node: yaml.Node, pointer: str) -> Iterator[tuple[str, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inside = child(pointer, key.value)
            yield inside, key.start_mark.line + 1
            yield from _walk(value, inside)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            inside = child(pointer, number)
            yield inside, value.start_mark.line + 1
            yield from _walk(value, inside)
