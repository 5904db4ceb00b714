"""Code generation from the contract, and checks that reject a mismatched handler."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.service import ROOT, SECRET, clean_environment

COPIED = ["openapi", "generated", "handlers", "scripts", "pyproject.toml"]

ARCHIVE = """
  /api/{user_id}/tasks/{task_id}/archive:
    parameters:
      - $ref: '#/components/parameters/UserId'
      - $ref: '#/components/parameters/TaskId'
    post:
      operationId: archive_task
      summary: Archive a task.
      tags: [tasks]
      parameters:
        - name: reason
          in: query
          required: true
          schema: {type: string, minLength: 1, maxLength: 20}
      responses:
        '204':
          description: The task is archived.
"""

HANDLER = """
    async def archive_task(
        self,
        user_id: models.UserId,
        task_id: models.TaskId,
        query: models.ArchiveTaskParametersQuery,
    ) -> None:
        await self.get_task(user_id, task_id)
        print(query.reason)

    async def _run_locked("""


class Project:
    """A copy of the project, to be changed."""

    def __init__(self, root: Path, cache: Path) -> None:
        self.root, self.cache = root, cache
        for name in COPIED:
            source = ROOT / name
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, root / name)
        # The copy's scripts run in the environment that is there.
        (root / ".venv").symlink_to(ROOT / ".venv")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        settings = {"DATABASE_URL": "postgresql://nowhere/x", "BETTER_AUTH_SECRET": SECRET}
        return subprocess.run(
            [sys.executable, *command],
            cwd=self.root,
            env=clean_environment() | settings | {"MYPY_CACHE_DIR": str(self.cache)},
            capture_output=True,
            text=True,
            check=False,
        )

    def generate(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run("scripts/generate", *arguments)

    def check_types(self) -> str:
        return self.run("-m", "mypy", "handlers", "generated").stdout

    def replace(self, name: str, old: str, new: str) -> None:
        path = self.root / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.root / "generated").glob("*.*")}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of mypy that all copies of the project share."""
    return tmp_path_factory.mktemp("mypy")


@pytest.fixture
def project(tmp_path: Path, cache: Path) -> Project:
    return Project(tmp_path, cache)


class TestGenerated:
    def test_generation_after_deletion_gives_the_same_bytes(self, project: Project) -> None:
        before = project.files()
        shutil.rmtree(project.root / "generated")
        assert project.generate().returncode == 0
        assert project.files() == before

    def test_outdated_code_is_shown_with_the_command_to_run(self, project: Project) -> None:
        project.replace("openapi/openapi.yaml", "maxLength: 255", "maxLength: 200")
        checked = project.generate("--check")
        assert checked.returncode == 1
        assert "-            max_length=255" in checked.stdout
        assert "+            max_length=200" in checked.stdout
        assert "run scripts/generate" in checked.stderr

    @pytest.mark.parametrize("change", ["edit", "delete", "add"])
    def test_manual_edit_is_detected_and_replaced(self, project: Project, change: str) -> None:
        if change == "edit":
            project.replace("generated/operations.py", "status=204", "status=200")
        elif change == "delete":
            (project.root / "generated" / "responses.py").unlink()
        else:
            (project.root / "generated" / "more.py").write_text("x = 1\n")
        assert project.generate("--check").returncode == 1
        assert project.generate().returncode == 0
        assert project.generate("--check").returncode == 0

    @pytest.mark.parametrize(
        ("old", "new", "complaint"),
        [
            (
                "operationId: get_task\n",
                "operationId: [get_task]\n",
                "openapi.yaml is not a valid contract: paths/",
            ),
            ("tags: [health]", "tags: [health, tasks]", "give it exactly one tag"),
            ("operationId: get_health", "operationId: getHealth", "must be a snake_case name"),
            ("operationId: get_health", "operationId: import", "must be a snake_case name"),
            ("      summary: List your tasks in their order.\n", "", "give it a summary"),
            ("security: []", "security: [{}, {bearer: []}]", "security can only be left out"),
            ("    patch:", "    options:", "options is not supported"),
            ("  - name: health", "  - name: operation", "needs another name"),
            ("openapi: 3.1.1", "openapi: 3.1.1\n  x: [", "openapi.yaml is not YAML"),
            ("tags: [health]", "tags: [heath]", "no tag named heath"),
            (
                "type: boolean\n        - name: limit",
                "type: number\n        - name: limit",
                "must be one of",
            ),
            (
                "name: limit\n          in: query",
                "name: limit\n          in: header",
                "header parameters",
            ),
            ("name: limit\n", "name: max-items\n", "must be a snake_case name"),
            (
                "$ref: '#/components/schemas/TaskOrder'",
                "type: object",
                "the body needs a $ref to #/components/schemas/",
            ),
            (
                "'204':\n          description: The list",
                "'2XX':\n          description: The list",
                "one success status",
            ),
            (
                "        '200':\n          description: The page",
                "        '300':\n          description: The page",
                "one success status",
            ),
        ],
    )
    def test_unsupported_contract_is_rejected_with_the_reason(
        self, project: Project, old: str, new: str, complaint: str
    ) -> None:
        project.replace("openapi/openapi.yaml", old, new)
        generated = project.generate()
        assert generated.returncode == 1
        assert complaint in generated.stderr
        assert "Traceback" not in generated.stderr


class TestNewOperation:
    def test_new_operation_needs_only_the_contract_and_a_handler_method(
        self, project: Project
    ) -> None:
        project.replace("openapi/openapi.yaml", "\n  /health:\n", f"{ARCHIVE}\n  /health:\n")
        assert project.generate().returncode == 0

        missing = project.run("-c", "import handlers.app")
        assert missing.returncode != 0
        assert "archive_task" in missing.stderr
        assert "archive_task" in project.check_types()

        project.replace("handlers/tasks.py", "\n    async def _run_locked(", HANDLER)
        assert "Success" in project.check_types()
        routes = "from handlers.app import app; print([r.path for r in app.routes])"
        assert "/api/{user_id}/tasks/{task_id}/archive" in project.run("-c", routes).stdout

    def test_new_tag_needs_a_handler_in_the_app(self, project: Project) -> None:
        contract = yaml.safe_load((project.root / "openapi" / "openapi.yaml").read_text())
        contract["tags"].append({"name": "labels", "description": "Labels."})
        contract["paths"]["/labels"] = {
            "get": {
                "operationId": "list_labels",
                "summary": "List labels.",
                "tags": ["labels"],
                "responses": {"204": {"description": "None."}},
            }
        }
        (project.root / "openapi" / "openapi.yaml").write_text(yaml.safe_dump(contract))
        assert project.generate().returncode == 0
        refused = project.run("-c", "import handlers.app").stderr
        assert "list_labels has no handler: give handlers/app.py an object" in refused


class TestMismatchedHandlers:
    @pytest.mark.parametrize(
        ("old", "new"),
        [
            (
                "async def get_task(self, user_id: models.UserId, task_id: models.TaskId)",
                "async def get_task(self, user_id: models.UserId, task_id: str)",
            ),
            (
                "async def get_task(self, user_id: models.UserId, task_id: models.TaskId)",
                "async def get_task(self, user_id: models.UserId)",
            ),
            (
                "async def get_task(self, user_id: models.UserId, task_id: models.TaskId) -> responses.Task:",
                "async def get_task(self, user_id: models.UserId, task_id: models.TaskId) -> responses.Health:",
            ),
            ("return operations.CreateTaskResult(task, location)", "return task"),
            (
                "return operations.CreateTaskResult(task, location)",
                "return operations.CreateTaskResult(task)",
            ),
            ('"has_more": query.offset + len(tasks) < total,', ""),
            ('"has_more": query.offset + len(tasks) < total,', '"has_more": "no",'),
            ('"offset": query.offset,\n', '"start": query.offset,\n'),
            ("query.limit", "query.size"),
            ("completed=body.completed if body else None", "completed=body.completed"),
            ("async def delete_task(", "async def remove_task("),
        ],
    )
    def test_mismatched_handler_fails_the_type_check(
        self, project: Project, old: str, new: str
    ) -> None:
        project.replace("handlers/tasks.py", old, new)
        assert "error:" in project.check_types()

    def test_missing_handler_is_rejected_by_name_at_start(self, project: Project) -> None:
        project.replace("handlers/tasks.py", "async def delete_task(", "async def remove_task(")
        started = project.run("-c", "import handlers.app")
        assert started.returncode != 0
        assert "abstract method delete_task" in started.stderr.replace("'", "")
