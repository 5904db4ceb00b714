"""Copies of the project as after a fresh clone, and its scripts run as from a terminal."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import service
from tests.support.service import ROOT

COPIED = ("openapi", "generated", "handlers", "scripts", "pyproject.toml")
UNUSED = shutil.ignore_patterns("node_modules", "__pycache__")
# A user id that has no name.
NAMELESS = 54_321
# The tests' Python may be in a folder that only root may read.
AS_NAMELESS = (
    *("setpriv", f"--reuid={NAMELESS}", f"--regid={NAMELESS}", "--clear-groups"),
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
)


def copy(to: Path, *more: str) -> Path:
    """Copy the project to a folder, with its dependencies and without generated data."""
    for name in (*COPIED, *more):
        if (source := ROOT / name).is_dir():
            shutil.copytree(source, to / name, ignore=UNUSED)
        else:
            to.mkdir(exist_ok=True, parents=True)
            shutil.copy(source, to / name)
    (to / ".venv").symlink_to(ROOT / ".venv")
    return to


def run(
    script: Path, *arguments: str | Path, cwd: Path | None = None, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run a script with only these settings."""
    return subprocess.run(
        [sys.executable, script, *arguments],
        cwd=cwd,
        env=service.clean_environment() | settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@contextmanager
def serving(
    checkout: Path, prefix: tuple[str, ...] = (), /, **settings: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run scripts/serve until it is ready. Yield the process and its output."""
    environment = service.clean_environment() | {"PORT": str(service.free_port())} | settings
    if prefix:
        # A process of another user cannot write coverage data, and would print a traceback at exit.
        environment = {name: environment[name] for name in environment if "COVERAGE" not in name}
    process = subprocess.Popen(
        [*prefix, sys.executable, checkout / "scripts" / "serve"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    output = ""
    for line in process.stdout:
        output += line
        if "Ctrl-C" in line:
            break
    try:
        yield process, output
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)
        process.stdout.close()


def require_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("Only root can run something as another user.")


def give_away(folder: Path, user: int = NAMELESS) -> None:
    """Change the owner of a folder and its content."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user, user, follow_symlinks=False)
