"""Redocly's command line, with the settings in scripts/redocly.yaml."""

import subprocess
from pathlib import Path

from scripts.dev import node
from scripts.dev.environment import ROOT

SCRIPTS = ROOT / "scripts"
# Nothing is reported to anybody, and no newer version is looked for.
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


def redocly(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run redocly; the caller judges how it ended."""
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
