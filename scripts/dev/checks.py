"""The static checks: what can be said about the project without starting the service."""

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from scripts.dev import commands
from scripts.dev.environment import ROOT

AT_ONCE = 3
PYTHON = (sys.executable, "-m")
SCRIPTS = ROOT / "scripts"
FOLDERS = ("generated", "handlers", "tests", "scripts")

HINTS = {"Formatting": "run scripts/format", "Lint": "scripts/format mends some of it"}

Command = tuple[str | Path, ...]


class Result(NamedTuple):
    name: str
    seconds: float
    output: str
    is_passed: bool

    @property
    def verdict(self) -> str:
        return f"{'passed' if self.is_passed else 'failed'} in {self.seconds:.1f} s"

    @property
    def hint(self) -> str:
        return f"; {HINTS[self.name]}" if self.name in HINTS else ""


def steps() -> dict[str, Command]:
    """Return the checks, those that take longest first."""
    named = commands.find(SCRIPTS)
    return {
        "Types": (*PYTHON, "mypy", "--no-error-summary", *FOLDERS, *named),
        "Generated code": (sys.executable, SCRIPTS / "generate", "--check"),
        "Contract": (sys.executable, SCRIPTS / "lint-contract"),
        "Changes of the contract": (sys.executable, SCRIPTS / "diff"),
        "Lint": (*PYTHON, "ruff", "check", "--quiet", ".", *named),
        "Formatting": (*PYTHON, "ruff", "format", "--check", "--quiet", ".", *named),
    }


def run() -> Iterator[Result]:
    """Run the checks beside each other, and yield each result in the order of the steps."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(_check, steps().items())


def _check(step: tuple[str, Command]) -> Result:
    name, command = step
    began = time.monotonic()
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return Result(name, time.monotonic() - began, done.stdout, not done.returncode)
