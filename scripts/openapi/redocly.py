"""The command line of redocly, with the settings in scripts/redocly.yaml."""

import subprocess
from pathlib import Path

from scripts.dev import node
from scripts.dev.environment import ROOT

SCRIPTS = ROOT / "scripts"
# Disables telemetry and the check for a newer version.
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


def redocly(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run redocly; the caller checks the exit code."""
    install()
    return subprocess.run(
        [*node.program(SCRIPTS, "redocly"), *arguments, f"--config={SCRIPTS / 'redocly.yaml'}"],
        env=node.environment() | QUIET,
        capture_output=True,
        text=True,
        check=False,
    )


def install() -> None:
    node.install(SCRIPTS)
