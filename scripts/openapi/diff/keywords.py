"""What each keyword of a schema means to those who send a value and to those who read one."""

import json
from typing import Any, NamedTuple


class Keyword(NamedTuple):
    # What holds with it, what those senders do whom a narrower one breaks,
    # and those readers whom a wider one breaks.
    fact: str
    send: str
    read: str
    # Which way a larger number goes, for those that are bounds.
    larger: str | None = None


class Effect(NamedTuple):
    """How a change moves the limits of what a value may be: fewer values, more, or both."""

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

# What no program notices in what it sends or reads.
ANNOTATIONS = {
    "title", "description", "summary", "example", "examples", "externalDocs", "$comment", "xml",
    "contact", "license", "termsOfService", "bearerFormat", "tags",
}  # fmt: skip

# Formats of numbers that allow every number which JSON readers can tell apart, and none at all.
HINTS = {None, "int64", "float", "double"}


def show(value: Any) -> str:
    return f"`{value}`" if isinstance(value, str) else f"`{json.dumps(value, ensure_ascii=False)}`"


def effect(keyword: str, before: Any, after: Any) -> Effect:
    """Judge a change of one of KEYWORDS; None is a keyword that is not there."""
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
    """Say what holds now, and what did."""
    text = KEYWORDS[keyword].fact
    if (before if after is None else after) == 1:
        # One character, item or member.
        text = text.removesuffix("s")
    if keyword == "uniqueItems":
        return f"now {text}" if after else f"no longer {text}"
    if after is None:
        return f"no longer {text.format(show(before))}"
    if before is None:
        return f"now {text.format(show(after))}"
    return f"now {text.format(show(after))}, before {show(before)}"


def names(value: Any) -> list[str]:
    """Read the types that a schema's `type` allows; all of them where there is none."""
    if value is None:
        return ["string", "number", "integer", "boolean", "array", "object", "null"]
    return [value] if isinstance(value, str) else list(value)


def types(before: Any, after: Any) -> tuple[list[str], list[str]]:
    """Tell which types are gone, and which are new; every integer is a number."""
    old, new = names(before), names(after)
    gone = [one for one in old if one not in new and not (one == "integer" and "number" in new)]
    came = [one for one in new if one not in old and not (one == "integer" and "number" in old)]
    return gone, came
