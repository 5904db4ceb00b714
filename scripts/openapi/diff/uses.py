"""Who meets which part of the contract: every part is indexed by the operations that use it."""

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Literal

from scripts.openapi.contract import Operation, operations
from scripts.openapi.pointers import Node, child, follow, lookup, resolve

SCHEMAS = "#/components/schemas/"


@dataclass(frozen=True)
class Use:
    """One place where clients meet a part of the contract."""

    operation: str
    direction: Literal["request", "response"]
    # The way to it through an operation, the same in both contracts whatever the parts are called.
    place: tuple[str, ...]
    # What a person calls it, such as `Task.title`.
    subject: str
    # Whether a request may leave it out.
    optional: bool = False
    # Schemas on the way, so that a recursive one ends.
    inside: tuple[str, ...] = ()

    def into(self, *place: str, subject: str | None = None, optional: bool = False) -> "Use":
        place = (*self.place, *place)
        return replace(self, place=place, subject=subject or self.subject, optional=optional)

    def member(self, name: str) -> str:
        """Call a member of it by name."""
        return f"{self.subject[:-1]}.{name}`" if self.subject[0] == "`" else f"`{name}`"


class Index:
    """The uses of every part of one contract, by the part's JSON pointer."""

    def __init__(self, contract: Node) -> None:
        self.contract = contract
        self.uses: dict[str, list[Use]] = defaultdict(list)
        # The schemas, by place.
        self.schemas: dict[tuple[str, ...], Node] = {}
        for operation in operations(contract):
            self.operation(operation)
        self.places = {use.place for found in self.uses.values() for use in found}

    def operation(self, found: Operation) -> None:
        item = child("#/paths", found.path)
        pointer = child(item, found.method)
        place = (found.method, re.sub(r"\{\w+\}", "{}", found.path))
        use = Use(found.name, "request", place, f"`{found.name}`")
        # Wherever something about the whole path or the whole operation changes.
        self.uses[item].append(use)
        self.uses[pointer].append(use)
        own = {self.parameter_key(parameter) for parameter in found.node.get("parameters", [])}
        for holder, node in ((item, found.item), (pointer, found.node)):
            for number, parameter in enumerate(node.get("parameters", [])):
                if node is found.node or self.parameter_key(parameter) not in own:
                    self.parameter(child(f"{holder}/parameters", number), use)
        if "requestBody" in found.node:
            self.body(f"{pointer}/requestBody", use)
        for status in found.node.get("responses", {}):
            self.response(child(f"{pointer}/responses", status), status, use)

    def around(self, place: tuple[str, ...]) -> tuple[str, ...]:
        """Tell the place of what the part at this place is in."""
        inside = range(len(place) - 1, 0, -1)
        return next((place[:length] for length in inside if place[:length] in self.places), ())

    def nearest(self, pointer: str) -> list[Use]:
        """Find the uses of a part, or of the next one that it is in."""
        while pointer not in self.uses and "/" in pointer:
            pointer = pointer.rpartition("/")[0]
        return self.uses.get(pointer, [])

    def parameter_key(self, parameter: Node) -> tuple[str, str]:
        node = resolve(self.contract, parameter)
        return node["in"], node["name"]

    def found(self, pointer: str, use: Use) -> tuple[str, Node]:
        """Note this use of what is there, and of what that refers to; give the latter."""
        followed = list(follow(self.contract, pointer))
        for target, _ in followed:
            self.uses[target].append(use)
        target, node = followed[-1]
        return target, node if isinstance(node, dict) else {}

    def known_as(self, pointer: str) -> str:
        """Name an object by its schema; a text or number is known by the member that holds it."""
        *_, (pointer, node) = follow(self.contract, pointer)
        name = pointer.removeprefix(SCHEMAS)
        named = "/" not in name and isinstance(node, dict)
        holds = named and node.keys() & {"properties", "allOf", "oneOf", "anyOf"}
        return f"`{name}`" if holds else ""

    def parameter(self, pointer: str, use: Use) -> None:
        where, name = self.parameter_key(lookup(self.contract, pointer))
        use = use.into("parameters", where, name, subject=f"{where} parameter `{name}`")
        pointer, node = self.found(pointer, use)
        optional = not node.get("required", False)
        self.schema(f"{pointer}/schema", use.into("schema", optional=optional))

    def body(self, pointer: str, use: Use) -> None:
        subject = f"body of `{use.operation}`"
        use = use.into("requestBody", subject=subject)
        pointer, node = self.found(pointer, use)
        self.content(pointer, node, use)

    def response(self, pointer: str, status: str, use: Use) -> None:
        use = replace(use, direction="response")
        use = use.into("responses", status, subject=f"{status} answer of `{use.operation}`")
        pointer, node = self.found(pointer, use)
        for name in node.get("headers", {}):
            header = use.into("headers", name, subject=f"response header `{name}`")
            target, _ = self.found(child(f"{pointer}/headers", name), header)
            self.schema(f"{target}/schema", header.into("schema"))
        for name in node.get("links", {}):
            link = use.into("links", name, subject=f"link `{name}` of `{use.operation}`")
            self.found(child(f"{pointer}/links", name), link)
        self.content(pointer, node, use)

    def content(self, pointer: str, node: Node, use: Use) -> None:
        for media in node.get("content", {}):
            target = child(f"{pointer}/content", media)
            self.uses[target].append(use.into("content", media))
            self.schema(f"{target}/schema", use.into("content", media, "schema"))

    def schema(self, pointer: str, use: Use) -> None:
        if lookup(self.contract, pointer) is None or pointer in use.inside:
            return
        use = replace(use, inside=(*use.inside, pointer))
        holder, there = pointer, use
        use = replace(use, subject=self.known_as(pointer) or use.subject)
        pointer, node = self.found(pointer, use)
        if pointer != holder:
            # What comes or goes with the member is called as the member.
            self.uses[holder][-1] = there
        self.schemas[use.place] = node
        for name in node.get("properties", {}):
            optional = name not in node.get("required", [])
            member = use.into(name, subject=use.member(name), optional=optional)
            self.schema(child(f"{pointer}/properties", name), member)
        for keyword in ("items", "additionalProperties", "not", "if", "then", "else", "contains"):
            if isinstance(node.get(keyword), dict):
                subject = f"each item of {use.subject}" if keyword == "items" else use.subject
                place = "[]" if keyword == "items" else keyword
                self.schema(f"{pointer}/{keyword}", use.into(place, subject=subject))
        for keyword in ("allOf", "oneOf", "anyOf"):
            for number in range(len(node.get(keyword, []))):
                self.schema(f"{pointer}/{keyword}/{number}", use.into(keyword, str(number)))


def before(old: Index, new: Index, base: str | None, revision: str | None) -> list[Use]:
    """Tell who used a part before the change: only they can be broken by it.

    A part that is new, or gone, is met by those who use what it is in, before and after.
    """
    if base is None or revision is None:
        pointer, there, other = (revision, new, old) if base is None else (base, old, new)
        found = there.uses.get(pointer or "", [])
        if not found:
            return [use for use in there.nearest(pointer or "#") if use.place in other.places]
        met = [use for use in found if there.around(use.place) in other.places]
        # What only moved to another place of the document is neither new nor gone.
        return [use for use in met if use.place not in other.places] if met else found
    found = old.nearest(base)
    places = {use.place for use in new.uses.get(revision, [])}
    # A path that moved has no place in common with what it was.
    return [use for use in found if use.place in places] or found
