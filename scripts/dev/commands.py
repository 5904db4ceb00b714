"""The commands of this folder: Python, though without an ending, since people type their names."""

import re
from pathlib import Path

SHEBANG = re.compile(rb"#!.*\bpython")


def find(folder: Path) -> list[Path]:
    """Find every command in this folder and those below, by its first line."""
    unnamed = (path for path in folder.rglob("*") if not path.suffix and path.is_file())
    return sorted(path for path in unnamed if "node_modules" not in path.parts and _is_python(path))


def _is_python(path: Path) -> bool:
    with path.open("rb") as file:
        return bool(SHEBANG.match(file.readline()))
