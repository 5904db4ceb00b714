"""The virtual environment that every script runs in, made and kept current by the first to run.

Uses the standard library alone, since nothing else is there yet.
"""

import fcntl
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
LOCK = ROOT / "scripts" / "requirements-dev.txt"


def enter() -> None:
    """Go on inside the project's environment, in the project's folder, under the same name."""
    if sys.version_info < (3, 11):  # noqa: UP036 - older Pythons do start this file.
        sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0])
    os.chdir(ROOT)
    if Path(sys.prefix) == ENVIRONMENT:
        sys.path.insert(0, str(ROOT))
        return
    _install()
    python = str(ENVIRONMENT / "bin" / "python")
    os.execv(python, [python, *sys.argv])  # noqa: S606 - no shell is wanted.


def _install() -> None:
    installed = ENVIRONMENT / "installed.txt"
    if installed.exists() and installed.read_bytes() == LOCK.read_bytes():
        return
    ENVIRONMENT.mkdir(exist_ok=True)
    # Two scripts may find the environment missing at once.
    with (ENVIRONMENT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if installed.exists() and installed.read_bytes() == LOCK.read_bytes():
            return
        print("Installing the dependencies into .venv, once, for about a minute ...", flush=True)
        venv.create(ENVIRONMENT, with_pip=True)
        python = (str(ENVIRONMENT / "bin" / "python"), "-m")
        pip = (*python, "pip", "--disable-pip-version-check")
        install = (*pip, "install", "-qq", "--progress-bar=on", "--requirement", str(LOCK))
        # What an earlier lock brought, and this one does not, goes.
        remove = (*python, "piptools", "sync", "--quiet", str(LOCK))
        for command in (install, remove):
            if subprocess.run(command, check=False).returncode:
                sys.exit(
                    "The dependencies could not be installed: see the message, and run this again."
                )
        installed.write_bytes(LOCK.read_bytes())
