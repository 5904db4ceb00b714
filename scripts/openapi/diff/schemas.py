"""Rules for changes of schemas, which affect senders and readers in different ways."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from scripts.openapi.diff import findings, keywords
from scripts.openapi.diff.changes import Change
from scripts.openapi.diff.findings import (
    Finding,
    Verdict,
    in_requests,
    in_responses,
    operations,
    subjects,
)
from scripts.openapi.diff.keywords import Effect, show

NARROWER, WIDER = Effect(narrower=True, wider=False), Effect(narrower=False, wider=True)


def judge(change: Change) -> Iterator[Finding]:
    """Yield the findings for a change of a schema."""
    if change.kind == "modified":
        yield from JUDGES.get(change.name, keyword)(change)
    elif change.holder == "properties":
        yield member(change)
    elif change.holder in ("allOf", "anyOf", "oneOf") or change.last in ("anyOf", "oneOf", "allOf"):
        yield combination(change)
    else:
        effect = NARROWER if change.kind == "added" else WIDER
        what = f"{subjects(change.uses)}: `{change.last}` was {change.kind}"
        yield weigh(change, what, effect, "send what that excludes", "count on what it said")


def weigh(change: Change, what: str, effect: Effect, send: str, read: str) -> Finding:
    """Return the finding for a change of the allowed values."""
    asks, answers = in_requests(change.uses), in_responses(change.uses)
    broken, unbroken = [], []
    if asks and effect.narrower:
        broken.append(findings.callers(asks, send))
    elif asks:
        unbroken.append(f"Callers of {operations(asks)} may use that; none has to.")
    if answers and effect.wider:
        broken.append(findings.readers(answers, read))
    elif answers:
        unbroken.append(f"Readers of {subjects(answers)} need not change.")
    verdict = Verdict.BREAKING if broken else Verdict.COMPATIBLE
    return Finding(verdict, what, " ".join(broken + unbroken), change.pointer)


def keyword(change: Change) -> Iterator[Finding]:
    if change.name in keywords.KEYWORDS:
        effect = keywords.effect(change.name, change.old, change.new)
        known = keywords.KEYWORDS[change.name]
        fact = keywords.fact(change.name, change.old, change.new)
        what = f"{subjects(change.uses)}: {fact}"
        yield weigh(change, what, effect, known.send, known.read)
    else:
        what = f"{subjects(change.uses)}: `{change.name}` is now {show(change.new)}"
        impact = (
            f"Taken to break clients of {operations(change.uses)}: this comparison does not know "
            "the keyword, so compare the two by hand."
        )
        yield Finding(Verdict.BREAKING, what, impact, change.pointer)


def value_type(change: Change) -> Iterator[Finding]:
    gone, came = keywords.types(change.old, change.new)
    old, new = (
        findings.listing(map(show, keywords.type_names(value)), "or") if value else "anything"
        for value in (change.old, change.new)
    )
    read = f"do not expect {findings.listing(map(show, came), 'or')}"
    send = f"send {findings.listing(map(show, gone), 'or')}"
    effect = Effect(narrower=bool(gone), wider=bool(came))
    yield weigh(change, f"{subjects(change.uses)}: now {new}, before {old}", effect, send, read)


def enum(change: Change) -> Iterator[Finding]:
    subject = subjects(change.uses)
    if change.old is None or change.new is None:
        values = findings.listing(map(show, change.old or change.new), "or")
        what = f"{subject}: {'no longer' if change.new is None else 'now'} one of {values}"
        effect = NARROWER if change.old is None else WIDER
        yield weigh(change, what, effect, "send another value", "know no other values")
        return
    gone = [show(value) for value in change.old if value not in change.new]
    came = [show(value) for value in change.new if value not in change.old]
    for some, verb, effect in ((gone, "lost", NARROWER), (came, "gained", WIDER)):
        if some:
            what = f"{subject} {verb} the value{'s' * (len(some) > 1)} {findings.listing(some)}"
            given = findings.listing(some, "or")
            yield weigh(change, what, effect, f"send {given}", f"do not know {given}")


def required(change: Change) -> Iterator[Finding]:
    old, new = change.old or [], change.new or []
    for name in [name for name in new if name not in old]:
        there = of_member(change, name)
        must = "must be sent" if in_requests(change.uses) else "is always there"
        what = f"{subjects(there.uses)} {must} now"
        yield weigh(there, what, NARROWER, "leave it out", "")
    for name in [name for name in old if name not in new]:
        there = of_member(change, name)
        may = "may be missing" if in_responses(change.uses) else "may be left out"
        what = f"{subjects(there.uses)} {may} now"
        yield weigh(there, what, WIDER, "", "count on it being there")


def of_member(change: Change, name: str) -> Change:
    """Return the change with a member of the schema as the subject."""
    return replace(change, uses=[replace(use, subject=use.member(name)) for use in change.uses])


def member(change: Change) -> Finding:
    asks, answers = in_requests(change.uses), in_responses(change.uses)
    subject = subjects(change.uses)
    if change.kind == "removed":
        sentences = [findings.callers(asks, "send it")] if asks else []
        sentences += [findings.readers(answers, "use it")] if answers else []
        return Finding(Verdict.BREAKING, f"{subject} is gone", " ".join(sentences), change.pointer)
    must = [use for use in asks if not use.optional]
    may = [use for use in asks if use.optional]
    sentences = [findings.callers(must, "do not send it")] if must else []
    if may:
        sentences.append(f"Callers of {operations(may)} may send it; none has to.")
    if answers:
        there = "sometimes" if any(use.optional for use in answers) else "always"
        sentences.append(f"Answers of {operations(answers)} {there} have it; readers may use it.")
    verdict = Verdict.BREAKING if must else Verdict.COMPATIBLE
    what = f"{subject} is new{' and must be sent' if must else ''}"
    return Finding(verdict, what, " ".join(sentences), change.pointer)


def combination(change: Change) -> Finding:
    whole = change.last in ("anyOf", "oneOf", "allOf")
    narrows = (whole or change.holder == "allOf") == (change.kind == "added")
    what = f"{subjects(change.uses)}: " + (
        f"`{change.last}` was {change.kind}"
        if whole
        else f"one of `{change.holder}` was {change.kind}"
    )
    send, read = "send what no longer fits", "do not know what may come now"
    return weigh(change, what, NARROWER if narrows else WIDER, send, read)


def default(change: Change) -> Iterator[Finding]:
    subject = subjects(change.uses)
    if change.new is None:
        what = f"{subject}: no longer has the default {show(change.old)}"
    elif change.old is None:
        what = f"{subject}: now has the default {show(change.new)}"
    else:
        what = f"{subject}: the default is now {show(change.new)}, before {show(change.old)}"
    asks = [use for use in in_requests(change.uses) if use.optional]
    if asks:
        fault = "leave it out: the same request now means something else"
        yield Finding(Verdict.BREAKING, what, findings.callers(asks, fault), change.pointer)
    else:
        yield Finding(Verdict.WORDING, what, "No request can leave it out.", change.pointer)


def additional_members(change: Change) -> Iterator[Finding]:
    now = "refused" if change.new is False else "allowed"
    if isinstance(change.new, dict) and change.new:
        now = f"held against {show(change.new)}"
    what = f"{subjects(change.uses)}: members that the contract does not name are now {now}"
    effect = WIDER if change.old is False else NARROWER
    senders = replace(change, uses=in_requests(change.uses))
    found = weigh(senders, what, effect, "send others", "")
    if answers := in_responses(change.uses):
        # Readers must ignore unknown members, otherwise every new member would break readers.
        subject = subjects(answers)
        note = f"Readers of {subject} need not change, if they ignore what they do not know."
        found = replace(found, impact=f"{found.impact} {note}".strip())
    yield found


def access(change: Change) -> Iterator[Finding]:
    """`readOnly` removes a member for senders, `writeOnly` for readers."""
    concerned = (in_requests if change.name == "readOnly" else in_responses)(change.uses)
    what = f"{subjects(change.uses)}: {'now' if change.new else 'no longer'} `{change.name}`"
    if not concerned or not change.new:
        yield Finding(Verdict.COMPATIBLE, what, "Nobody has to change.", change.pointer)
    elif change.name == "readOnly":
        impact = findings.callers(concerned, "send it: it has no effect any more")
        yield Finding(Verdict.BREAKING, what, impact, change.pointer)
    else:
        impact = findings.readers(concerned, "use it: it is not answered any more")
        yield Finding(Verdict.BREAKING, what, impact, change.pointer)


def renamed(change: Change) -> Iterator[Finding]:
    asks, answers = in_requests(change.uses), in_responses(change.uses)
    sentences = [findings.callers(asks, "send the old name")] if asks else []
    sentences += [findings.readers(answers, "use the old name")] if answers else []
    what = f"{subjects(change.uses)} is now called `{change.new}`"
    yield Finding(Verdict.BREAKING, what, " ".join(sentences), change.pointer)


JUDGES: dict[str, Callable[[Change], Iterator[Finding]]] = {
    "key": renamed,
    "type": value_type,
    "enum": enum,
    "required": required,
    "default": default,
    "additionalProperties": additional_members,
    "unevaluatedProperties": additional_members,
    "readOnly": access,
    "writeOnly": access,
}
