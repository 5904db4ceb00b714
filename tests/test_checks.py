"""scripts/check: every file is checked, and every kind of error is found."""

import shutil
from pathlib import Path

import pytest

from scripts.openapi import redocly
from tests.support import checkouts
from tests.support.checkouts import run
from tests.support.service import ROOT

FAULTY = '''\
#!/usr/bin/env python3
"""A command with errors."""

import os

x: int =  "a"
'''


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    made = checkouts.copy(tmp_path / "todo", "tests")
    redocly.install()
    (made / "scripts" / "node_modules").symlink_to(ROOT / "scripts" / "node_modules")
    # Without the cache, mypy takes 15 seconds.
    if (cache := ROOT / ".mypy_cache").exists():
        shutil.copytree(cache, made / ".mypy_cache")
    return made


class TestCheck:
    def test_new_command_with_errors_fails_types_lint_and_formatting(self, checkout: Path) -> None:
        (checkout / "scripts" / "planted").write_text(FAULTY)
        done = run(checkout / "scripts" / "check")
        assert done.returncode == 1
        assert (
            'scripts/planted:6: error: Incompatible types in assignment (expression has type "str"'
            in done.stdout
        )
        for step in ("Types", "Lint", "Formatting"):
            assert f"{step}: failed" in done.stdout, done.stdout
        for step in ("Generated code", "Contract", "Changes of the contract"):
            assert f"{step}: passed" in done.stdout, done.stdout
        assert "Formatting: failed; run scripts/format." in done.stderr
        assert run(checkout / "scripts" / "format").returncode == 0
        assert "import os" not in (checkout / "scripts" / "planted").read_text()
