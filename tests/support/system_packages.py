"""Packages of the operating system that tests need; .ci/run installs them."""

import os
from pathlib import Path

import pytest


def require(file: Path, package: str) -> None:
    """Skip a test without a Debian package, and fail in CI."""
    if not file.exists():
        message = f"{package} is not installed: apt-get install {package}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
