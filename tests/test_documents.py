"""Documents say what the code does: settings, limits, commands, paths, links and shown outputs."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from handlers import errors, limits
from handlers.settings import Settings
from scripts.dev import embedded
from tests.support import checkouts, service
from tests.support.service import ROOT

FRONT_DOOR = ROOT / "README.md"
CONTRACT_GUIDE = ROOT / "openapi" / "README.md"
HANDLERS_GUIDE = ROOT / "handlers" / "README.md"
MANUAL = ROOT / "scripts" / "README.md"
ENV_EXAMPLE = ROOT / ".env.example"
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", ".github/*.md", "[a-z]*/README.md", "tests/[a-z]*/README.md")
    for path in ROOT.glob(pattern)
)

FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE_SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
PATH = re.compile(r"\.?[\w-]+(/[\w.-]+)*/?(\.\w+)?")
# What scripts create need not exist.
CREATED = {name.rstrip("/") for name in (ROOT / ".gitignore").read_text().split()}
UNITS = {"": 1, "s": 1, "KiB": limits.KIB, "MiB": limits.MIB}


def prose(document: Path) -> str:
    return FENCED.sub("", document.read_text())


def table(document: Path, first_column: str) -> list[list[str]]:
    """Return the rows of the table that begins with this column."""
    head = f"| {first_column} |"
    _, found, rest = document.read_text().partition(head)
    assert found, f"{document} has no table with the column {first_column}"
    lines = rest.split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def code(cell: str) -> str:
    match = CODE_SPAN.match(cell)
    return match[1] if match else ""


class TestSettings:
    """The table of scripts/README.md, .env.example and the class Settings."""

    DEFAULTS = {
        name.upper(): str(found.default) if found.default not in (None, ()) else ""
        for name, found in Settings.model_fields.items()
        if not found.is_required()
    } | {name.upper(): "" for name, found in Settings.model_fields.items() if found.is_required()}

    def test_table_has_every_setting_with_its_default(self) -> None:
        rows = table(MANUAL, "setting")
        for _, _, default in rows:
            assert code(default) or default.startswith("none"), default
        assert {code(name): code(default) for name, _, default in rows} == self.DEFAULTS

    def test_env_example_has_every_setting_with_its_default(self) -> None:
        shown = dict(re.findall(r"^# ([A-Z_]+)=(.*)$", ENV_EXAMPLE.read_text(), re.MULTILINE))
        assert shown.keys() == self.DEFAULTS.keys()
        assert {name: shown[name] for name, value in self.DEFAULTS.items() if value} == {
            name: value for name, value in self.DEFAULTS.items() if value
        }


class TestLimits:
    def test_table_has_every_limit_with_its_value(self) -> None:
        rows = {code(name): value(text) for name, text, *_ in table(HANDLERS_GUIDE, "limit")}
        names = {name for name in vars(limits) if name.isupper()} - {"KIB", "MIB"}
        assert rows == {name: getattr(limits, name) for name in names}


def value(text: str) -> float:
    """Read a number with its unit, such as 64 KiB."""
    number, _, unit = text.partition(" ")
    return float(number.replace(",", "")) * UNITS[unit]


def test_table_of_error_codes_has_every_error_with_its_status() -> None:
    rows = {(int(status), code(name)) for status, name, *_ in table(HANDLERS_GUIDE, "status")}
    assert rows == {(each.status, each.code) for each in errors.ApiError.__subclasses__()}


def test_table_of_commands_has_every_executable_of_the_scripts_folder() -> None:
    named = {code(command).split()[0] for command, _ in table(MANUAL, "command")}
    files = {path for path in (ROOT / "scripts").iterdir() if path.is_file()}
    assert named == {f"scripts/{path.name}" for path in files if os.access(path, os.X_OK)}


class TestPaths:
    TOP = {path.name for path in ROOT.iterdir()}

    @pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
    def test_every_path_in_the_text_exists(self, document: Path) -> None:
        spans = CODE_SPAN.findall(prose(document))
        commands = re.findall(r"^\$? ?(\.?\w*/\S+)", shell(document), re.MULTILINE)
        words = {span.split()[0] for span in spans} | set(commands)
        missing = {word for word in words if self.is_path(word) and not (ROOT / word).exists()}
        assert not missing

    def is_path(self, word: str) -> bool:
        """Decide by the first folder; a name without a folder is a path if it ends like a file."""
        if not PATH.fullmatch(word) or CREATED & set(word.split("/")):
            return False
        first = word.partition("/")[0]
        return first in self.TOP if "/" in word else word.endswith((".md", ".toml"))

    def test_tree_has_every_entry_of_the_top_folder_and_each_of_its_lines_exists(self) -> None:
        (tree,) = [text for text in fenced(FRONT_DOOR, "text") if "released.yaml" in text]
        top = ""
        listed = set()
        for line in tree.splitlines():
            name = line.split()[0]
            top = top if line.startswith(" ") else name
            path = f"{top}{name}" if line.startswith(" ") else name
            assert (ROOT / path).exists(), path
            assert (ROOT / path).is_dir() == path.endswith("/"), path
            listed.add(top.rstrip("/"))
        assert listed == {name for name in self.TOP - CREATED if not name.startswith(".")}


def fenced(document: Path, language: str) -> list[str]:
    return [text for found, text in FENCED.findall(document.read_text()) if found == language]


def shell(document: Path) -> str:
    return "".join(fenced(document, "sh") + fenced(document, "console"))


class TestLinks:
    @pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
    def test_every_link_leads_to_a_file_and_a_heading(self, document: Path) -> None:
        for link in LINK.findall(prose(document)):
            if "://" in link:
                continue
            file, _, anchor = link.partition("#")
            target = document.parent / file if file else document
            assert target.exists(), link
            assert not anchor or anchor in anchors(target), link

    def test_every_document_is_linked_from_the_front_door(self) -> None:
        links = LINK.findall(prose(FRONT_DOOR))
        linked = {ROOT / link.partition("#")[0] for link in links}
        assert linked == set(DOCUMENTS) - {FRONT_DOOR}


def anchors(document: Path) -> set[str]:
    """Return the anchors that GitHub makes of the headings."""
    headings = HEADING.findall(prose(document))
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


def test_versions_of_npm_packages_are_those_of_the_frontend() -> None:
    manifest = json.loads((ROOT / "tests" / "frontend" / "package.json").read_text())
    locked = manifest["dependencies"] | manifest["devDependencies"]
    named = re.findall(r"([a-z-]+)@(\d+\.\d+\.\d+)", shell(CONTRACT_GUIDE))
    assert named
    assert {name: locked.get(name) for name, _ in named} == dict(named)


@dataclass
class Walk:
    """The change that openapi/README.md describes, made in a copy of the project."""

    checkout: Path
    # What was run: each command with its exit code and its output, which the document shows next.
    done: list[tuple[str, int, str, str]] = field(default_factory=list)

    # An instruction in a sentence, with the text that it is about, or commands with their output.
    STEP = re.compile(
        r"^(?:Before `(?P<before>[^`\n]+)` in|(?P<end>At the end of)) `(?P<file>[^`\n]+)`:\n\n"
        r"```\w+\n(?P<text>.*?)^```$"
        r"|^Below `(?P<below>[^`]+)` in `(?P<in>[^`]+)`, change `(?P<old>[^`]+)` to `(?P<new>[^`]+)`"
        r"|^```console\n(?P<console>.*?)^```$",
        re.MULTILINE | re.DOTALL,
    )

    def follow(self, document: Path) -> None:
        for step in self.STEP.finditer(document.read_text()):
            if step["console"]:
                for command, shown in re.findall(
                    r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", step["console"], re.MULTILINE
                ):
                    code, output = self.run(command)
                    self.done.append((command, code, shown, output))
            elif step["file"]:
                self.insert(step["file"], step["text"], before=step["before"])
            else:
                self.change(step["in"], step["below"], step["old"], step["new"])

    def insert(self, file: str, text: str, *, before: str | None) -> None:
        """Insert a text as a person does: indented as its neighbour, with an empty line between."""
        path = self.checkout / file
        lines = path.read_text().splitlines(keepends=True)
        if before is None:
            lines.append(f"\n\n{text}")
        else:
            at = next(i for i, line in enumerate(lines) if line.strip().startswith(before))
            indent = lines[at].removesuffix(lines[at].lstrip())
            lines.insert(at, textwrap.indent(textwrap.dedent(text), indent) + "\n")
        path.write_text("".join(lines))

    def change(self, file: str, below: str, old: str, new: str) -> None:
        path = self.checkout / file
        head, found, rest = path.read_text().partition(below)
        assert found, f"{file} does not have {below}"
        assert old in rest, f"{file} does not have {old}"
        path.write_text(head + below + rest.replace(old, new, 1))

    def run(self, command: str) -> tuple[int, str]:
        """Run a command in the copy, as typed; what takes long has printed what it waits for."""
        program, *arguments = shlex.split(command)
        done = subprocess.run(
            [*([] if program.endswith("python") else [sys.executable]), program, *arguments],
            cwd=self.checkout,
            env=service.clean_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=180,
        )
        return done.returncode, done.stdout


def is_shown(output: str, shown: str) -> bool:
    """Compare an output with the document, in which … stands for what differs between runs."""
    lines = [
        r"(?:.*\n)*?" if line == "…" else ".*".join(map(re.escape, line.split("…"))) + "\n"
        for line in shown.strip("\n").splitlines()
    ]
    return re.fullmatch("".join(lines), output.strip("\n") + "\n") is not None


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    checkout = checkouts.copy(tmp_path_factory.mktemp("walk") / "todo", "tests")
    # The document begins after a release, whatever is being prepared now.
    contract = checkout / "openapi" / "openapi.yaml"
    contract.write_text(re.sub(r"(?m)^  version: .*$", "  version: 1.0.0", contract.read_text()))
    shutil.copy(contract, checkout / "openapi" / "released.yaml")
    (checkout / "CHANGELOG.md").write_text("# Changelog\n")
    # Node's packages and the cache of mypy save a minute.
    subprocess.run([sys.executable, ROOT / "scripts" / "lint-contract"], check=True)
    (checkout / "scripts" / "node_modules").symlink_to(ROOT / "scripts" / "node_modules")
    if (cache := ROOT / ".mypy_cache").exists():
        shutil.copytree(cache, checkout / ".mypy_cache")
    walked = Walk(checkout)
    walked.run("scripts/generate")
    walked.follow(CONTRACT_GUIDE)
    yield walked
    shutil.rmtree(embedded.home(checkout), ignore_errors=True)


class TestCommands:
    def test_change_step_by_step_has_the_outputs_that_are_shown(self, walk: Walk) -> None:
        assert len(walk.done) >= 10
        for command, _, shown, output in walk.done:
            assert is_shown(output, shown), f"$ {command}\n{output}"

    def test_commands_of_the_front_door_run(self, walk: Walk) -> None:
        succeeded = {command for command, code, *_ in walk.done if not code}
        commands = list(unmarked_commands(FRONT_DOOR))
        assert commands
        for command in commands:
            if command not in succeeded:
                code, output = walk.run(command)
                assert not code, f"$ {command}\n{output}"

    def test_command_that_is_not_run_has_a_reason(self) -> None:
        reasons = re.findall(r"^<!-- not run: (.*) -->\n```sh$", FRONT_DOOR.read_text(), re.M)
        assert len(reasons) == len(fenced(FRONT_DOOR, "sh")) - 1
        assert all(len(reason.split()) > 5 for reason in reasons)

    def test_serve_prints_what_is_shown(self, tmp_path: Path) -> None:
        (shown,) = [text for text in fenced(FRONT_DOOR, "text") if "Ctrl-C" in text]
        checkout = checkouts.copy(tmp_path / "todo")
        try:
            with checkouts.serving(checkout) as (_, said):
                port = re.search(r"127\.0\.0\.1:(\d+)", said)
                assert port
                assert is_shown(said.replace(port[1], "8000"), shown), said
        finally:
            shutil.rmtree(embedded.home(checkout), ignore_errors=True)


def unmarked_commands(document: Path) -> Iterator[str]:
    """Yield the commands of blocks that no comment exempts, without their own comments."""
    marked = r"^<!-- not run: .* -->\n```sh\n.*?^```$"
    text = re.sub(marked, "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
    for language, block in FENCED.findall(text):
        if language == "sh":
            yield from (line.partition("#")[0].strip() for line in block.splitlines())
