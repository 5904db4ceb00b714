"""Comparison of two contracts: every change becomes a finding."""

from collections.abc import Iterator
from dataclasses import replace

from scripts.openapi.diff import changes, cross_checks, findings, paths, schemas, undetected
from scripts.openapi.diff.canonical import canonical, contains
from scripts.openapi.diff.changes import Change, Pair
from scripts.openapi.diff.findings import Finding, Verdict, in_responses
from scripts.openapi.diff.keywords import ANNOTATIONS, type_names
from scripts.openapi.diff.uses import SCHEMAS, Index, Use
from scripts.openapi.pointers import Node, lookup, parts

# Documentation, which programs do not read.
READ = ("Example", "ExampleList", "ExamplesMap", "Tag", "TagList", "Info", "Contact", "License",
        "ExternalDocs", "Link", "LinksMap")  # fmt: skip
SHARED = "The shared"
# Prefixes of members that clients do not read.
NOTES = ("x-", "openapi")
NAMES_TYPE = (
    "Breaks generated clients whose code names the type `{}`; what is sent and answered stays."
)
GROUPED = (
    "SecurityRequirement",
    "SecurityRequirementList",
    "SecurityScheme",
    "NamedSecuritySchemes",
)


def compare(base: Node, revision: Node) -> list[Finding]:
    """Return the findings, the most severe first."""
    pair = Pair(Index(base), Index(revision))
    return conclude(pair, list(changes.find(pair)))


def conclude(pair: Pair, found: list[Change]) -> list[Finding]:
    """Return the findings for the changes of redocly, and for undetected changes."""
    openings = {f"{change.path}/{change.name}" for change in found if change.kind == "modified"}
    # Redocly also reports the schema inside a changed `additionalProperties`.
    found = [change for change in found if change.kind == "modified" or change.path not in openings]
    whole = [*rewritten(pair, found), *replaced(pair, found)]
    paths_done = [path for path, _ in whole]
    result = [finding for _, finding in whole if finding]
    for change in found:
        if not any(
            change.path == path or change.path.startswith(f"{path}/") for path in paths_done
        ):
            result += [frozen(pair, change, finding) for finding in judge(pair, change)]
    result += cross_checks.judge(pair)
    if not result:
        result += undetected.judge(pair)
    return sorted(dict.fromkeys(result), key=importance)


def importance(finding: Finding) -> tuple[int, bool]:
    """Return a sort key: severe findings first, names of shared parts last."""
    return list(Verdict).index(finding.verdict), finding.what.startswith(SHARED)


def judge(pair: Pair, change: Change) -> Iterator[Finding]:
    if (change.type, change.name) == ("Info", "version"):
        return
    if change.type == "Tag" and change.kind != "modified":
        yield from tag(pair, change)
    elif change.name == "deprecated":
        yield deprecation(change)
    elif change.type in READ or change.name in ANNOTATIONS or change.name.startswith(NOTES):
        yield wording(change)
    elif change.type in GROUPED:
        # The cross-checks compare the security requirements of operations.
        return
    elif change.path.startswith("#/components/"):
        yield from component(pair, change)
    elif change.type in ("Schema", "SchemaProperties", "AllOf", "AnyOf", "OneOf"):
        yield from schemas.judge(without_new_members(pair, change))
    else:
        yield from paths.judge(pair, change)


def without_new_members(pair: Pair, change: Change) -> Change:
    """Remove added and removed members from a change of `required`: see their own findings."""
    if change.name != "required":
        return change
    old, new = (
        (lookup(index.contract, pointer or "") or {}).get("properties", {})
        for index, pointer in ((pair.old, change.base), (pair.new, change.revision))
    )
    return replace(
        change,
        old=[name for name in change.old or [] if name in new],
        new=[name for name in change.new or [] if name in old],
    )


def deprecation(change: Change) -> Finding:
    subject = findings.subjects(change.uses)
    if change.new:
        what, impact = (
            f"{subject} is deprecated",
            "It still works; clients should plan to leave it.",
        )
    else:
        what, impact = f"{subject} is no longer deprecated", "No client has to change."
    return Finding(Verdict.COMPATIBLE, what, impact, change.pointer)


def wording(change: Change) -> Finding:
    name = change.name or change.last
    where = place(change, change.pointer.removesuffix(f"/{name}"))
    verb = "is new" if change.old is None else "is gone" if change.new is None else "is reworded"
    said = f"`{name}` of {where} {verb}" if where else f"`{name}` {verb}"
    return Finding(
        Verdict.WORDING,
        said,
        "",
        change.pointer,
        undetected.text(change.old),
        undetected.text(change.new),
    )


def tag(pair: Pair, change: Change) -> Iterator[Finding]:
    """Redocly reports a reworded tag as removed and added."""
    name = (change.new or change.old)["name"]
    old, new = (
        {tag["name"]: tag.get("description", "") for tag in index.contract.get("tags", [])}
        for index in (pair.old, pair.new)
    )
    if change.kind == "added" or name not in new:
        verb = "is new" if name not in old else "is gone" if name not in new else "is reworded"
        words = old.get(name, ""), new.get(name, "")
        yield Finding(Verdict.WORDING, f"Tag `{name}` {verb}", "", change.pointer, *words)


def place(change: Change, pointer: str) -> str:
    """Return the location of a text: the name of a shared part, or else the uses."""
    way = parts(pointer)
    if way[:1] == ["components"]:
        return f"`{'.'.join(name for name in way[2:] if name != 'properties')}`"
    return findings.subjects(change.uses) if change.uses else f"`{'.'.join(way)}`" if way else ""


def component(pair: Pair, change: Change) -> Iterator[Finding]:
    """Yield the finding for the name of a shared part, or for an unused part."""
    holder, name = parts(change.path)[1:3]
    shared = f"{SHARED} {holder.removesuffix('s')} `{name}`"
    verdict, impact = Verdict.WORDING, ""
    if change.name == "key":
        what = f"{shared.replace(name, change.old)} is now called `{change.new}`"
    elif len(parts(change.path)) == len(parts(SCHEMAS)) and change.kind != "modified":
        what = f"{shared} {'is new' if change.kind == 'added' else 'is gone'}"
    else:
        what = f"{shared}, which no operation uses, changed"
    if holder == "schemas" and change.old and pair.old.uses.get(change.base or ""):
        gone = change.old if change.name == "key" else name
        verdict, impact = Verdict.BREAKING, NAMES_TYPE.format(gone)
    elif holder == "schemas" and change.kind == "added":
        verdict, impact = Verdict.COMPATIBLE, "No client has to change."
    yield Finding(verdict, what, impact, change.pointer)


def rewritten(pair: Pair, found: list[Change]) -> Iterator[tuple[str, Finding | None]]:
    """Yield findings for schemas that are equivalent, or that gained or lost an alternative."""
    done = set()
    for change in found:
        if change.type != "Schema" or change.kind != "modified" or change.path in done:
            continue
        if change.name in ANNOTATIONS or change.name == "key":
            continue
        old = lookup(pair.old.contract, change.base or "")
        new = lookup(pair.new.contract, change.revision or "")
        if finding := rewriting(pair, change, old, new):
            done.add(change.path)
            yield change.path, finding


def rewriting(pair: Pair, change: Change, old: Node, new: Node) -> Finding | None:
    subject = findings.subjects(change.uses)
    if canonical(pair.old.contract, old) == canonical(pair.new.contract, new):
        what = f"{subject}: written differently, with the same meaning"
        return Finding(Verdict.WORDING, what, "", change.pointer)
    for keyword in ("oneOf", "anyOf", "allOf"):
        more = contains(pair.old.contract, old, pair.new.contract, new.get(keyword))
        fewer = contains(pair.new.contract, new, pair.old.contract, old.get(keyword))
        if more or fewer:
            # An additional alternative allows more values, an additional condition fewer.
            effect = schemas.WIDER if more == (keyword != "allOf") else schemas.NARROWER
            what = f"{subject}: {'more' if effect.wider else 'less'} is possible than before"
            return schemas.weigh(change, what, effect, "send another", "know only what there was")
    return None


def replaced(pair: Pair, found: list[Change]) -> Iterator[tuple[str, Finding | None]]:
    """Yield findings for schemas without a common type, whose other changes do not matter."""
    for change in found:
        if (
            change.uses
            and (change.type, change.name) == ("Schema", "type")
            and not {*type_names(change.old)} & {*type_names(change.new)}
        ):
            for finding in schemas.judge(change):
                yield change.path, frozen(pair, change, finding)


def frozen(pair: Pair, change: Change, finding: Finding) -> Finding:
    """Report every change of the outer shape of a list as breaking: clients share a list reader."""
    lists = [use for use in in_responses(change.uses) if outer(pair.old, use)]
    if not lists or finding.verdict != Verdict.COMPATIBLE:
        return finding
    subject = findings.operations(lists)
    impact = f"Breaks readers of lists (answers of {subject}): the outer shape of a list is frozen."
    return replace(finding, verdict=Verdict.BREAKING, impact=impact)


def outer(index: Index, use: Use) -> bool:
    """Return whether a use is in a list response, but outside the items of `data`."""
    for length in range(len(use.place), 0, -1):
        schema = index.schemas.get(use.place[:length], {})
        if {"data", "pagination"} <= schema.get("properties", {}).keys():
            return use.place[length : length + 2] != ("data", "[]")
    return False
