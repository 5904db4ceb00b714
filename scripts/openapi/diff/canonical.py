"""Whether two schemas allow the same values, however they are written down."""

from typing import Any

from scripts.openapi.diff.keywords import ANNOTATIONS
from scripts.openapi.pointers import Node, lookup

# Keywords that say nothing when they have this value.
IDLE: dict[str, list[Any]] = {
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
SETS = ("type", "enum", "required")
COMBINATIONS = ("allOf", "anyOf", "oneOf")


def meaning(contract: Node, schema: Any, inside: tuple[str, ...] = ()) -> Any:
    """Write a schema in one canonical way: equal results allow equal values."""
    if not isinstance(schema, dict):
        return schema
    found = {name: value for name, value in schema.items() if name not in ANNOTATIONS}
    target = found.pop("$ref", None)
    if target in inside:
        return {"$ref": target}
    if target:
        # What stands beside a reference holds as well as what it refers to.
        found["allOf"] = [*found.get("allOf", []), lookup(contract, target)]
        inside = (*inside, target)
    plain = {name: _value(contract, name, value, inside) for name, value in found.items()}
    plain = {name: value for name, value in plain.items() if value not in IDLE.get(name, [])}
    return _simplest(plain)


def _value(contract: Node, name: str, value: Any, inside: tuple[str, ...]) -> Any:
    if name in ("properties", "patternProperties", "$defs", "dependentSchemas"):
        return {key: meaning(contract, one, inside) for key, one in value.items()}
    if name in COMBINATIONS:
        return [meaning(contract, one, inside) for one in value]
    if name in SETS and isinstance(value, list):
        return sorted(value, key=str)
    return meaning(contract, value, inside)


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


def one_of(contract: Node, schema: Any, other: Node, choices: Any) -> bool:
    """Tell whether `choices`, in the other contract, offer just this schema among others."""
    same = meaning(contract, schema)
    return isinstance(choices, list) and same in [meaning(other, choice) for choice in choices]
