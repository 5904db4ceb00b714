"""The command for production, and uvicorn's own command."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support import service
from tests.support.service import SECRET
from tests.support.startup import GOOD, refused

UVICORN = [sys.executable, "-m", "uvicorn", "handlers.app:app", f"--port={service.free_port()}"]


class TestCommand:
    @pytest.mark.parametrize("workers", ["1", "2"])
    def test_invalid_settings_are_reported_once_before_workers_start(self, workers: str) -> None:
        output = refused({}, "--workers", workers)
        assert "Set DATABASE_URL" in output
        assert "process" not in output

    def test_uvicorn_with_invalid_settings_and_one_worker_fails(self) -> None:
        assert "Set DATABASE_URL" in refused({}, command=UVICORN)

    def test_uvicorn_with_invalid_settings_and_several_workers_ends(self) -> None:
        started = subprocess.run(
            [*UVICORN, "--workers=2"],
            cwd=service.ROOT / "tests",
            env=service.environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert 1 <= started.stderr.count("The service cannot start.") <= 2

    @pytest.mark.parametrize("workers", ["1", "2"])
    def test_import_error_of_the_application_ends_the_command(
        self, tmp_path: Path, workers: str
    ) -> None:
        (tmp_path / "sitecustomize.py").write_text(
            "import sys\nsys.modules['handlers.tasks'] = None\n"
        )
        started = subprocess.run(
            [*service.command(service.free_port()), f"--workers={workers}"],
            cwd=tmp_path,
            env=service.environment(**GOOD) | {"PYTHONPATH": f"{tmp_path}:{service.ROOT}"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert started.returncode == 3
        assert "handlers.tasks" in started.stderr

    @pytest.mark.parametrize("workers", ["1", "2"])
    def test_port_in_use_is_reported(self, workers: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = str(server.getsockname()[1])
            output = refused(GOOD, "--workers", workers, "--port", port)
        assert f"Port {port} of 127.0.0.1 is taken: choose another with --port or PORT." in output

    @pytest.mark.parametrize("host", ["192.0.2.1", "nowhere.invalid", "::ffff:192.0.2.1"])
    def test_address_of_another_machine_is_reported(self, host: str) -> None:
        assert f"{host} is not an address of this machine" in refused(GOOD, "--host", host)

    def test_host_and_port_of_the_settings_are_the_defaults(self, unused_port: int) -> None:
        command = [sys.executable, "-m", "handlers.server"]
        with socket.create_server(("127.0.0.2", unused_port)):
            settings = {"HOST": "127.0.0.2", "PORT": str(unused_port)}
            output = refused(GOOD | settings, command=command)
        assert f"Port {unused_port} of 127.0.0.2 is taken" in output

    def test_options_and_variables_of_uvicorn_override_the_defaults(
        self, database_url: str
    ) -> None:
        settings = {"DATABASE_URL": database_url, "BETTER_AUTH_SECRET": SECRET}
        with service.running(**settings, UVICORN_SERVER_HEADER="true") as running:
            assert httpx.get(f"{running.address}/health").headers["server"] == "uvicorn"
        with service.running(**settings) as running:
            assert "server" not in httpx.get(f"{running.address}/health").headers

    def test_killed_worker_is_restarted(self, database_url: str) -> None:
        settings = {"DATABASE_URL": database_url, "BETTER_AUTH_SECRET": SECRET}
        with service.running(**settings, WEB_CONCURRENCY="2") as running:
            supervisor = psutil.Process(running.process.pid)

            def workers() -> set[int]:
                return {each.pid for each in supervisor.children() if service.is_worker(each)}

            killed = min(workers())
            psutil.Process(killed).kill()
            until = time.monotonic() + 60
            while len(workers() - {killed}) < 2:
                assert time.monotonic() < until
                time.sleep(0.1)
            service.wait_until_healthy(running)
            assert running.stop() == 0

    def test_attribute_other_than_app_is_unknown_to_uvicorn(self) -> None:
        started = subprocess.run(
            [sys.executable, "-m", "uvicorn", "handlers.server:other"],
            cwd=service.ROOT / "tests",
            env=service.environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert started.returncode != 0
        assert 'Attribute "other" not found' in started.stderr

    def test_env_file_and_unix_socket_of_uvicorn_are_used(
        self, tmp_path: Path, database_url: str
    ) -> None:
        file, socket_path = tmp_path / "settings", tmp_path / "socket"
        file.write_text(f"DATABASE_URL={database_url}\nBETTER_AUTH_SECRET={SECRET}\n")
        command = [sys.executable, "-m", "handlers.server"]
        process = subprocess.Popen(
            [*command, f"--env-file={file}", f"--uds={socket_path}"],
            cwd=tmp_path,
            env=service.environment(),
        )
        try:
            until = time.monotonic() + service.START_TIMEOUT
            while not socket_path.exists():
                assert time.monotonic() < until
                time.sleep(0.1)
            transport = httpx.HTTPTransport(uds=str(socket_path))
            with httpx.Client(transport=transport, base_url="http://service") as client:
                assert client.get("/health/ready").status_code == 200
        finally:
            process.terminate()
            process.wait(timeout=30)
