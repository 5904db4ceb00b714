"""The selection of the tests that can catch a fault."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.mutation.coverage_map import MEASURED, Record
from tests.mutation.fault import Fault
from tests.support.service import ROOT

# These files test the whole contract in a short time.
FIRST = ("tests/test_contract.py", "tests/test_every_operation.py")

Lines = dict[str, set[int]]


def tests_for(fault: Fault, records: Mapping[str, Record]) -> list[str]:
    """Return the tests that execute the changed lines, with those first that are likely to fail.

    Test files that cover most of the changed file come first, and then those with the shortest
    duration. All tests are returned for a fault in the contract or in lines that no test executes.
    """
    effect = Effect.of(fault)
    chosen = {file: covering(file, record, effect) for file, record in records.items()}
    if not any(chosen.values()):
        chosen = {file: list(record.seconds) for file, record in records.items()}

    most = max(len(record.lines(fault.file)) for record in records.values())

    def priority(file: str) -> tuple[bool, float, float]:
        share = len(records[file].lines(fault.file)) / (most or 1)
        return file not in FIRST, -round(share, 1), seconds(chosen[file], records)

    return [
        test
        for file in sorted(filter(chosen.get, chosen), key=priority)
        for test in ([file] if len(chosen[file]) == len(records[file].seconds) else chosen[file])
    ]


def tests(records: Mapping[str, Record]) -> set[str]:
    return {test for record in records.values() for test in record.seconds}


def seconds(chosen: list[str], records: Mapping[str, Record]) -> float:
    """Return the recorded duration of tests."""
    return sum(
        sum(records[test].seconds.values())
        if test in records
        else records[test.partition("::")[0]].seconds[test]
        for test in chosen
        if not test.startswith("-")
    )


def is_timed(test: str, records: Mapping[str, Record]) -> bool:
    """Return whether a test starts processes, so that its result depends on the load of the machine."""
    record = records.get(test.partition("::")[0])
    return bool(record and record.own.get(test))


def covering(file: str, record: Record, effect: "Effect") -> list[str]:
    if any(name in (ROOT / file).read_text() for name in effect.names):
        return list(record.seconds)
    found = {
        test for source, lines in effect.lines.items() for test in record.covering(source, lines)
    }
    return [test for test in record.seconds if test in found]


@dataclass
class Effect:
    """The lines whose execution can reveal a fault, and the constants that the fault changes.

    An import executes the assignment of a constant, so only the lines that use its name count.
    """

    lines: Lines = field(default_factory=lambda: defaultdict(set))
    names: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, fault: Fault) -> "Effect":
        effect = cls()
        if fault.file.startswith(MEASURED):
            text = (ROOT / fault.file).read_text()
            first = text[: text.index(fault.old)].count("\n") + 1
            planted = set(range(first, first + fault.old.rstrip("\n").count("\n") + 1))
            for statement in statements(fault.file):
                if statement.lines & planted:
                    effect.add(statement)
            effect.follow(Path(fault.file).parts[0])
        return effect

    def add(self, statement: "Statement") -> None:
        if statement.constants:
            self.names |= statement.constants
        else:
            self.lines[statement.file] |= statement.lines

    def follow(self, folder: str) -> None:
        """Add the statements that use a constant, directly or through another constant."""
        everything = [each for file in python(folder) for each in statements(file)]
        followed: set[str] = set()
        while names := self.names - followed:
            followed |= names
            for statement in everything:
                if statement.used & names:
                    self.add(statement)


@dataclass(frozen=True)
class Statement:
    """A statement without its nested statements."""

    file: str
    lines: frozenset[int]
    # The names that the statement uses, and the module constants that it sets.
    used: frozenset[str]
    constants: frozenset[str]


def python(folder: str) -> list[str]:
    found = (ROOT / folder).rglob("*.py")
    return [str(path.relative_to(ROOT)) for path in found if "node_modules" not in path.parts]


def statements(file: str) -> Iterator[Statement]:
    for node in ast.walk(ast.parse((ROOT / file).read_text())):
        if isinstance(node, ast.stmt | ast.excepthandler):
            lines = header(node)
            inside = [each for each in ast.walk(node) if getattr(each, "lineno", 0) in lines]
            names = [each for each in inside if isinstance(each, ast.Name)]
            set_here = {each.id for each in names if isinstance(each.ctx, ast.Store)}
            attributes = {each.attr for each in inside if isinstance(each, ast.Attribute)}
            is_constant = isinstance(node, ast.Assign | ast.AnnAssign) and not node.col_offset
            yield Statement(
                file,
                frozenset(lines),
                frozenset({each.id for each in names} | attributes),
                frozenset(set_here if is_constant else ()),
            )


def header(node: ast.stmt | ast.excepthandler) -> set[int]:
    """Return the lines of a statement up to its first nested statement."""
    body = getattr(node, "body", None)
    first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))])
    last = body[0].lineno - 1 if body else node.end_lineno or node.lineno
    return set(range(first, max(first, last) + 1))
