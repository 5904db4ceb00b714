"""The canonical form of schemas: equivalent schemas have equal forms."""

from typing import Any

from scripts.openapi.diff.keywords import ANNOTATIONS
from scripts.openapi.pointers import Node, lookup

# Values of keywords that equal an absent keyword.
DEFAULTS: dict[str, list[Any]] = {
    "required": [[]],
    "minItems": [0],
    "minLength": [0],
    "minProperties": [0],
    "uniqueItems": [False],
    "readOnly": [False],
    "writeOnly": [False],
    "deprecated": [False],
    "additionalProperties": [True, {}],
}
UNORDERED = ("type", "enum", "required")
COMBINATIONS = ("allOf", "anyOf", "oneOf")


def canonical(contract: Node, schema: Any, inside: tuple[str, ...] = ()) -> Any:
    """Return the canonical form of a schema."""
    if not isinstance(schema, dict):
        return schema
    found = {name: value for name, value in schema.items() if name not in ANNOTATIONS}
    target = found.pop("$ref", None)
    if target in inside:
        return {"$ref": target}
    if target:
        # In OpenAPI 3.1, keywords beside a $ref apply together with the target.
        found["allOf"] = [*found.get("allOf", []), lookup(contract, target)]
        inside = (*inside, target)
    plain = {name: _value(contract, name, value, inside) for name, value in found.items()}
    plain = {name: value for name, value in plain.items() if value not in DEFAULTS.get(name, [])}
    return _simplest(plain)


def _value(contract: Node, name: str, value: Any, inside: tuple[str, ...]) -> Any:
    if name in ("properties", "patternProperties", "$defs", "dependentSchemas"):
        return {key: canonical(contract, schema, inside) for key, schema in value.items()}
    if name in COMBINATIONS:
        return [canonical(contract, schema, inside) for schema in value]
    if name in UNORDERED and isinstance(value, list):
        return sorted(value, key=str)
    return canonical(contract, value, inside)


def _simplest(schema: dict[str, Any]) -> Any:
    for combination in COMBINATIONS:
        if schema.keys() == {combination} and len(schema[combination]) == 1:
            return schema[combination][0]
    if isinstance(schema.get("type"), list) and len(schema["type"]) == 1:
        schema["type"] = schema["type"][0]
    if isinstance(schema.get("enum"), list) and len(schema["enum"]) == 1:
        schema["const"] = schema.pop("enum")[0]
    if schema.get("type") == "integer":
        for exclusive, inclusive, step in (
            ("exclusiveMinimum", "minimum", 1),
            ("exclusiveMaximum", "maximum", -1),
        ):
            if exclusive in schema and inclusive not in schema:
                schema[inclusive] = schema.pop(exclusive) + step
    return schema


def contains(contract: Node, schema: Any, other: Node, choices: Any) -> bool:
    """Return whether `choices`, in another contract, contain an equivalent of the schema."""
    same = canonical(contract, schema)
    return isinstance(choices, list) and same in [canonical(other, choice) for choice in choices]
