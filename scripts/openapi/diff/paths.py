"""Judging a change of what is around the schemas: paths, operations, parameters, answers."""

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
    if change.type == "Parameter" and (not change.uses or change.name in serialized(pair, change)):
        return
    if change.kind == "modified" and change.name not in MEMBERS.get(change.type, ()):
        yield fallback(change)
    elif change.type in JUDGES:
        yield from JUDGES[change.type](pair, change)
    else:
        yield fallback(change)


def fallback(change: Change) -> Finding:
    """Pass on redocly's verdict on what nothing here knows more about."""
    name = change.name or change.last
    where = f" of {subjects(change.uses)}" if change.uses else ""
    what = f"`{name}`{where} {'changed' if change.kind == 'modified' else f'was {change.kind}'}"
    if not change.major:
        return fine(change, what, "No client has to change.")
    who = f"Breaks clients of {operations(change.uses)}. " if change.uses else ""
    whom = who + " ".join(change.reasons)
    return Finding(Verdict.BREAKING, what, whom, change.pointer)


def breaks(change: Change, what: str, fault: str) -> Finding:
    return Finding(Verdict.BREAKING, what, findings.callers(change.uses, fault), change.pointer)


def fine(change: Change, what: str, whom: str) -> Finding:
    return Finding(Verdict.COMPATIBLE, what, whom, change.pointer)


def path(_: Pair, change: Change) -> Iterator[Finding]:
    if change.kind == "modified":
        what = f"The path `{change.old}` is now `{change.new}`"
        if re.sub(r"\{\w+\}", "{}", change.old) == re.sub(r"\{\w+\}", "{}", change.new):
            yield Finding(Verdict.BREAKING, what, GENERATED, change.pointer)
        else:
            yield breaks(change, what, "use the old path: it is unknown now (404)")
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
        whom = f"Breaks generated clients that call `{change.old}`; requests stay as they are."
        yield Finding(Verdict.BREAKING, what, whom, change.pointer)


def operation_itself(change: Change, name: str, method: str, where: str) -> Finding:
    called = f"`{name or f'{method.upper()} {where}'}`"
    route = f"(`{method.upper()} {where}`)"
    if change.kind == "added":
        whom = "Callers may use it; none has to."
        return fine(change, f"New operation {called} {route}", whom)
    whom = f"Breaks callers of {called}: every call fails (404 or 405)."
    return Finding(Verdict.BREAKING, f"{called} {route} is gone", whom, change.pointer)


def parameter(pair: Pair, change: Change) -> Iterator[Finding]:
    index = pair.old if change.kind == "removed" else pair.new
    who, where = operations(change.uses), subjects(change.uses)
    node = resolve(index.contract, change.new) if change.kind == "added" else {}
    if change.kind == "removed":
        refused = ": what the contract does not name is refused (422)"
        fault = f"send it{refused if where.startswith('query') else ''}"
        yield breaks(change, f"{where} of {who} is gone", fault)
    elif change.kind == "added" and node.get("required"):
        yield breaks(change, f"{where} of {who} is new and must be sent", "do not send it")
    elif change.kind == "added":
        yield fine(change, f"{where} of {who} is new", "Callers may send it; none has to.")
    else:
        yield from parameter_member(change)


def serialized(pair: Pair, change: Change) -> set[str]:
    """Tell which settings of how a parameter is written are the same, said or by default."""
    old, new = (
        written(lookup(index.contract, pointer or "") or {})
        for index, pointer in ((pair.old, change.base), (pair.new, change.revision))
    )
    return {name for name in old if old[name] == new[name]}


def written(node: Node) -> Node:
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
        yield breaks(change, f"{where} must be sent now", "leave it out")
    elif change.name == "required":
        yield fine(change, f"{where} may be left out now", "No caller has to change.")
    elif change.name == "name" and change.path.count("/") and where.startswith("path"):
        what = f"Path parameter `{change.old}` is now called `{change.new}`"
        yield Finding(Verdict.BREAKING, what, GENERATED, change.pointer)
    elif change.name == "name":
        what = f"{where} is now called `{change.new}`"
        yield breaks(change, what, "send the old one: it is refused (422)")
    elif change.name == "in":
        yield breaks(change, f"{where} is now sent as {change.new} parameter", "send it as before")
    else:
        what = f"{where}: `{change.name}` is now {show(change.new)}, before {show(change.old)}"
        yield breaks(change, what, "write it as before")


def body(_: Pair, change: Change) -> Iterator[Finding]:
    who = operations(change.uses)
    if change.kind == "removed":
        yield breaks(change, f"{who} no longer takes a body", "send one")
    elif change.kind == "added" and change.new.get("required"):
        yield breaks(change, f"{who} now needs a body", "send none")
    elif change.kind == "added":
        yield fine(change, f"{who} now takes a body", "Callers may send one; none has to.")
    elif change.new:
        yield breaks(change, f"{who} now needs a body", "send none")
    else:
        yield fine(change, f"{who} now works without a body", "No caller has to change.")


def media(_: Pair, change: Change) -> Iterator[Finding]:
    if any("parameters" in use.place for use in change.uses):
        what = f"{subjects(change.uses)} is written in another form"
        yield breaks(change, what, "write it as before")
        return
    asks = findings.asking(change.uses)
    what = "Bodies" if asks else "Answers"
    who = operations(change.uses)
    if change.kind == "added":
        yield fine(
            change, f"{what} of {who} may also be `{change.last}`", "No client has to change."
        )
    else:
        gone = change.old if change.name == "key" else change.last
        now = f": now `{change.new}`" if change.name == "key" else ""
        said = f"{what} of {who} can no longer be `{gone}`{now}"
        yield breaks(change, said, "send it" if asks else "read it")


def answer(_: Pair, change: Change) -> Iterator[Finding]:
    who = operations(change.uses)
    if change.kind == "added" and change.last.startswith("2"):
        fault = f"know only the successes there were: {change.last} is one more to handle"
        yield breaks(change, f"{who} may now answer {change.last}", fault)
    elif change.kind == "added":
        status = "any other status" if change.last == "default" else change.last
        whom = f"Callers of {who} that handle refusals in general need not change."
        yield fine(change, f"{who} may now answer {status}", whom)
    elif change.kind == "removed":
        yield breaks(change, f"{who} no longer answers {change.last}", f"handle {change.last}")
    else:
        what = f"{who} answers {change.new} where it answered {change.old}"
        yield breaks(change, what, f"look for {change.old}")


def header(_: Pair, change: Change) -> Iterator[Finding]:
    what = subjects(change.uses)
    if change.kind == "added":
        whom = f"Answers of {operations(change.uses)} may have it; no reader has to change."
        yield fine(change, f"{what} is new", whom)
    elif change.kind == "removed":
        yield Finding(
            Verdict.BREAKING, f"{what} is gone", reading(change, "use it"), change.pointer
        )
    elif not change.new:
        whom = reading(change, "count on it being there")
        yield Finding(Verdict.BREAKING, f"{what} may be missing now", whom, change.pointer)
    else:
        yield fine(change, f"{what} is always there now", "No reader has to change.")


def reading(change: Change, fault: str) -> str:
    return findings.readers(change.uses, fault)


def server(_: Pair, change: Change) -> Iterator[Finding]:
    if change.kind == "added":
        yield fine(change, f"New server `{change.new['url']}`", "No client has to change.")
    else:
        old = change.old if change.name == "url" else change.old["url"]
        now = f" is now `{change.new}`" if change.name == "url" else " is gone"
        whom = "Breaks clients that take the service's address from the contract."
        yield Finding(Verdict.BREAKING, f"The server `{old}`{now}", whom, change.pointer)


JUDGES: dict[str, Callable[[Pair, Change], Iterator[Finding]]] = {
    "PathItem": path,
    "Operation": operation,
    "Parameter": parameter,
    "RequestBody": body,
    "MediaType": media,
    "Response": answer,
    "Header": header,
    "Server": server,
}
# The members of each part whose change is judged here; of others, redocly's verdict is passed on.
MEMBERS: dict[str, tuple[str, ...]] = {
    "PathItem": ("key",),
    "Operation": ("operationId",),
    "Parameter": ("name", "in", "required", *written({})),
    "RequestBody": ("required",),
    "MediaType": ("key",),
    "Response": ("key",),
    "Header": ("required",),
    "Server": ("url",),
}
