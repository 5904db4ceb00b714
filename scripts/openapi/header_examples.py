"""The examples that redocly does not look at: those of response headers."""

from collections.abc import Iterator

import jsonschema_rs

from scripts.openapi.contract import operations
from scripts.openapi.pointers import Node, resolve


def wrong(contract: Node) -> Iterator[str]:
    """Tell which header examples do not fit their schemas."""
    seen = set()
    for operation in operations(contract):
        for answer in operation.node.get("responses", {}).values():
            for name, header in resolve(contract, answer).get("headers", {}).items():
                found = resolve(contract, header)
                if "example" in found and id(found) not in seen:
                    seen.add(id(found))
                    yield from _wrong(contract, name, found)


def _wrong(contract: Node, name: str, header: Node) -> Iterator[str]:
    schema = {**header["schema"], "components": contract["components"]}
    for error in jsonschema_rs.Draft202012Validator(schema).iter_errors(header["example"]):
        yield f"The example of response header {name}: {error.message}"
