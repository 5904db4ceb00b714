"""The mutation test: its faults match the code, and the tests for each fault are found."""

import re
import subprocess
import sys

from tests.mutation import coverage_map, selection
from tests.mutation.fault import Fault
from tests.mutation.faults import FAULTS
from tests.support.service import ROOT


class TestMutation:
    def test_every_fault_matches_the_code(self) -> None:
        """A changed line needs a changed fault. The mutation test itself takes too long to report this."""
        assert not [
            fault.name for fault in FAULTS if fault.old not in (ROOT / fault.file).read_text()
        ]

    def test_fault_names_are_unique(self) -> None:
        names = [fault.name for fault in FAULTS]
        assert len(set(names)) == len(names)

    def test_coverage_map_has_every_test_file(self) -> None:
        """Without arguments, pytest collects the files that scripts/test runs."""
        collected = subprocess.run(
            [sys.executable, "-m", "pytest", "--collect-only", "-qq", "--no-header"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        found = re.findall(r"^(tests/.*\.py): \d+$", collected, re.MULTILINE)
        assert coverage_map.files() == sorted(found)

    HINTS = Fault("", "scripts/openapi/diff/keywords.py", "HINTS = {None", "HINTS = {0")

    def test_fault_in_a_constant_affects_the_statements_that_use_the_constant(self) -> None:
        effect = selection.Effect.of(self.HINTS)
        assert effect.names == {"HINTS"}
        (line,) = effect.lines[self.HINTS.file]
        assert "<= HINTS" in (ROOT / self.HINTS.file).read_text().splitlines()[line - 1]

    def test_fault_selects_the_tests_that_execute_the_changed_lines(self) -> None:
        file = self.HINTS.file
        (line,) = selection.Effect.of(self.HINTS).lines[file]
        slow = "tests/test_tasks.py::slow"
        records = {
            "tests/test_tasks.py": coverage_map.Record(
                "", {slow: 5, "tests/test_tasks.py::fast": 1}, {}, {slow: {file: [line, 9999]}}
            ),
            "tests/test_key_set.py": coverage_map.Record(
                "", {"tests/test_key_set.py::all": 1}, {file: [line]}, {}
            ),
            "tests/test_log.py": coverage_map.Record(
                "", {"tests/test_log.py::none": 1}, {file: [9999]}, {}
            ),
        }
        assert selection.tests_for(self.HINTS, records) == [slow, "tests/test_key_set.py"]
        moved = Fault("", "openapi/openapi.yaml", "3.1.1", "3.1.0")
        assert set(selection.tests_for(moved, records)) == records.keys()
