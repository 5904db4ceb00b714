"""The effect of schema keywords on senders and on readers of a value."""

import json
from typing import Any, NamedTuple


class Keyword(NamedTuple):
    # A description; the behavior of senders that a narrower keyword breaks, and of readers that a
    # wider keyword breaks.
    fact: str
    send: str
    read: str
    # For bounds, the effect of a larger number.
    larger: str | None = None


class Effect(NamedTuple):
    """The effect of a change on the allowed values: fewer, more, or both."""

    narrower: bool
    wider: bool


KEYWORDS = {
    "maxLength": Keyword(
        "at most {} characters", "send longer text", "have no room for longer text", "wider"
    ),
    "minLength": Keyword(
        "at least {} characters", "send shorter text", "count on longer text", "narrower"
    ),
    "maximum": Keyword(
        "at most {}", "send a larger number", "have no room for a larger number", "wider"
    ),
    "minimum": Keyword(
        "at least {}", "send a smaller number", "do not expect a smaller number", "narrower"
    ),
    "exclusiveMaximum": Keyword(
        "less than {}", "send a larger number", "have no room for a larger number", "wider"
    ),
    "exclusiveMinimum": Keyword(
        "more than {}", "send a smaller number", "do not expect a smaller number", "narrower"
    ),
    "maxItems": Keyword(
        "at most {} items", "send more items", "have no room for more items", "wider"
    ),
    "minItems": Keyword("at least {} items", "send fewer items", "count on more items", "narrower"),
    "maxContains": Keyword(
        "at most {} items of one kind",
        "send more of them",
        "have no room for more of them",
        "wider",
    ),
    "minContains": Keyword(
        "at least {} items of one kind", "send fewer of them", "count on more of them", "narrower"
    ),
    "maxProperties": Keyword(
        "at most {} members", "send more members", "have no room for more members", "wider"
    ),
    "minProperties": Keyword(
        "at least {} members", "send fewer members", "count on more members", "narrower"
    ),
    "multipleOf": Keyword("a multiple of {}", "send another number", "count on the old step"),
    "pattern": Keyword(
        "matches the pattern {}", "send text that does not match", "count on the old pattern"
    ),
    "format": Keyword("has the format {}", "send another format", "parse the old format"),
    "const": Keyword("always {}", "send another value", "compare with the old value"),
    "contentEncoding": Keyword("encoded as {}", "send another encoding", "decode the old one"),
    "contentMediaType": Keyword("contains {}", "send another media type", "parse the old one"),
    "uniqueItems": Keyword("each item once", "send an item twice", "count on items being unique"),
}

# Keywords without an effect on requests and responses.
ANNOTATIONS = {
    "title", "description", "summary", "example", "examples", "externalDocs", "$comment", "xml",
    "contact", "license", "termsOfService", "bearerFormat", "tags",
}  # fmt: skip

# Formats of numbers that do not limit the value, and the absent format.
HINTS = {None, "int64", "float", "double"}


def show(value: Any) -> str:
    return f"`{value}`" if isinstance(value, str) else f"`{json.dumps(value, ensure_ascii=False)}`"


def effect(keyword: str, before: Any, after: Any) -> Effect:
    """Return the effect of a change of a keyword in KEYWORDS; None is an absent keyword."""
    if keyword == "uniqueItems":
        before, after = before or None, after or None
    if keyword == "format" and {before, after} <= HINTS:
        return Effect(narrower=False, wider=False)
    if before is None or after is None:
        return Effect(narrower=before is None, wider=after is None)
    larger = KEYWORDS[keyword].larger
    if larger is None:
        return Effect(narrower=True, wider=True)
    return Effect(
        narrower=(after > before) == (larger == "narrower"),
        wider=(after > before) == (larger == "wider"),
    )


def fact(keyword: str, before: Any, after: Any) -> str:
    """Describe the new and the old value."""
    text = KEYWORDS[keyword].fact
    if (before if after is None else after) == 1:
        # A bound of 1 takes the singular.
        text = text.removesuffix("s")
    if keyword == "uniqueItems":
        return f"now {text}" if after else f"no longer {text}"
    if after is None:
        return f"no longer {text.format(show(before))}"
    if before is None:
        return f"now {text.format(show(after))}"
    return f"now {text.format(show(after))}, before {show(before)}"


def type_names(value: Any) -> list[str]:
    """Return the types that the keyword `type` allows; an absent keyword allows every type."""
    if value is None:
        return ["string", "number", "integer", "boolean", "array", "object", "null"]
    return [value] if isinstance(value, str) else list(value)


def types(before: Any, after: Any) -> tuple[list[str], list[str]]:
    """Return the removed types and the added types; every integer is a number."""
    old, new = type_names(before), type_names(after)
    gone = [name for name in old if name not in new and not (name == "integer" and "number" in new)]
    came = [name for name in new if name not in old and not (name == "integer" and "number" in old)]
    return gone, came
