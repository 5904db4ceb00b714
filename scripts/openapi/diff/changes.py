"""The changes that redocly finds, each with the values and the uses that a verdict needs."""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from scripts.openapi.contract import ContractError
from scripts.openapi.diff.uses import Index, Use, before
from scripts.openapi.pointers import Node, child, lookup, parts
from scripts.openapi.redocly import redocly


@dataclass(frozen=True)
class Change:
    # `added`, `removed` or `modified`, and the kind of part, as redocly names them.
    kind: str
    type: str
    # Where redocly met it first, which is not where it is written when that is shared.
    path: str
    # Where it is written, before and after; of a modified member, what the member is in.
    base: str | None
    revision: str | None
    name: str = ""
    old: Any = None
    new: Any = None
    # Whether redocly finds it breaking, and why.
    major: bool = False
    reasons: tuple[str, ...] = ()
    uses: list[Use] = field(default_factory=list)

    @property
    def pointer(self) -> str:
        """Where to look: at the new contract, or at the old one for what is gone."""
        if self.kind == "modified" and self.name not in ("", "key"):
            holder = self.revision if self.new is not None else self.base
            return child(holder or "", self.name)
        return self.revision or self.base or ""

    @property
    def last(self) -> str:
        """What the part is called where it is: a status, a header, a member."""
        return parts(self.path)[-1]

    @property
    def holder(self) -> str:
        """The keyword or map that the part is in."""
        return parts(self.path)[-2] if len(parts(self.path)) > 1 else ""


@dataclass(frozen=True)
class Pair:
    """The two contracts, and who uses what in each."""

    old: Index
    new: Index


# Parts that redocly reports whole when all of what they hold comes or goes.
MAPS = {
    "ParameterList": "Parameter",
    "HeadersMap": "Header",
    "MediaTypesMap": "MediaType",
    "SchemaProperties": "Schema",
    "NamedSchemas": "Schema",
    "Responses": "Response",
    "Paths": "PathItem",
}


def find(pair: Pair) -> Iterator[Change]:
    """Let redocly compare the contracts."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("base.json", "revision.json")]
        for file, index in zip(files, (pair.old, pair.new), strict=True):
            file.write_text(json.dumps(index.contract, default=str))
        run = redocly("diff", *files, "--format=json", "--fail-on=none")
    if run.returncode:
        raise ContractError(f"redocly could not compare the contracts:\n{run.stderr}")
    for found in json.loads(run.stdout)["changes"]:
        for change in spread(pair, read(pair, found)):
            uses = before(pair.old, pair.new, change.base, change.revision)
            yield replace(change, uses=list(dict.fromkeys(uses)))


def read(pair: Pair, found: dict[str, Any]) -> Change:
    name = found.get("property", "")
    base, revision = (found.get(side, {}).get("pointer") for side in ("base", "revision"))
    old = base and lookup(pair.old.contract, base)
    new = revision and lookup(pair.new.contract, revision)
    if found["kind"] == "modified" and name == "key":
        old, new = parts(base)[-1], parts(revision)[-1]
    elif found["kind"] == "modified":
        # Where the member is not there, redocly points at what it is missing from.
        base, old = member(pair.old, base, name)
        revision, new = member(pair.new, revision, name)
    return Change(
        **{key: found[key] for key in ("kind", "path")},
        type=found["typeName"],
        base=base,
        revision=revision,
        name=name,
        old=old,
        new=new,
        major=found["impact"] == "major",
        reasons=tuple(verdict["message"] for verdict in found["verdicts"]),
    )


def member(index: Index, pointer: str, name: str) -> tuple[str, Any]:
    """Split a pointer into what holds a member and the member's value, None if there is none."""
    holder, _, last = pointer.rpartition("/")
    # A part may well have the name of a member that it lacks.
    part = pointer in index.uses and holder not in index.uses
    if child("", name) != f"/{last}" or part:
        return pointer, None
    return holder, lookup(index.contract, pointer)


def spread(pair: Pair, change: Change) -> Iterator[Change]:
    """Take a whole map that came or went as its parts."""
    if change.kind == "modified" or change.type not in MAPS:
        yield change
        return
    index = pair.old if change.kind == "removed" else pair.new
    holds: Node | list[Node] = lookup(index.contract, change.pointer)
    for key in range(len(holds)) if isinstance(holds, list) else holds:
        yield replace(
            change,
            type=MAPS[change.type],
            path=child(change.path, key),
            base=change.base and child(change.base, key),
            revision=change.revision and child(change.revision, key),
            old=None if change.base is None else holds[key],  # type: ignore[index]
            new=None if change.revision is None else holds[key],  # type: ignore[index]
        )
