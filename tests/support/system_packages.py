"""What tests need of the operating system; .ci/run installs it."""

import os
from pathlib import Path

import pytest


def require(file: Path, package: str) -> None:
    """Skip where a Debian package is not installed; in CI nothing may be missing."""
    if not file.exists():
        message = f"{package} is not installed: apt-get install {package}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
