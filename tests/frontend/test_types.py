"""The types of the generated client, and a page that needs them to compile."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.dev import node
from tests.frontend import frontend_server
from tests.support import service

ROOT = service.ROOT
WHOLE = ""
REMOVED = [
    "components/schemas/Task/properties/title",
    "components/schemas/Task/properties/description",
    "components/schemas/Task/properties/completed",
    "components/schemas/TaskCreate/properties/title",
    "components/schemas/TaskUpdate/properties/position",
    "components/schemas/TaskCompletion/properties/completed",
    "components/schemas/TaskList/properties/data",
    "components/schemas/Pagination/properties/has_more",
    "components/schemas/Error/properties/message",
    "components/schemas/Error/properties/details",
    "paths/~1api~1{user_id}~1tasks~1{task_id}/delete",
]


class TestTypes:
    def test_frontend_compiles(self, compiler_errors: dict[str, list[str]]) -> None:
        assert compiler_errors[WHOLE] == []

    @pytest.mark.parametrize("pointer", REMOVED)
    def test_page_does_not_compile_without_a_used_member(
        self, compiler_errors: dict[str, list[str]], pointer: str
    ) -> None:
        assert any("/page/" in line for line in compiler_errors[pointer])

    def test_types_from_a_running_service_are_the_same(
        self, running_service: service.Service, tmp_path: Path
    ) -> None:
        """A frontend team without the repository generates its types from the address."""
        subprocess.run([ROOT / "scripts" / "client", tmp_path], check=True)
        command = [
            *node.program(frontend_server.ROOT, "openapi-typescript"),
            f"{running_service.address}/openapi.json",
            "--default-non-nullable=false",
            *("--root-types", "--root-types-no-schema-prefix"),
        ]
        made = subprocess.run(
            command, cwd=frontend_server.ROOT, check=True, stdout=subprocess.PIPE, text=True
        ).stdout
        same = [line for line in made.splitlines() if "[name: string]: unknown" not in line]
        assert same == (tmp_path / "schema.ts").read_text().splitlines()

    def test_generated_types_contain_no_unknown(self, tmp_path: Path) -> None:
        subprocess.run([ROOT / "scripts" / "client", tmp_path], check=True)
        written = (tmp_path / "schema.ts").read_text()
        assert "Task: {" in written
        assert "unknown" not in written


@pytest.fixture(scope="module")
def compiler_errors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The errors of the compiler, for the contract and for each contract without a part."""
    node.install(frontend_server.ROOT)
    folder = tmp_path_factory.mktemp("frontend")
    (folder / "node_modules").symlink_to(frontend_server.ROOT / "node_modules")
    # All copies are one program, because the compiler spends most of its time on libraries.
    settings = {
        "extends": str(frontend_server.ROOT / "tsconfig.json"),
        "include": ["*/*/*.ts", "*/*.ts"],
    }
    (folder / "tsconfig.json").write_text(json.dumps(settings))
    names = {pointer: f"copy{number}" for number, pointer in enumerate([WHOLE, *REMOVED])}
    for pointer, name in names.items():
        make_copy(folder / name, pointer)
    done = subprocess.run(
        node.program(folder, "tsc"), cwd=folder, capture_output=True, text=True, check=False
    )
    lines = done.stdout.splitlines()
    return {
        pointer: [line for line in lines if line.startswith(f"{name}/")]
        for pointer, name in names.items()
    }


def make_copy(folder: Path, without: str) -> None:
    """Copy the frontend, with a client generated from the contract without a part."""
    shutil.copytree(frontend_server.ROOT / "page", folder / "page")
    for file in frontend_server.ROOT.glob("*.ts"):
        shutil.copy(file, folder)
    contract = folder / "openapi.yaml"
    contract.write_text(contract_without(without))
    subprocess.run([ROOT / "scripts" / "client", folder / "client", contract], check=True)


def contract_without(pointer: str) -> str:
    contract = yaml.safe_load((ROOT / "openapi" / "openapi.yaml").read_text())
    if pointer != WHOLE:
        *parents, name = [part.replace("~1", "/") for part in pointer.split("/")]
        holder = contract
        schema: dict[str, Any] = {}
        for part in parents:
            schema, holder = holder, holder[part]
        del holder[name]
        if name in schema.get("required", []):
            schema["required"].remove(name)
    return yaml.safe_dump(contract, sort_keys=False)
