"""scripts/diff: which changes of the contract break which clients."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from scripts.openapi import contract, redocly
from scripts.openapi.diff import changes, comparison
from scripts.openapi.diff import version as versions
from scripts.openapi.diff.changes import Pair
from scripts.openapi.diff.findings import Finding
from scripts.openapi.diff.uses import Index
from tests.diff import edits

ROOT = Path(__file__).parent.parent
NAMES = [edit["edit"] for edit in edits.edits()]

# Edits for which the tool gives another verdict than the table, with the reason. Never add to it.
DISAGREEMENTS = {
    "a pattern says the same in other signs": "The tool cannot compare patterns, so any change of a pattern is breaking.",
    "a format says no more than the bounds": "The tool does not compare a format with bounds.",
    "a refusal is written out": "The tool resolves combinations of one schema, not of several.",
}

Ended = subprocess.CompletedProcess[str]


class Verdict(NamedTuple):
    found: list[Finding]
    # Whether redocly alone reports a breaking change.
    breaks_for_redocly: bool

    @property
    def verdict(self) -> str:
        return self.found[0].verdict if self.found else "nothing"

    @property
    def text(self) -> str:
        return " ".join(f"{finding.what}. {finding.impact}" for finding in self.found).lower()


class Verdicts:
    """The verdicts of all edits, computed in the background: a test waits only for its edit."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.futures = {edit["edit"]: pool.submit(compare, edit) for edit in edits.edits()}

    def __getitem__(self, name: str) -> Verdict:
        return self.futures[name].result()


def compare(edit: edits.Edit) -> Verdict:
    base = edits.apply(edit.get("before", {}))
    pair = Pair(Index(base), Index(edits.apply(edit)))
    found = list(changes.find(pair))
    breaks_for_redocly = any(change.major for change in found)
    return Verdict(comparison.conclude(pair, found), breaks_for_redocly)


@pytest.fixture(scope="module")
def verdicts() -> Iterator[Verdicts]:
    """The verdicts of the real tool on all edits, computed on all processors."""
    redocly.install()
    pool = ThreadPoolExecutor()
    yield Verdicts(pool)
    pool.shutdown(cancel_futures=True)


class TestVerdicts:
    def test_edit_names_are_unique_and_at_least_100(self) -> None:
        assert len(NAMES) >= 100
        assert len(set(NAMES)) == len(NAMES)

    @pytest.mark.parametrize("edit", edits.edits(), ids=lambda edit: edit["edit"].replace(" ", "_"))
    def test_edit_gets_the_expected_verdict(self, edit: edits.Edit, verdicts: Verdicts) -> None:
        result = verdicts[edit["edit"]]
        agreed = result.verdict == edit["verdict"]
        assert agreed == (edit["edit"] not in DISAGREEMENTS), result.found
        assert edit.get("says", "").lower() in result.text
        assert "spares" not in edit or edit["spares"] not in result.text
        assert len(result.found) == edit.get("count", len(result.found))

    def test_number_of_expected_verdicts_is_printed(
        self, verdicts: Verdicts, capsys: pytest.CaptureFixture[str]
    ) -> None:
        labelled = {edit["edit"]: edit["verdict"] for edit in edits.edits()}
        right = sum(verdicts[name].verdict == labelled[name] for name in NAMES)
        by_redocly = sum(
            verdicts[name].breaks_for_redocly == (labelled[name] == "breaking") for name in NAMES
        )
        with capsys.disabled():
            print(f"\nscripts/diff gives {right} of {len(NAMES)} verdicts as labelled.")
            print(f"Redocly alone gives the right verdict for {by_redocly}.")
            for name, reason in DISAGREEMENTS.items():
                print(f"  {name}: {reason}")
        assert right == len(NAMES) - len(DISAGREEMENTS)
        # Redocly alone is less exact, so its rules are disabled: see scripts/redocly.yaml.
        assert len(NAMES) * 0.7 < by_redocly < right


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with only the contract and the scripts that compare contracts."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts", ignore=ignored)
    (tmp_path / "scripts" / "node_modules").symlink_to(ROOT / "scripts" / "node_modules")
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    (tmp_path / "openapi").mkdir()
    for name in ("openapi", "released"):
        (tmp_path / "openapi" / f"{name}.yaml").write_text(edits.original())
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## 1.0.0\n")
    return tmp_path


def ignored(_: str, names: list[str]) -> list[str]:
    return [name for name in names if name in ("node_modules", "__pycache__")]


@pytest.fixture
def run(checkout: Path) -> Callable[..., Ended]:
    redocly.install()

    def command(name: str, *arguments: str) -> Ended:
        script = checkout / "scripts" / name
        return subprocess.run(
            [checkout / ".venv" / "bin" / "python", script, *arguments],
            cwd=checkout,
            capture_output=True,
            text=True,
            check=False,
        )

    return command


def write(checkout: Path, **edit: Any) -> None:
    """Edit the contract of this checkout."""
    contract = checkout / "openapi" / "openapi.yaml"
    contract.write_text(json.dumps(edits.apply(edit)))


def change(checkout: Path, version: str, **edit: Any) -> None:
    """Edit the contract and set the version."""
    put = {"/info/version": version, **edit.pop("put", {})}
    write(checkout, put=put, **edit)


BREAKING = {"drop": ["delete_task"]}
COMPATIBLE = {"put": {"TaskCreate/properties/note": {"type": "string"}}}
WORDING = {"put": {"Title/description": "What to do."}}


class TestVersion:
    """info.version must match the changes."""

    @pytest.mark.parametrize(
        ("name", "version", "message"),
        [
            ("an operation is removed", "1.0.0", "set it to 2.0.0"),
            ("an operation is removed", "1.1.0", "set it to 2.0.0"),
            ("an operation is removed", "0.9.0", "set it to 2.0.0"),
            ("an operation is removed", "2.0.0", ""),
            ("an operation is removed", "3.1.4", ""),
            ("an operation is new", "1.0.0", "set it to 1.1.0"),
            ("an operation is new", "1.1.0", ""),
            ("an operation is new", "1.0.1", ""),
            ("a description", "1.0.0", "set it to 1.0.1"),
            ("a description", "0.9.9", "set it to 1.0.1"),
            ("a description", "1.0.1", ""),
            ("nothing but the version", "1.0.0", ""),
            ("nothing but the version", "1.0.1", ""),
        ],
    )
    def test_version_that_does_not_match_the_changes_is_a_mistake(
        self, verdicts: Verdicts, name: str, version: str, message: str
    ) -> None:
        mistake = versions.error("1.0.0", version, verdicts[name].found)
        assert message in mistake
        assert bool(message) == bool(mistake)

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("an operation is removed", "set it to 2.0.0"),
            ("an operation is new", "set it to 1.3.0"),
            ("a description", "set it to 1.2.4"),
        ],
    )
    def test_proposed_version_resets_lower_numbers(
        self, verdicts: Verdicts, name: str, message: str
    ) -> None:
        assert message in versions.error("1.2.3", "1.2.3", verdicts[name].found)

    def test_wrong_version_fails_with_the_proposed_version(
        self, run: Callable[..., Ended], checkout: Path
    ) -> None:
        change(checkout, "1.9.9", **BREAKING)
        ended = run("diff")
        assert ended.returncode == 1
        assert "info.version went from 1.0.0 to 1.9.9: set it to 2.0.0" in ended.stderr
        assert ended.stdout.startswith("# What changes in the API")

    def test_version_of_other_than_three_numbers_is_rejected(
        self, run: Callable[..., Ended], checkout: Path
    ) -> None:
        change(checkout, "next")
        ended = run("diff")
        assert ended.returncode == 2
        assert "info.version must be three numbers" in ended.stderr


class TestReport:
    def test_breaking_changes_come_first_and_wording_last(
        self, run: Callable[..., Ended], checkout: Path
    ) -> None:
        change(checkout, "2.0.0", **BREAKING, put={**COMPATIBLE["put"], **WORDING["put"]})
        report = run("diff").stdout
        titles = [line for line in report.splitlines() if line.startswith("## ")]
        assert titles == ["## Breaks clients", "## New, and breaks nobody", "## Wording"]
        assert "Breaks callers of `delete_task`" in report
        assert "+ What to do." in report

    def test_json_option_prints_json(self, run: Callable[..., Ended], checkout: Path) -> None:
        change(checkout, "1.0.0", **BREAKING)
        ended = run("diff", "--json")
        report = json.loads(ended.stdout)
        assert ended.returncode == 1
        assert (report["ok"], report["bump"]) == (False, "major")
        assert report["changes"][0]["verdict"] == "breaking"
        assert report["changes"][0]["where"].startswith("openapi/released.yaml:")

    def test_change_is_reported_with_its_line(
        self, run: Callable[..., Ended], checkout: Path
    ) -> None:
        contract = checkout / "openapi" / "openapi.yaml"
        contract.write_text(edits.original().replace("default: 1000", "default: 100"))
        line = contract.read_text().splitlines().index("            default: 100") + 1
        assert f"(openapi/openapi.yaml:{line})" in run("diff").stdout

    def test_change_of_a_moved_part_is_reported_with_its_new_line(
        self, run: Callable[..., Ended], checkout: Path
    ) -> None:
        moved = edits.apply({"reverse": ["list_tasks/parameters"]})
        parameters = moved["paths"]["/api/{user_id}/tasks"]["get"]["parameters"]
        parameters[2]["schema"]["type"] = "integer"
        contract = checkout / "openapi" / "openapi.yaml"
        contract.write_text(yaml.safe_dump(moved, sort_keys=False))
        lines = contract.read_text().splitlines()
        line = lines.index("          type: integer", lines.index("      - name: completed"))
        assert f"(openapi/openapi.yaml:{line + 1})" in run("diff").stdout

    def test_part_without_a_line_is_reported_without_a_line(
        self, run: Callable[..., Ended], checkout: Path
    ) -> None:
        change(checkout, "2.0.0", put={"TaskCreate/properties/position": False})
        (line,) = [line for line in run("diff").stdout.splitlines() if line.startswith("- **")]
        assert line == "- **`TaskCreate.position`: `position` is now `null`.**"

    def test_long_wording_change_is_truncated(
        self, run: Callable[..., Ended], checkout: Path
    ) -> None:
        text = "\n".join(["x" * 200, *(f"line {number}" for number in range(2, 30))])
        change(checkout, "1.0.1", put={"delete_task/description": text})
        report = run("diff").stdout
        assert f"  + {'x' * 158}…\n" in report
        assert "  + line 11\n" in report
        assert "line 12" not in report
        # One line is removed and 29 are added.
        assert "  … and 18 more lines\n" in report

    def test_failed_comparison_is_reported_with_the_reason(
        self, run: Callable[..., Ended], checkout: Path
    ) -> None:
        (checkout / "scripts" / "redocly.yaml").write_text("extends: [")
        ended = run("diff")
        assert (ended.returncode, ended.stdout) == (2, "")
        assert "redocly could not compare the contracts" in ended.stderr


class TestBase:
    """The base of the comparison."""

    def test_file_can_be_the_base(self, run: Callable[..., Ended], checkout: Path) -> None:
        (checkout / "other.yaml").write_text(edits.original())
        ended = run("diff", "other.yaml")
        assert (ended.returncode, ended.stderr) == (0, "")
        assert "Nothing changed." in ended.stdout

    def test_git_ref_can_be_the_base(self, run: Callable[..., Ended], checkout: Path) -> None:
        git = ["git", "-c", "user.name=A", "-c", "user.email=a@test", "-C", str(checkout)]
        for command in (["init", "-q"], ["add", "openapi"], ["commit", "-qm", "x"], ["tag", "v1"]):
            subprocess.run([*git, *command], check=True)
        change(checkout, "2.0.0", **BREAKING)
        ended = run("diff", "v1")
        assert (ended.returncode, ended.stderr) == (0, "")
        assert "`v1:openapi/openapi.yaml`" in ended.stdout
        assert "Breaks callers of `delete_task`" in ended.stdout

    def test_base_that_is_neither_file_nor_git_ref_is_rejected(
        self, run: Callable[..., Ended]
    ) -> None:
        ended = run("diff", "nowhere")
        assert (ended.returncode, ended.stdout) == (2, "")
        assert "nowhere is neither a file nor a git ref" in ended.stderr

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("a: [", "is not YAML"),
            ("a: 1", "is not an OpenAPI document"),
            ("- 1", "is not an OpenAPI document"),
            (edits.original().replace("openapi: 3.1.1", "openapi: 3.1.1\npathes: {}"), "pathes"),
            (edits.original().replace("schemas/Health'", "schemas/Gone'"), "schemas/Gone"),
            (edits.original().replace("title: To-do API\n  version", "version"), '"title"'),
        ],
    )
    def test_invalid_contract_is_reported_with_its_name_and_reason(
        self, text: str, message: str
    ) -> None:
        with pytest.raises(contract.ContractError, match=f"(?s)^base.yaml .*{message}"):
            contract.read(text, "base.yaml")

    def test_invalid_contract_is_not_compared(
        self, run: Callable[..., Ended], checkout: Path
    ) -> None:
        (checkout / "openapi" / "openapi.yaml").write_text("a: [")
        ended = run("diff")
        assert (ended.returncode, ended.stdout) == (2, "")
        assert ended.stderr.startswith("openapi/openapi.yaml is not YAML")


class TestRelease:
    def test_release_becomes_the_base_of_comparisons(
        self, run: Callable[..., Ended], checkout: Path
    ) -> None:
        change(checkout, "1.1.0", **COMPATIBLE)
        with (checkout / "CHANGELOG.md").open("a") as log:
            log.write("\n## 1.1.0\n")
        assert "is now 1.1.0" in run("release").stdout
        assert "Nothing changed." in run("diff").stdout

    @pytest.mark.parametrize(
        ("version", "message"),
        [("1.0.0", "set it to 1.1.0"), ("1.1.0", "CHANGELOG.md has no entry for 1.1.0")],
    )
    def test_release_without_version_or_changelog_entry_is_rejected(
        self, run: Callable[..., Ended], checkout: Path, version: str, message: str
    ) -> None:
        change(checkout, version, **COMPATIBLE)
        ended = run("release")
        assert ended.returncode == 1
        assert message in ended.stderr
        assert (checkout / "openapi" / "released.yaml").read_text() == edits.original()


class TestLint:
    def test_contract_passes_lint(self, run: Callable[..., Ended]) -> None:
        assert run("lint-contract").returncode == 0

    @pytest.mark.parametrize(
        ("edit", "message"),
        [
            ({"put": {"Title/examples": [""]}}, "no-invalid-schema-examples"),
            ({"put": {"list_tasks/parameters/1/example": 0}}, "no-invalid-parameter-examples"),
            (
                {"put": {"create_task/responses/201/headers/Location/example": ""}},
                "response header Location",
            ),
            ({"drop": ["get_task/description"]}, "operation-description"),
            ({"put": {"/components/schemas/Unused": {"type": "string"}}}, "no-unused-components"),
            ({"put": {"list_tasks/parameters/1/schema/default": 0}}, "less than the minimum"),
            ({"put": {"get_task/sumary": "Read."}}, "sumary"),
        ],
    )
    def test_lint_names_the_error(
        self, run: Callable[..., Ended], checkout: Path, edit: edits.Edit, message: str
    ) -> None:
        write(checkout, **edit)
        ended = run("lint-contract")
        assert ended.returncode == 1
        assert message in ended.stderr
