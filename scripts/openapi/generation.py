"""The files of generated/, made from the contract.

datamodel-code-generator writes the models; scripts/openapi/operations.py writes the operations.
"""

import difflib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from scripts.dev.environment import ROOT
from scripts.openapi import contract, operations

CONTRACT = ROOT / "openapi" / "openapi.yaml"
GENERATED = ROOT / "generated"
HEADER = '"""{} Made by scripts/generate from openapi/openapi.yaml; do not edit."""\n\n'


def generate(source: Path, target: Path) -> None:
    """Write the files of the contract `source` into an empty folder. Raises ContractError."""
    document = contract.read(source.read_text(), source.name)
    (target / "__init__.py").write_text("")
    (target / "openapi.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    _write_models(source, target, "models", "What requests bring.")
    _write_models(source, target, "responses", "What responses carry.")
    written = target / "operations.py"
    written.write_text(HEADER.format("The operations.") + "".join(operations.write(document)))
    _run("ruff", "format", "--quiet", "--config=pyproject.toml", written)


def compare(fresh: Path) -> Iterator[str]:
    """Yield the difference between generated/ and a fresh folder, as a unified diff."""
    names = {path.name for folder in (GENERATED, fresh) for path in folder.glob("*.*")}
    for name in sorted(names):
        old, new = (
            path.read_text().splitlines(keepends=True) if path.exists() else []
            for path in (GENERATED / name, fresh / name)
        )
        yield from difflib.unified_diff(old, new, f"generated/{name}", "from the contract")


def _write_models(source: Path, target: Path, profile: str, purpose: str) -> None:
    _run(
        *("datamodel_code_generator", "--profile", profile, "--input", source),
        *("--output", target / f"{profile}.py"),
        *("--custom-file-header", HEADER.format(purpose).strip()),
    )


def _run(module: str, *arguments: str | Path) -> None:
    subprocess.run([sys.executable, "-m", module, *arguments], cwd=ROOT, check=True)
