"""A map from tests to the lines that they execute, recorded by test file under .mutation/.

A record is valid until the test file, a shared file of the tests or a covered file changes.
A missing or outdated record is created again.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from coverage import CoverageData, CoverageException

from tests.support.service import ROOT

FOLDER = ROOT / ".mutation"
# Every record depends on these files, besides the test file itself and the files that it covers.
SHARED = ("tests/__init__.py", "tests/conftest.py", "tests/support/*.py")
MEASURED = ("handlers", "generated", "scripts")
# A failed test is repeated, because the machine may have been busy.
MAX_ATTEMPTS = 2
AT_ONCE = 2
PYTEST = ("-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider")

Lines = dict[str, list[int]]


@dataclass(frozen=True)
class Record:
    """The durations of the tests of a file, and the lines that all tests and single tests execute."""

    key: str
    seconds: dict[str, float]
    shared: Lines
    own: dict[str, Lines]

    def covering(self, source: str, lines: set[int]) -> list[str]:
        """Return the tests that execute at least one of the lines."""
        if lines & set(self.shared.get(source, [])):
            return list(self.seconds)
        return [test for test, own in self.own.items() if lines & set(own.get(source, []))]

    def lines(self, source: str) -> set[int]:
        own = (line for lines in self.own.values() for line in lines.get(source, []))
        return {*self.shared.get(source, []), *own}

    def sources(self) -> set[str]:
        return {*self.shared, *(source for own in self.own.values() for source in own)}


def files() -> list[str]:
    """Return every test file that pytest collects without arguments."""
    found = (ROOT / "tests").rglob("test_*.py")
    return sorted(str(path.relative_to(ROOT)) for path in found if "node_modules" not in path.parts)


def load() -> dict[str, Record]:
    """Read the record of every test file. Create missing and outdated records."""
    found = {file: read(file) for file in files()}
    missing = [file for file, record in found.items() if record is None]
    if missing:
        print(f"Recording what {len(missing)} of {len(found)} test files cover ...", flush=True)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for number, (file, seconds) in enumerate(pool.map(make, missing), start=1):
            print(f"[{number}/{len(missing)}] {file} ({seconds:.0f} s)", flush=True)
    return {file: record or require(file) for file, record in found.items()}


def require(file: str) -> Record:
    record = read(file)
    if record is None:
        sys.exit(f"{file} or what it covers was changed while it was recorded: run this again.")
    return record


def read(file: str) -> Record | None:
    """Read a record. Return None if it is missing or outdated."""
    path = place(file)
    if not path.exists():
        return None
    record = Record(**json.loads(path.read_text()))
    return record if record.key == key(file, record.sources()) else None


def place(file: str) -> Path:
    return FOLDER / f"{file.removeprefix('tests/').replace('/', '-')}.json"


def key(file: str, sources: Iterable[str]) -> str:
    """Return a hash of all files that affect the coverage of a test file."""
    shared = {str(path.relative_to(ROOT)) for pattern in SHARED for path in ROOT.glob(pattern)}
    content = hashlib.sha256()
    for name in sorted({file, *shared, *sources}):
        path = ROOT / name
        content.update(f"{name}\n".encode() + (path.read_bytes() if path.exists() else b""))
    return content.hexdigest()


def make(file: str) -> tuple[str, float]:
    """Run a test file and record its coverage. Return the file and the duration in seconds."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="coverage-map-") as folder:
        execute(file, Path(folder))
        tests = json.loads((Path(folder) / "tests.json").read_text())
        own = {test: names for test, names in tests["own"].items() if names}
        assigned = {name for names in own.values() for name in names}
        rest = [path.name for path in Path(folder).glob(".coverage.*")]
        record = Record(
            key="",
            seconds=tests["seconds"],
            shared=covered(Path(folder), [name for name in rest if name not in assigned]),
            own={test: covered(Path(folder), names) for test, names in own.items()},
        )
    FOLDER.mkdir(exist_ok=True)
    content = {**asdict(record), "key": key(file, record.sources())}
    place(file).write_text(json.dumps(content))
    return file, time.monotonic() - began


def execute(file: str, folder: Path) -> None:
    command = ("-m", "coverage", "run", *PYTEST, "-p", "tests.mutation.coverage_recorder", file)
    for _ in range(MAX_ATTEMPTS):
        for path in folder.iterdir():
            path.unlink()
        done = subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            env=os.environ | {"COVERAGE_FILE": str(folder / ".coverage")},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            return
    sys.exit(
        f"{file} fails without a planted fault: correct the test or the code first.\n{done.stdout}"
    )


def covered(folder: Path, names: list[str]) -> Lines:
    """Read which lines of the project these data files hold."""
    found: dict[str, set[int]] = defaultdict(set)
    for name in names:
        data = CoverageData(str(folder / name))
        # A process that was killed leaves a file without data.
        with suppress(CoverageException):
            data.read()
            for measured in data.measured_files():
                if lines := data.lines(measured):
                    found[original(measured)] |= set(lines)
    return {source: sorted(lines) for source, lines in found.items()}


def original(measured: str) -> str:
    """Return the project file for a measured file, which may be a copy in a checkout of a test."""
    parts = Path(measured).parts
    names = [Path(*parts[number:]) for number, part in enumerate(parts) if part in MEASURED]
    return next((str(name) for name in names if (ROOT / name).is_file()), measured)
