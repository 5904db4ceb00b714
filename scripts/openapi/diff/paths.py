"""Rules for changes of paths, operations, parameters, bodies, responses, headers and servers."""

import re
from collections.abc import Callable, Iterator

from scripts.openapi.contract import METHODS
from scripts.openapi.diff import findings
from scripts.openapi.diff.changes import Change, Pair
from scripts.openapi.diff.findings import Finding, Verdict, operations, subjects
from scripts.openapi.diff.keywords import show
from scripts.openapi.pointers import Node, lookup, resolve

GENERATED = "Breaks generated clients, whose code has the old name; requests stay as they are."


def judge(pair: Pair, change: Change) -> Iterator[Finding]:
    if change.type == "Parameter" and (
        not change.uses or change.name in same_serialization(pair, change)
    ):
        return
    if change.kind == "modified" and change.name not in MEMBERS.get(change.type, ()):
        yield fallback(change)
    elif change.type in JUDGES:
        yield from JUDGES[change.type](pair, change)
    else:
        yield fallback(change)


def fallback(change: Change) -> Finding:
    """Return the verdict of redocly, for changes without a rule in this module."""
    name = change.name or change.last
    where = f" of {subjects(change.uses)}" if change.uses else ""
    what = f"`{name}`{where} {'changed' if change.kind == 'modified' else f'was {change.kind}'}"
    if not change.major:
        return compatible(change, what, "No client has to change.")
    subject = f"Breaks clients of {operations(change.uses)}. " if change.uses else ""
    impact = subject + " ".join(change.reasons)
    return Finding(Verdict.BREAKING, what, impact, change.pointer)


def breaking(change: Change, what: str, fault: str) -> Finding:
    return Finding(Verdict.BREAKING, what, findings.callers(change.uses, fault), change.pointer)


def compatible(change: Change, what: str, impact: str) -> Finding:
    return Finding(Verdict.COMPATIBLE, what, impact, change.pointer)


def path(_: Pair, change: Change) -> Iterator[Finding]:
    if change.kind == "modified":
        what = f"The path `{change.old}` is now `{change.new}`"
        if re.sub(r"\{\w+\}", "{}", change.old) == re.sub(r"\{\w+\}", "{}", change.new):
            yield Finding(Verdict.BREAKING, what, GENERATED, change.pointer)
        else:
            yield breaking(change, what, "use the old path: it is unknown now (404)")
        return
    item = change.new or change.old or {}
    for method in METHODS:
        if method in item:
            name = item[method].get("operationId", "")
            yield operation_itself(change, name, method, change.last)


def operation(_: Pair, change: Change) -> Iterator[Finding]:
    if change.kind != "modified":
        name = (change.new or change.old).get("operationId", "")
        yield operation_itself(change, name, change.last, change.holder)
    else:
        what = f"`{change.old}` is now called `{change.new}`"
        impact = f"Breaks generated clients that call `{change.old}`; requests stay as they are."
        yield Finding(Verdict.BREAKING, what, impact, change.pointer)


def operation_itself(change: Change, name: str, method: str, where: str) -> Finding:
    called = f"`{name or f'{method.upper()} {where}'}`"
    route = f"(`{method.upper()} {where}`)"
    if change.kind == "added":
        impact = "Callers may use it; none has to."
        return compatible(change, f"New operation {called} {route}", impact)
    impact = f"Breaks callers of {called}: every call fails (404 or 405)."
    return Finding(Verdict.BREAKING, f"{called} {route} is gone", impact, change.pointer)


def parameter(pair: Pair, change: Change) -> Iterator[Finding]:
    index = pair.old if change.kind == "removed" else pair.new
    subject, where = operations(change.uses), subjects(change.uses)
    node = resolve(index.contract, change.new) if change.kind == "added" else {}
    if change.kind == "removed":
        refused = ": what the contract does not name is refused (422)"
        fault = f"send it{refused if where.startswith('query') else ''}"
        yield breaking(change, f"{where} of {subject} is gone", fault)
    elif change.kind == "added" and node.get("required"):
        yield breaking(change, f"{where} of {subject} is new and must be sent", "do not send it")
    elif change.kind == "added":
        yield compatible(
            change, f"{where} of {subject} is new", "Callers may send it; none has to."
        )
    else:
        yield from parameter_member(change)


def same_serialization(pair: Pair, change: Change) -> set[str]:
    """Return the serialization keywords of a parameter that have the same effective value."""
    old, new = (
        serialization(lookup(index.contract, pointer or "") or {})
        for index, pointer in ((pair.old, change.base), (pair.new, change.revision))
    )
    return {name for name in old if old[name] == new[name]}


def serialization(node: Node) -> Node:
    style = node.get("style", "form" if node.get("in") in ("query", "cookie") else "simple")
    return {
        "style": style,
        "explode": node.get("explode", style == "form"),
        "allowReserved": node.get("allowReserved", False),
        "allowEmptyValue": node.get("allowEmptyValue", False),
    }


def parameter_member(change: Change) -> Iterator[Finding]:
    where = subjects(change.uses)
    if change.name == "required" and change.new:
        yield breaking(change, f"{where} must be sent now", "leave it out")
    elif change.name == "required":
        yield compatible(change, f"{where} may be left out now", "No caller has to change.")
    elif change.name == "name" and change.path.count("/") and where.startswith("path"):
        what = f"Path parameter `{change.old}` is now called `{change.new}`"
        yield Finding(Verdict.BREAKING, what, GENERATED, change.pointer)
    elif change.name == "name":
        what = f"{where} is now called `{change.new}`"
        yield breaking(change, what, "send the old one: it is refused (422)")
    elif change.name == "in":
        yield breaking(
            change, f"{where} is now sent as {change.new} parameter", "send it as before"
        )
    else:
        what = f"{where}: `{change.name}` is now {show(change.new)}, before {show(change.old)}"
        yield breaking(change, what, "write it as before")


def body(_: Pair, change: Change) -> Iterator[Finding]:
    subject = operations(change.uses)
    if change.kind == "removed":
        yield breaking(change, f"{subject} no longer takes a body", "send one")
    elif change.kind == "added" and change.new.get("required"):
        yield breaking(change, f"{subject} now needs a body", "send none")
    elif change.kind == "added":
        yield compatible(
            change, f"{subject} now takes a body", "Callers may send one; none has to."
        )
    elif change.new:
        yield breaking(change, f"{subject} now needs a body", "send none")
    else:
        yield compatible(change, f"{subject} now works without a body", "No caller has to change.")


def media_type(_: Pair, change: Change) -> Iterator[Finding]:
    if any("parameters" in use.place for use in change.uses):
        what = f"{subjects(change.uses)} is written in another form"
        yield breaking(change, what, "write it as before")
        return
    asks = findings.in_requests(change.uses)
    what = "Bodies" if asks else "Answers"
    subject = operations(change.uses)
    if change.kind == "added":
        yield compatible(
            change, f"{what} of {subject} may also be `{change.last}`", "No client has to change."
        )
    else:
        gone = change.old if change.name == "key" else change.last
        now = f": now `{change.new}`" if change.name == "key" else ""
        said = f"{what} of {subject} can no longer be `{gone}`{now}"
        yield breaking(change, said, "send it" if asks else "read it")


def response(_: Pair, change: Change) -> Iterator[Finding]:
    subject = operations(change.uses)
    if change.kind == "added" and change.last.startswith("2"):
        fault = f"know only the successes there were: {change.last} is one more to handle"
        yield breaking(change, f"{subject} may now answer {change.last}", fault)
    elif change.kind == "added":
        status = "any other status" if change.last == "default" else change.last
        impact = f"Callers of {subject} that handle refusals in general need not change."
        yield compatible(change, f"{subject} may now answer {status}", impact)
    elif change.kind == "removed":
        yield breaking(
            change, f"{subject} no longer answers {change.last}", f"handle {change.last}"
        )
    else:
        what = f"{subject} answers {change.new} where it answered {change.old}"
        yield breaking(change, what, f"look for {change.old}")


def header(_: Pair, change: Change) -> Iterator[Finding]:
    what = subjects(change.uses)
    if change.kind == "added":
        impact = f"Answers of {operations(change.uses)} may have it; no reader has to change."
        yield compatible(change, f"{what} is new", impact)
    elif change.kind == "removed":
        yield Finding(
            Verdict.BREAKING, f"{what} is gone", reading(change, "use it"), change.pointer
        )
    elif not change.new:
        impact = reading(change, "count on it being there")
        yield Finding(Verdict.BREAKING, f"{what} may be missing now", impact, change.pointer)
    else:
        yield compatible(change, f"{what} is always there now", "No reader has to change.")


def reading(change: Change, fault: str) -> str:
    return findings.readers(change.uses, fault)


def server(_: Pair, change: Change) -> Iterator[Finding]:
    if change.kind == "added":
        yield compatible(change, f"New server `{change.new['url']}`", "No client has to change.")
    else:
        old = change.old if change.name == "url" else change.old["url"]
        now = f" is now `{change.new}`" if change.name == "url" else " is gone"
        impact = "Breaks clients that take the service's address from the contract."
        yield Finding(Verdict.BREAKING, f"The server `{old}`{now}", impact, change.pointer)


JUDGES: dict[str, Callable[[Pair, Change], Iterator[Finding]]] = {
    "PathItem": path,
    "Operation": operation,
    "Parameter": parameter,
    "RequestBody": body,
    "MediaType": media_type,
    "Response": response,
    "Header": header,
    "Server": server,
}
# The members with rules in this module; for other members, the verdict of redocly applies.
MEMBERS: dict[str, tuple[str, ...]] = {
    "PathItem": ("key",),
    "Operation": ("operationId",),
    "Parameter": ("name", "in", "required", *serialization({})),
    "RequestBody": ("required",),
    "MediaType": ("key",),
    "Response": ("key",),
    "Header": ("required",),
    "Server": ("url",),
}
