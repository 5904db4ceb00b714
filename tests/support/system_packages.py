"""Packages of the operating system that tests need; .ci/run installs them."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def require(file: Path, package: str) -> None:
    """Skip the test if a file of a Debian package is missing. In CI the test fails."""
    if not file.exists():
        missing(package)


def find_browser() -> str:
    """Return the path of a browser. Without a browser the test is skipped. In CI it fails."""
    return next(filter(None, map(shutil.which, BROWSERS)), None) or missing("chromium")


def missing(package: str) -> NoReturn:
    message = f"{package} is not installed: apt-get install {package}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
