"""The commands in scripts/: Python files without a suffix, for short names in the shell."""

import re
from pathlib import Path

SHEBANG = re.compile(rb"#!.*\bpython")


def find(folder: Path) -> list[Path]:
    """Return the files with a Python shebang in a folder and the folders below."""
    unnamed = (path for path in folder.rglob("*") if not path.suffix and path.is_file())
    return sorted(path for path in unnamed if "node_modules" not in path.parts and _is_python(path))


def _is_python(path: Path) -> bool:
    with path.open("rb") as file:
        return bool(SHEBANG.match(file.readline()))
