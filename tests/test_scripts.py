"""The commands that a person types, as a person types them."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from scripts.dev import embedded
from tests import checkouts, coverage_map, mutation, service
from tests.checkouts import serving
from tests.conftest import Person, run
from tests.faults import Fault
from tests.mutation import FAULTS
from tests.service import ROOT, SECRET


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Path]:
    """A copy of the project that nobody has started before, but with its dependencies."""
    checkouts.copy(tmp_path)
    yield tmp_path
    shutil.rmtree(embedded.home(tmp_path), ignore_errors=True)


def curl(said: str, *arguments: str) -> str:
    """Run the line that was printed, as a person pastes it."""
    line = next(line for line in said.splitlines() if line.startswith("curl "))
    return subprocess.run(
        ["sh", "-c", f'{line} "$@"', "sh", "--silent", *arguments],  # noqa: S607 - the person's own.
        capture_output=True,
        text=True,
        check=True,
    ).stdout


class TestServe:
    def test_what_it_prints_works_and_its_data_stays(self, checkout: Path) -> None:
        create = ("--json", '{"title": "Buy milk"}')
        with serving(checkout) as (_, said):
            assert '"title":"Buy milk"' in curl(said, *create)
            address = re.search(r"runs at +(\S+)", said)
            docs = re.search(r"documentation +(\S+)", said)
            assert address
            assert docs
            assert httpx.get(f"{address[1]}/health").is_success
            assert httpx.get(docs[1]).is_success
        with serving(checkout) as (_, said):
            assert '"title":"Buy milk"' in curl(said)

    def test_what_goes_on_is_told_in_plain_lines(self, checkout: Path) -> None:
        with serving(checkout) as (process, said):
            curl(said)
            address = re.search(r"runs at +(\S+)", said)
            assert address
            for bad in (b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"y" * 10_000_000):
                target = urlsplit(address[1])
                connection = socket.create_connection((target.hostname, target.port), timeout=5)
                with connection, suppress(OSError):
                    connection.sendall(bad)
                    connection.recv(1)
            assert process.stdout
            process.send_signal(signal.SIGINT)
            asked, odd, large = process.stdout.read().split("\n")[1:4]
        clock = r"\d\d:\d\d:\d\d"
        assert re.fullmatch(rf"{clock} INFO    GET list_tasks 200 in .* ms  \[\w+\]", asked)
        assert re.fullmatch(rf"{clock} WARNING Invalid HTTP request received\.", odd)
        assert re.fullmatch(rf"{clock} WARNING The request line .* are larger than .*", large)

    def test_ctrl_c_leaves_nothing_running(self, checkout: Path) -> None:
        with serving(checkout) as (process, _):
            family = psutil.Process(process.pid).children(recursive=True)
        assert process.returncode == 0
        data = str(embedded.home(checkout))
        left = [found for found in psutil.process_iter(["cmdline"]) if data in str(found.info)]
        assert not left
        assert not [found for found in family if found.is_running()]

    def test_the_secret_is_made_once_and_kept_to_its_owner(self, checkout: Path) -> None:
        with serving(checkout):
            made = (checkout / ".env").read_text()
        assert (checkout / ".env").stat().st_mode & 0o077 == 0
        with serving(checkout):
            assert (checkout / ".env").read_text() == made

    def test_a_port_that_is_taken_is_told_with_what_to_set(self, checkout: Path) -> None:
        with serving(checkout) as (_, said):
            address = re.search(r"runs at +(\S+)", said)
            assert address
            port = str(urlsplit(address[1]).port)
            with serving(checkout, PORT=port) as (process, refused):
                assert process.wait(timeout=20) == 1
                assert f"Port {port} is taken: set PORT to another" in refused
            assert httpx.get(f"{address[1]}/health/ready").is_success

    def test_service_on_an_ipv6_address_prints_a_url_that_works(self, checkout: Path) -> None:
        with serving(checkout, HOST="::1") as (_, said):
            assert re.search(r"runs at +http://\[::1\]:\d+\n", said), said
            assert '"data":[]' in curl(said)

    @pytest.mark.parametrize(
        ("settings", "advice"),
        [
            ({"HOST": "192.0.2.1"}, "HOST=192.0.2.1 is not an address of this machine: set HOST"),
            ({"HOST": "no such host"}, "HOST=no such host cannot be resolved"),
            ({"FRONTEND_URL": "*"}, "FRONTEND_URL: must be origins"),
        ],
    )
    def test_wrong_setting_is_reported_before_anything_is_started(
        self, checkout: Path, settings: dict[str, str], advice: str
    ) -> None:
        with serving(checkout, **settings) as (process, said):
            assert process.wait(timeout=20) == 1
        assert advice in said
        assert "Starting" not in said
        assert "Port" not in said
        assert "Traceback" not in said

    def test_port_of_root_alone_is_reported_to_others(self, checkout: Path) -> None:
        checkouts.require_root()
        if int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) <= 80:
            pytest.skip("On this machine every user may use every port.")
        (checkout / ".env").write_text(f"BETTER_AUTH_SECRET={SECRET}\n")
        checkouts.give_away(checkout)
        with serving(checkout, checkouts.AS_NAMELESS, PORT="80") as (process, said):
            assert process.wait(timeout=20) == 1
        assert "Port 80 is for root alone: set PORT to 1024 or above" in said

    def test_database_in_the_env_file_is_the_one_that_scripts_use(
        self, checkout: Path, database_url: str
    ) -> None:
        run(database_url, "CREATE DATABASE filed")
        url = urlsplit(database_url)._replace(path="/filed").geturl()
        (checkout / ".env").write_text(f"DATABASE_URL={url}\n")
        with serving(checkout, DATABASE_URL="") as (_, said):
            assert "Starting PostgreSQL" not in said
            assert "Try it" not in said
            assert "The database is not migrated: run scripts/migrate." in said
        assert checkouts.run(checkout / "scripts" / "migrate").returncode == 0
        done = checkouts.run(checkout / "scripts" / "erase-user", "nobody", DATABASE_URL="")
        assert "0 tasks" in done.stdout
        with serving(checkout) as (_, said):
            assert "Try it" in said
            assert '"data":[]' in curl(said)
        run(database_url, "DROP DATABASE filed")

    def test_a_database_that_is_given_is_not_migrated(
        self, checkout: Path, database_url: str
    ) -> None:
        run(database_url, "CREATE DATABASE given")
        given = urlsplit(database_url)._replace(path="/given").geturl()
        with serving(checkout, DATABASE_URL=given) as (_, said):
            assert "Migrating" not in said
            assert '"code":"unavailable"' in curl(said)
            migrate = [sys.executable, str(checkout / "scripts" / "migrate")]
            settings = service.clean_environment() | {"DATABASE_URL": given}
            subprocess.run(migrate, env=settings, check=True)
            assert '"data":[]' in curl(said)
        run(database_url, "DROP DATABASE given")


class TestMigrate:
    def migrate(self, checkout: Path, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, checkout / "scripts" / "migrate"],
            env=service.clean_environment() | settings,
            capture_output=True,
            text=True,
            check=False,
        )

    def test_it_says_what_to_set(self, checkout: Path) -> None:
        assert "Set MIGRATION_DATABASE_URL or DATABASE_URL" in self.migrate(checkout).stderr

    def test_it_prefers_the_direct_address_and_may_run_again(
        self, checkout: Path, database_url: str
    ) -> None:
        settings = {"DATABASE_URL": "postgresql://x@127.0.0.1:1/x"}
        for _ in range(2):
            done = self.migrate(checkout, **settings, MIGRATION_DATABASE_URL=database_url)
            assert done.returncode == 0
            assert "newest migration" in done.stdout

    def test_a_database_that_is_away_is_told_in_one_line(self, checkout: Path) -> None:
        address = "postgresql://x:hidden@127.0.0.1:1/x"
        failed = self.migrate(checkout, DATABASE_URL=address)
        assert failed.returncode == 1
        assert "The database cannot be reached" in failed.stderr
        assert "hidden" not in failed.stderr
        assert "Traceback" not in failed.stderr


class TestToken:
    def test_it_prints_a_token_for_any_user(
        self, checkout: Path, running_service: service.Service
    ) -> None:
        printed = subprocess.run(
            [sys.executable, checkout / "scripts" / "token", "Jörg K."],
            env=service.clean_environment() | {"BETTER_AUTH_SECRET": SECRET},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        someone = Person(running_service.address, "Jörg K.", printed.strip())
        with someone.client:
            assert someone.page()["data"] == []


def test_every_script_says_what_it_is_for() -> None:
    for script in (ROOT / "scripts").iterdir():
        if os.access(script, os.X_OK) and script.is_file():
            assert script.read_text().splitlines()[1].startswith('"""'), script.name


class TestMutate:
    def test_every_fault_can_still_be_planted(self) -> None:
        """Where the code has moved on, a fault has to follow: scripts/mutate takes too long to tell."""
        assert not [
            fault.name for fault in FAULTS if fault.old not in (ROOT / fault.file).read_text()
        ]

    def test_every_fault_has_a_name_of_its_own(self) -> None:
        names = [fault.name for fault in FAULTS]
        assert len(set(names)) == len(names)

    def test_every_test_file_can_be_chosen(self) -> None:
        """Without arguments, pytest collects what scripts/test runs."""
        collected = subprocess.run(
            [sys.executable, "-m", "pytest", "--collect-only", "-qq", "--no-header"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        found = re.findall(r"^(tests/.*\.py): \d+$", collected, re.MULTILINE)
        assert coverage_map.files() == sorted(found)

    HINTS = Fault("", "scripts/openapi/diff/keywords.py", "HINTS = {None", "HINTS = {0")

    def test_fault_in_a_constant_is_looked_for_where_it_is_used(self) -> None:
        effect = mutation.Effect.of(self.HINTS)
        assert effect.names == {"HINTS"}
        (line,) = effect.lines[self.HINTS.file]
        assert "<= HINTS" in (ROOT / self.HINTS.file).read_text().splitlines()[line - 1]

    def test_fault_is_given_to_the_tests_that_execute_it(self) -> None:
        file = self.HINTS.file
        (line,) = mutation.Effect.of(self.HINTS).lines[file]
        slow = "tests/test_tasks.py::slow"
        records = {
            "tests/test_tasks.py": coverage_map.Record(
                "", {slow: 5, "tests/test_tasks.py::fast": 1}, {}, {slow: {file: [line, 9999]}}
            ),
            "tests/test_keys.py": coverage_map.Record(
                "", {"tests/test_keys.py::all": 1}, {file: [line]}, {}
            ),
            "tests/test_log.py": coverage_map.Record(
                "", {"tests/test_log.py::none": 1}, {file: [9999]}, {}
            ),
        }
        assert mutation.tests_for(self.HINTS, records) == [slow, "tests/test_keys.py"]
        moved = Fault("", "openapi/openapi.yaml", "3.1.1", "3.1.0")
        assert set(mutation.tests_for(moved, records)) == records.keys()
