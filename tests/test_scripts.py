"""The scripts for development and operation, run as from a terminal."""

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

from scripts.dev import embedded, migration
from tests.support import checkouts, service
from tests.support.checkouts import serving
from tests.support.database import fetch, run
from tests.support.service import ROOT, SECRET
from tests.support.users import User


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Path]:
    """A fresh copy of the project with its dependencies."""
    checkouts.copy(tmp_path)
    yield tmp_path
    shutil.rmtree(embedded.home(tmp_path), ignore_errors=True)


def curl(output: str, *arguments: str) -> str:
    """Run the curl command that scripts/serve printed."""
    line = next(line for line in output.splitlines() if line.startswith("curl "))
    return subprocess.run(
        ["sh", "-c", f'{line} "$@"', "sh", "--silent", *arguments],  # noqa: S607 - the person's own.
        capture_output=True,
        text=True,
        check=True,
    ).stdout


class TestServe:
    def test_printed_commands_work_and_data_is_kept(self, checkout: Path) -> None:
        create = ("--json", '{"title": "Buy milk"}')
        with serving(checkout) as (_, output):
            assert '"title":"Buy milk"' in curl(output, *create)
            address = re.search(r"runs at +(\S+)", output)
            docs = re.search(r"documentation +(\S+)", output)
            assert address
            assert docs
            assert httpx.get(f"{address[1]}/health").is_success
            assert httpx.get(docs[1]).is_success
        with serving(checkout) as (_, output):
            assert '"title":"Buy milk"' in curl(output)

    def test_requests_and_warnings_are_printed_as_plain_lines(self, checkout: Path) -> None:
        with serving(checkout) as (process, output):
            curl(output)
            address = re.search(r"runs at +(\S+)", output)
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

    def test_ctrl_c_leaves_no_process_running(self, checkout: Path) -> None:
        with serving(checkout) as (process, _):
            family = psutil.Process(process.pid).children(recursive=True)
        assert process.returncode == 0
        data = str(embedded.home(checkout))
        left = [found for found in psutil.process_iter(["cmdline"]) if data in str(found.info)]
        assert not left
        assert not [found for found in family if found.is_running()]

    def test_secret_is_generated_once_and_readable_only_by_its_owner(self, checkout: Path) -> None:
        with serving(checkout):
            made = (checkout / ".env").read_text()
        assert (checkout / ".env").stat().st_mode & 0o077 == 0
        with serving(checkout):
            assert (checkout / ".env").read_text() == made

    def test_port_in_use_is_reported_with_the_setting(self, checkout: Path) -> None:
        with serving(checkout) as (_, output):
            address = re.search(r"runs at +(\S+)", output)
            assert address
            port = str(urlsplit(address[1]).port)
            with serving(checkout, PORT=port) as (process, refused):
                assert process.wait(timeout=20) == 1
                assert f"Port {port} is taken: set PORT to another" in refused
            assert httpx.get(f"{address[1]}/health/ready").is_success

    def test_service_on_an_ipv6_address_prints_a_url_that_works(self, checkout: Path) -> None:
        with serving(checkout, HOST="::1") as (_, output):
            assert re.search(r"runs at +http://\[::1\]:\d+\n", output), output
            assert '"data":[]' in curl(output)

    @pytest.mark.parametrize(
        ("settings", "advice"),
        [
            ({"HOST": "192.0.2.1"}, "HOST=192.0.2.1 is not an address of this machine: set HOST"),
            ({"HOST": "no such host"}, "HOST=no such host cannot be resolved"),
            ({"FRONTEND_URL": "*"}, "FRONTEND_URL: must be origins"),
        ],
    )
    def test_invalid_setting_is_reported_before_postgresql_starts(
        self, checkout: Path, settings: dict[str, str], advice: str
    ) -> None:
        with serving(checkout, **settings) as (process, output):
            assert process.wait(timeout=20) == 1
        assert advice in output
        assert "Starting" not in output
        assert "Port" not in output
        assert "Traceback" not in output

    def test_privileged_port_is_reported_to_other_users(self, checkout: Path) -> None:
        checkouts.require_root()
        if int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) <= 80:
            pytest.skip("On this machine every user may use every port.")
        (checkout / ".env").write_text(f"BETTER_AUTH_SECRET={SECRET}\n")
        checkouts.give_away(checkout)
        with serving(checkout, checkouts.AS_NAMELESS, PORT="80") as (process, output):
            assert process.wait(timeout=20) == 1
        assert "Port 80 is for root alone: set PORT to 1024 or above" in output

    def test_scripts_use_the_database_of_the_env_file(
        self, checkout: Path, database_url: str
    ) -> None:
        run(database_url, "CREATE DATABASE filed")
        url = urlsplit(database_url)._replace(path="/filed").geturl()
        (checkout / ".env").write_text(f"DATABASE_URL={url}\n")
        with serving(checkout, DATABASE_URL="") as (_, output):
            assert "Starting PostgreSQL" not in output
            assert "Try it" not in output
            assert "The database is not migrated: run scripts/migrate." in output
        assert checkouts.run(checkout / "scripts" / "migrate").returncode == 0
        done = checkouts.run(checkout / "scripts" / "erase-user", "nobody", DATABASE_URL="")
        assert "0 tasks" in done.stdout
        with serving(checkout) as (_, output):
            assert "Try it" in output
            assert '"data":[]' in curl(output)
        run(database_url, "DROP DATABASE filed")

    def test_configured_database_is_not_migrated(self, checkout: Path, database_url: str) -> None:
        run(database_url, "CREATE DATABASE given")
        given = urlsplit(database_url)._replace(path="/given").geturl()
        with serving(checkout, DATABASE_URL=given) as (_, output):
            assert "Migrating" not in output
            assert '"code":"unavailable"' in curl(output)
            migrate = [sys.executable, str(checkout / "scripts" / "migrate")]
            settings = service.clean_environment() | {"DATABASE_URL": given}
            subprocess.run(migrate, env=settings, check=True)
            assert '"data":[]' in curl(output)
        run(database_url, "DROP DATABASE given")


class TestToken:
    def test_token_of_any_user_id_is_accepted(
        self, checkout: Path, running_service: service.Service
    ) -> None:
        printed = subprocess.run(
            [sys.executable, checkout / "scripts" / "token", "Jörg K."],
            env=service.clean_environment() | {"BETTER_AUTH_SECRET": SECRET},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        user = User(running_service.address, "Jörg K.", printed.strip())
        with user.client:
            assert user.page()["data"] == []


def test_every_script_has_a_docstring() -> None:
    for script in (ROOT / "scripts").iterdir():
        if os.access(script, os.X_OK) and script.is_file():
            assert script.read_text().splitlines()[1].startswith('"""'), script.name


class TestClient:
    def test_contract_that_refers_to_a_missing_file_is_rejected(self, tmp_path: Path) -> None:
        schema = "schema: {$ref: 'missing.yaml#/Schema'}"
        contract = (service.ROOT / "openapi" / "openapi.yaml").read_text()
        own = "schema:\n                $ref: '#/components/schemas/TaskList'"
        assert own in contract
        file = tmp_path / "contract.yaml"
        file.write_text(contract.replace(own, schema))
        output = checkouts.run(service.ROOT / "scripts" / "client", tmp_path / "client", file)
        assert output.returncode == 1
        assert f"No client can be made from {file}: see the message above." in output.stderr
        assert not (tmp_path / "client").exists()


class TestEraseUser:
    def test_all_tasks_of_the_user_are_erased_and_no_others(self, database_url: str) -> None:
        run(database_url, "CREATE DATABASE erased")
        url = urlsplit(database_url)._replace(path="/erased").geturl()
        migration.upgrade(url)
        with service.running(DATABASE_URL=url, BETTER_AUTH_SECRET=service.SECRET) as running:
            erased, other = User(running.address, "gone's; --"), User(running.address)
            with erased.client, other.client:
                for _ in range(3):
                    erased.create()
                other.create()
                assert erase(url, erased.user_id) == "3 tasks are deleted.\n"
                assert erase(url, erased.user_id) == "0 tasks are deleted.\n"
                assert erased.titles() == []
                assert len(other.titles()) == 1
        assert fetch(url, "SELECT user_id FROM task_lists")[0][0] == other.user_id
        run(database_url, "DROP DATABASE erased")

    def test_invalid_database_url_is_reported_without_its_password(self) -> None:
        command = [sys.executable, str(service.ROOT / "scripts" / "erase-user"), "x"]
        settings = service.clean_environment() | {"DATABASE_URL": "mysql://a:hidden@b/c"}
        output = subprocess.run(command, env=settings, capture_output=True, text=True, check=False)
        assert output.returncode == 1
        assert "DATABASE_URL must begin with" in output.stderr
        assert "hidden" not in output.stderr


def erase(url: str, user: str) -> str:
    return subprocess.run(
        [sys.executable, service.ROOT / "scripts" / "erase-user", user],
        env=service.clean_environment() | {"DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
