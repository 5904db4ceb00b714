"""Checks that involve several parts of a contract, which redocly compares one by one."""

import json
from collections.abc import Iterator
from typing import Any

from scripts.openapi.contract import Operation, operations
from scripts.openapi.diff import findings
from scripts.openapi.diff.changes import Pair
from scripts.openapi.diff.findings import Finding, Verdict
from scripts.openapi.pointers import Node, child, lookup, resolve

Alternatives = set[frozenset[str]]


def judge(pair: Pair) -> Iterator[Finding]:
    new = {(found.path, found.method): found for found in operations(pair.new.contract)}
    common = [
        (found, new[found.path, found.method])
        for found in operations(pair.old.contract)
        if (found.path, found.method) in new
    ]
    yield from security(pair, common)
    for old, found in common:
        yield from round_trip(pair, old, found)


def security(pair: Pair, common: list[tuple[Operation, Operation]]) -> Iterator[Finding]:
    """Compare the effective security requirements of operations."""
    changed: dict[tuple[str, str, Verdict], list[Operation]] = {}
    for old, new in common:
        before = alternatives(pair.old.contract, old.node)
        after = alternatives(pair.new.contract, new.node)
        if before == after:
            continue
        # The callers of an old alternative break if they satisfy no new alternative.
        breaks = any(not any(required <= brought for required in after) for brought in before)
        verdict = Verdict.BREAKING if breaks else Verdict.COMPATIBLE
        changed.setdefault((describe(before), describe(after), verdict), []).append(new)
    for (before_said, after_said, verdict), same in changed.items():
        subject = findings.listing(f"`{operation.name}`" for operation in same)
        what = f"Callers now show {after_said}, before {before_said}"
        impact = f"Breaks callers of {subject} that show what was asked for until now."
        if verdict == Verdict.COMPATIBLE:
            impact = f"Callers of {subject} need not change."
            if after_said.startswith("nothing"):
                impact += " **Anybody can call it now: make sure that this is meant.**"
        place = child(child("#/paths", same[0].path), same[0].method)
        yield Finding(verdict, what, impact, place)


def alternatives(contract: Node, operation: Node) -> Alternatives:
    """Return the alternative security requirements, as sets of schemes with scopes."""
    wanted = operation.get("security", contract.get("security")) or [{}]
    return {
        frozenset(scheme(contract, name, scopes) for name, scopes in schemes.items())
        for schemes in wanted
    }


def scheme(contract: Node, name: str, scopes: list[str]) -> str:
    """Return the content of a scheme as JSON: clients do not see the name of a scheme."""
    node = resolve(contract, lookup(contract, child("#/components/securitySchemes", name)) or {})
    facts = {
        key: value for key, value in node.items() if key not in ("description", "bearerFormat")
    }
    return json.dumps({**facts, **({"scopes": sorted(scopes)} if scopes else {})}, sort_keys=True)


def describe(wanted: Alternatives) -> str:
    return findings.listing(
        (
            findings.listing(describe_scheme(json.loads(found)) for found in sorted(schemes))
            if schemes
            else "nothing"
            for schemes in sorted(wanted, key=len)
        ),
        "or",
    )


def describe_scheme(facts: dict[str, Any]) -> str:
    kind = {
        "http": f"a {facts.get('scheme')} token",
        "apiKey": f"a key in the {facts.get('in')} `{facts.get('name')}`",
    }.get(facts["type"], f"{facts['type']} credentials")
    scopes = facts.get("scopes")
    return f"{kind} with {findings.listing(f'`{scope}`' for scope in scopes)}" if scopes else kind


def round_trip(pair: Pair, old: Operation, new: Operation) -> Iterator[Finding]:
    """Require that a client can still send a complete response back as the next request."""
    sent, answered = members(pair.old.contract, old)
    sent_now, answered_now = members(pair.new.contract, new)
    if not answered or not sent or not answered.keys() <= sent.keys():
        return
    for name in answered_now.keys() - answered.keys() - sent_now.keys():
        what = f"`{old.name}` no longer takes back all that it answers: it refuses `{name}`"
        fault = "read, change and send back the whole (422)"
        impact = f"Breaks callers of `{old.name}` that {fault}. "
        mend = (
            f"Add `{name}` to its body, as `readOnly` if it cannot be changed, and nothing breaks."
        )
        place = child(child("#/paths", new.path), new.method)
        yield Finding(Verdict.BREAKING, what, impact + mend, place)


def members(contract: Node, operation: Operation) -> tuple[Node, Node]:
    """Return the members of the request, unless open, and of the success response."""
    body = resolve(contract, operation.node.get("requestBody", {}))
    sent = schema(contract, body)
    successes = [
        resolve(contract, answer)
        for status, answer in operation.node.get("responses", {}).items()
        if status.startswith("2")
    ]
    answered = schema(contract, successes[0]) if successes else {}
    closed = sent.get("additionalProperties") is False
    return sent.get("properties", {}) if closed else {}, answered.get("properties", {})


def schema(contract: Node, holder: Node) -> Node:
    media: Node = next(iter(holder.get("content", {}).values()), {})
    return resolve(contract, media.get("schema", {}))
