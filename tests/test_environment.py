"""The Python environment that the scripts create and update."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from scripts.openapi import redocly
from tests.support import checkouts, service
from tests.support.checkouts import run

HELLO = """\
#!/usr/bin/env python3
import sys
from pathlib import Path
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from scripts.dev import environment
environment.enter()
import demo
print("hello from", sys.prefix)
"""
WITHOUT_ENSUREPIP = "import sys; sys.modules['ensurepip'] = None"
# Python settings that would search or install packages in another place.
ELSEWHERE = {
    "PIP_DRY_RUN": "1",
    "PIP_PREFIX": "/nowhere",
    "PIP_PYTHON": "/nowhere",
    "PIP_REQUIRE_VIRTUALENV": "1",
    "PIP_TARGET": "/nowhere",
    "PIP_USER": "1",
    "PYTHONPATH": "/nowhere",
}
INSTALLING = "Installing the dependencies into .venv, once"


def build(folder: Path, name: str, module: str, code: str = "") -> None:
    """Write a wheel with an empty module, so that an installation is fast."""
    about = f"{name}-1.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{module}.py", code)
        wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        wheel.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{about}/RECORD", "")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    build(folder, "demo", "demo")
    build(folder, "pip_tools", "piptools")
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one script and two dependencies that are not installed."""
    return make(tmp_path / "a project")


@pytest.fixture(scope="module")
def first_run(
    tmp_path_factory: pytest.TempPathFactory, wheels: Path
) -> subprocess.CompletedProcess[str]:
    """The first run in such a project, where many settings are in the way."""
    folder = tmp_path_factory.mktemp("first run")
    sources = f"no-index = true\nfind-links = {wheels}\n"
    (folder / "pip.conf").write_text(f"[global]\n{sources}[install]\nuser = true\n")
    settings = {"PIP_CONFIG_FILE": str(folder / "pip.conf"), **ELSEWHERE}
    return hello(make(folder / "a project"), **settings)


@pytest.fixture
def installed(first_run: subprocess.CompletedProcess[str]) -> Path:
    """The project after its first run. No test may change it."""
    return Path(first_run.args[1]).parent.parent


def make(root: Path) -> Path:
    (root / "scripts" / "dev").mkdir(parents=True)
    (root / "scripts" / "hello").write_text(HELLO)
    for name in ("__init__.py", "dev/__init__.py", "dev/environment.py"):
        (root / "scripts" / name).write_text((service.ROOT / "scripts" / name).read_text())
    (root / "scripts" / "requirements-dev.txt").write_text("demo==1\npip-tools==1\n")
    return root


@pytest.fixture
def sources(wheels: Path) -> dict[str, str]:
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}


def hello(project: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the script with the Python of the system."""
    return subprocess.run(
        [sys._base_executable, project / "scripts" / "hello"],  # type: ignore[attr-defined]  # noqa: SLF001
        env=service.clean_environment() | settings,
        capture_output=True,
        text=True,
        check=False,
    )


class TestInstallation:
    def test_python_without_ensurepip_is_reported(self, project: Path, tmp_path: Path) -> None:
        (tmp_path / "sitecustomize.py").write_text(WITHOUT_ENSUREPIP)
        failed = hello(project, PYTHONPATH=str(tmp_path))
        assert failed.returncode == 1
        assert "apt-get install python3-venv" in failed.stderr
        assert "Traceback" not in failed.stderr

    def test_first_run_prints_progress_on_standard_error_only(
        self, first_run: subprocess.CompletedProcess[str], installed: Path
    ) -> None:
        """Only those settings of pip are used that name the source of packages."""
        assert first_run.stdout == f"hello from {installed / '.venv'}\n", first_run.stderr
        assert INSTALLING in first_run.stderr

    def test_later_run_installs_nothing(self, installed: Path, tmp_path: Path) -> None:
        done = hello(installed, PYTHONPATH=str(tmp_path))
        assert done.stdout.startswith("hello from")
        assert done.stderr == ""

    @pytest.mark.parametrize("python", ["is gone", "is of another version"])
    def test_environment_with_a_broken_python_is_recreated(
        self, installed: Path, sources: dict[str, str], python: str
    ) -> None:
        file = installed / ".venv" / "bin" / "python"
        file.unlink()
        if python == "is gone":
            file.symlink_to("/nowhere/python3")
        else:
            file.write_text("#!/bin/sh\necho Python 3.0")
            file.chmod(0o755)
        done = hello(installed, **sources)
        assert done.stdout.startswith("hello from"), done.stderr
        assert INSTALLING in done.stderr

    def test_changed_lock_file_is_installed(self, installed: Path, sources: dict[str, str]) -> None:
        lock = installed / "scripts" / "requirements-dev.txt"
        lock.write_text(f"# Changed.\n{lock.read_text()}")
        assert INSTALLING in hello(installed, **sources).stderr

    def test_moved_project_works_without_installation(self, installed: Path) -> None:
        moved = installed.with_name("moved")
        installed.rename(moved)
        done = hello(moved)
        moved.rename(installed)
        assert done.stdout == f"hello from {moved / '.venv'}\n", done.stderr
        assert done.stderr == ""

    def test_file_in_place_of_the_environment_is_reported(self, project: Path) -> None:
        (project / ".venv").write_text("")
        failed = hello(project)
        assert (
            f"{project / '.venv'} is not a folder of this project's own: remove it."
            in failed.stderr
        )
        assert "Traceback" not in failed.stderr


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = checkouts.copy(tmp_path_factory.mktemp("folder") / "todo", "tests")
    redocly.install()
    (made / "scripts" / "node_modules").symlink_to(service.ROOT / "scripts" / "node_modules")
    return made


class TestFolders:
    @pytest.mark.parametrize(
        ("folder", "script"),
        [("..", "todo/scripts/token"), ("scripts", "./token"), ("scripts", "token"), ("/", None)],
    )
    def test_script_starts_from_any_folder(
        self, checkout: Path, folder: str, script: str | None
    ) -> None:
        named = Path(script) if script else checkout / "scripts" / "token"
        done = run(named, "alice", cwd=checkout / folder)
        assert done.stdout.count(".") == 2, done.stderr

    def test_script_starts_through_symbolic_links(self, checkout: Path, tmp_path: Path) -> None:
        (tmp_path / "todo-token").symlink_to(checkout / "scripts" / "token")
        (tmp_path / "todo").symlink_to(checkout)
        for script in ("todo-token", "todo/scripts/token"):
            done = run(Path(script), "alice", cwd=tmp_path)
            assert done.stdout.count(".") == 2, done.stderr

    def test_script_starts_in_a_deleted_folder(self, checkout: Path) -> None:
        command = 'mkdir gone && cd gone && rmdir ../gone && exec "$@"'
        done = subprocess.run(
            ["sh", "-c", command, "sh", sys.executable, checkout / "scripts" / "token", "alice"],  # noqa: S607
            cwd=checkout.parent,
            env=service.clean_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout.count(".") == 2, done.stderr

    @pytest.mark.parametrize(
        ("script", "arguments"),
        [
            ("diff", ["contract.yaml"]),
            ("lint-contract", ["contract.yaml"]),
            ("test", ["test_mine.py"]),
            ("test", ["../todo/tests/test_log.py", "--collect-only"]),
            ("test", ["tests/test_log.py", "--collect-only"]),
        ],
    )
    def test_file_argument_is_relative_to_the_folder_of_the_caller(
        self, checkout: Path, tmp_path: Path, script: str, arguments: list[str]
    ) -> None:
        caller = checkout.parent / "caller"
        caller.mkdir(exist_ok=True)
        contract = (checkout / "openapi" / "openapi.yaml").read_text()
        (caller / "contract.yaml").write_text(contract)
        (caller / "test_mine.py").write_text("def test_mine() -> None: ...\n")
        done = run(checkout / "scripts" / script, *arguments, cwd=caller)
        assert done.returncode == 0, done.stdout + done.stderr
