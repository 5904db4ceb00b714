"""A pytest plugin that records the duration and the coverage files of each test.

coverage writes a data file at the end of each process. A file that appears during a test, or during
the teardown of its function fixtures, belongs to this test. Any other file (of pytest itself, or of
a service that several tests share) belongs to all tests of the run.
"""

import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest


class Recorder:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known: set[Path] = set()
        self.current = ""
        self.seconds: dict[str, float] = defaultdict(float)
        self.own: dict[str, list[str]] = defaultdict(list)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.current = nodeid

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration
        if report.when == "call":
            self.assign()

    def pytest_fixture_post_finalizer(self, fixturedef: Any) -> None:
        if fixturedef.scope == "function":
            self.assign()
        else:
            self.new()

    def assign(self) -> None:
        self.own[self.current] += self.new()

    def new(self) -> list[str]:
        found = set(self.folder.glob(".coverage.*")) - self.known
        self.known |= found
        return [path.name for path in found]

    def pytest_sessionfinish(self) -> None:
        record = {"seconds": self.seconds, "own": self.own}
        (self.folder / "tests.json").write_text(json.dumps(record))


def pytest_configure(config: pytest.Config) -> None:
    folder = Path(os.environ["COVERAGE_FILE"]).parent
    config.pluginmanager.register(Recorder(folder), "coverage-recorder")
