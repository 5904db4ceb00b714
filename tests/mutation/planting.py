"""Planting a fault in a copy of the project, and running the checks that can catch the fault."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.mutation import coverage_map, selection
from tests.mutation.coverage_map import Record
from tests.mutation.fault import Fault
from tests.support.service import ROOT, clean_environment

# No fault changes these large folders.
LINKED = (".venv", "scripts/node_modules", "tests/frontend/node_modules")
# A fault may block the tests. The timeout in seconds is TIMEOUT + SLOWDOWN * recorded duration.
TIMEOUT, SLOWDOWN = 90, 4
FAILED = re.compile(r"^(?:FAILED|ERROR) (tests/.+?)(?: - .*)?$", re.MULTILINE)

TYPES = ("-m", "mypy", "generated", "handlers", "scripts/openapi")
OUTPUT = "mutation.log"
GENERATED = (
    "openapi/",
    "generated/",
    "scripts/openapi/generation.py",
    "scripts/openapi/operations.py",
)


def plant(
    fault: Fault, records: Mapping[str, Record], last: str | None
) -> tuple[Fault, str | None, float]:
    """Plant a fault in a copy, and return the check that caught the fault, and the seconds."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutate-") as folder:
        root = Path(folder) / "project"
        copy(root)
        path = root / fault.file
        path.write_text(path.read_text().replace(fault.old, fault.new, 1))
        if fault.generates:
            run(root, "scripts/generate")
        caught = next((by for check in checks(root, fault, records, last) if (by := check())), None)
    return fault, caught, time.monotonic() - began


def copy(root: Path) -> None:
    """Copy the files of the project, committed or not."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listed, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
    for name in LINKED:
        if (ROOT / name).exists():
            (root / name).symlink_to(ROOT / name)


def checks(
    root: Path, fault: Fault, records: Mapping[str, Record], last: str | None
) -> list[Callable[[], str | None]]:
    """Select the checks that can catch a fault; a check returns the name of the failed test."""
    generate = [lambda: "generate" if run(root, "scripts/generate", "--check") else None]
    static = [lambda: types(root)]
    tests = [lambda: failing_test(root, selection.tests_for(fault, records), records)]
    if last in selection.tests(records):
        tests.insert(0, lambda: failing_test(root, [last], records))
    return [*generate, *static, *tests] if fault.file.startswith(GENERATED) else [*tests, *static]


def types(root: Path) -> str | None:
    # The cache saves mypy most of the work.
    cache = ROOT / ".mypy_cache"
    if cache.exists():
        shutil.copytree(cache, root / cache.name)
    return "types" if run(root, *TYPES) else None


def failing_test(root: Path, tests: list[str], records: Mapping[str, Record]) -> str | None:
    """Run the tests up to the first failure, and return the name of the failed test."""
    command = (*coverage_map.PYTEST, "-x", "-rfE", *tests)
    if not run(root, *command, timeout=TIMEOUT + SLOWDOWN * selection.seconds(tests, records)):
        return None
    failed = FAILED.search((root / OUTPUT).read_text())
    if failed is None:
        return "tests that do not run, or do not end"
    if selection.is_timed(failed[1], records) and len(tests) > 1:
        # The machine may have been busy, so a failure counts only if the test fails twice.
        others = [test for test in tests if test != failed[1]]
        return failing_test(root, [failed[1]], records) or failing_test(
            root, [*others, f"--deselect={failed[1]}"], records
        )
    return failed[1]


def run(root: Path, *command: str, timeout: float | None = None) -> int:
    """Run a command in a copy, and return the exit code; after the timeout, kill the command."""
    with (root / OUTPUT).open("w") as output:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=root,
            env=clean_environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
            # The timeout must kill child processes, too.
            start_new_session=True,
        )
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return process.wait()
