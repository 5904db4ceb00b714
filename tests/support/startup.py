"""Starts of the service that must fail, and settings with which a start succeeds."""

import os
import subprocess
from pathlib import Path

from tests.support import service
from tests.support.service import SECRET

ADDRESS = "postgresql://someone:hidden@127.0.0.1:1/nothing"
GOOD = {"DATABASE_URL": ADDRESS, "BETTER_AUTH_SECRET": SECRET}


def refused(
    settings: dict[str, str],
    *options: str,
    folder: Path = service.ROOT / "tests",
    command: list[str] | None = None,
) -> str:
    """Start as in production in a folder without .env. Return the error output."""
    environment = service.environment(**settings)
    started = subprocess.run(
        [*(command or service.command(port=service.free_port())), *options],
        cwd=folder,
        # Bytes, because a value may be invalid UTF-8.
        env={os.fsencode(name): os.fsencode(value) for name, value in environment.items()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert started.returncode == 3
    assert "hidden" not in started.stderr
    assert "Traceback" not in started.stderr
    assert started.stderr.count("The service cannot start.") == 1
    return started.stderr
