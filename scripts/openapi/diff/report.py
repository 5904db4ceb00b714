"""The report of a comparison, as Markdown or JSON."""

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from scripts.openapi import contract
from scripts.openapi.diff import version
from scripts.openapi.diff.comparison import compare
from scripts.openapi.diff.findings import Finding, Verdict
from scripts.openapi.diff.version import STEPS
from scripts.openapi.lines import lines

SECTIONS = {
    Verdict.BREAKING: (
        "Breaks clients",
        "Clients that work today stop working, or no longer compile.",
    ),
    Verdict.COMPATIBLE: ("New, and breaks nobody", "Clients that work today go on working."),
    Verdict.WORDING: ("Wording", "Nothing that a program sends or reads changes."),
}
# Limits for the diff of a reworded text.
MAX_LINES, MAX_WIDTH = 12, 160


@dataclass(frozen=True)
class Source:
    """The name and the text of a contract."""

    name: str
    text: str


class Report:
    def __init__(self, base: Source, revision: Source) -> None:
        self.base, self.revision = base, revision
        old = contract.read(base.text, base.name)
        new = contract.read(revision.text, revision.name)
        self.versions = version.of(old), version.of(new)
        self.found = compare(old, new)
        self.error = version.error(*self.versions, self.found)
        self.places = [
            (revision.name, lines(revision.text)),
            (base.name, lines(base.text)),
        ]

    def where(self, finding: Finding) -> str:
        """Return the file and line in the new contract, or of a removed part in the old one."""
        pointer = finding.pointer
        for name, known in self.places:
            if pointer in known:
                return f"{name}:{known[pointer]}"
        return ""

    def json(self) -> str:
        base, revision = self.versions
        return json.dumps(
            {
                "base": {"name": self.base.name, "version": base},
                "revision": {"name": self.revision.name, "version": revision},
                "bump": STEPS[self.found[0].verdict] if self.found else None,
                "ok": not self.error,
                "message": self.error,
                "changes": [
                    {
                        "verdict": finding.verdict,
                        "what": finding.what,
                        "whom": finding.impact,
                        "pointer": finding.pointer,
                        "where": self.where(finding),
                    }
                    for finding in self.found
                ],
            },
            indent=2,
            ensure_ascii=False,
        )

    def markdown(self) -> str:
        return "\n".join(self.paragraphs())

    def paragraphs(self) -> Iterator[str]:
        base, revision = self.versions
        yield "# What changes in the API\n"
        yield f"From {base} (`{self.base.name}`) to {revision} (`{self.revision.name}`).\n"
        yield f"**{self.summary()}**"
        for verdict, (title, meaning) in SECTIONS.items():
            found = [finding for finding in self.found if finding.verdict == verdict]
            if found:
                yield f"\n## {title}\n\n{meaning}\n"
                for finding in found:
                    yield from self.item(finding)

    def summary(self) -> str:
        if not self.found:
            return "Nothing changed."
        counts = [
            f"{title.lower()}: {count}"
            for verdict, (title, _) in SECTIONS.items()
            if (count := sum(finding.verdict == verdict for finding in self.found))
        ]
        step = STEPS[self.found[0].verdict]
        wanted = version.bump(self.versions[0], step)
        return f"A {step} change ({'; '.join(counts)}): the next version is {wanted}."

    def item(self, finding: Finding) -> Iterator[str]:
        what = (
            finding.what
            if finding.what.startswith("`")
            else finding.what[0].upper() + finding.what[1:]
        )
        place = self.where(finding)
        yield f"- **{what}.**{f' ({place})' if place else ''}"
        if finding.impact:
            yield f"  {finding.impact}"
        yield from rewording(finding)


def rewording(finding: Finding) -> Iterator[str]:
    """Yield a diff of a reworded text."""
    if finding.before == finding.after:
        return
    old, new = finding.before.splitlines(), finding.after.splitlines()
    changed = [line for line in difflib.ndiff(old, new) if line[0] in "+-"]
    yield "\n  ```diff"
    for line in changed[:MAX_LINES]:
        yield f"  {line if len(line) <= MAX_WIDTH else f'{line[:MAX_WIDTH]}…'}"
    if len(changed) > MAX_LINES:
        yield f"  … and {len(changed) - MAX_LINES} more lines"
    yield "  ```"
