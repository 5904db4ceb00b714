"""The frontend of the tests: a page, a real Better Auth server and its accounts."""

import secrets
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from scripts.dev import node

ROOT = Path(__file__).resolve().parent


from tests.support import service  # noqa: E402

START_TIMEOUT = 30
PASSWORD = "a password of eleven"  # noqa: S105 - it opens nothing.


class Account:
    """A new account. `session` is the opaque token of the bearer plugin."""

    def __init__(self, address: str) -> None:
        self.client = httpx.Client(base_url=address, headers={"Origin": address})
        self.email = f"{secrets.token_hex(8)}@example.com"
        answer = self.client.post(
            "/api/auth/sign-up/email",
            json={"name": "Somebody", "email": self.email, "password": PASSWORD},
        ).raise_for_status()
        self.user_id: str = answer.json()["user"]["id"]
        self.session = answer.headers["set-auth-token"]

    def token(self) -> str:
        """Ask for the token that Better Auth issues by default."""
        token: str = self.client.get("/api/auth/token").raise_for_status().json()["token"]
        return token

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.client.close()


class FrontendServer:
    """A running frontend. `log` is its log file, with a line for each request."""

    def __init__(self, process: subprocess.Popen[bytes], address: str, log: Path) -> None:
        self.process = process
        self.address = address
        self.log = log

    def sign_up(self) -> Account:
        return Account(self.address)

    def key_set_fetches(self) -> int:
        return self.log.read_text().splitlines().count("GET /api/auth/jwks")

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)


@contextmanager
def running(address: str | None = None, **settings: str) -> Iterator[FrontendServer]:
    """Run Better Auth and the page at an address, by default on a free port."""
    node.install(ROOT)
    address = address or free_address()
    secret = secrets.token_urlsafe(32)
    given = {"BETTER_AUTH_URL": address, "BETTER_AUTH_SECRET": secret, "BETTER_AUTH_TELEMETRY": "0"}
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [node.NODE, "server.ts"],
                cwd=ROOT,
                env=service.clean_environment() | given | settings,
                stdout=output,
                stderr=output,
            )
        frontend_server = FrontendServer(process, address, log)
        try:
            wait_until_started(frontend_server)
            yield frontend_server
        finally:
            if process.poll() is None:
                frontend_server.stop()


def free_address() -> str:
    return f"http://127.0.0.1:{service.free_port()}"


def wait_until_started(frontend_server: FrontendServer) -> None:
    until = time.monotonic() + START_TIMEOUT
    while time.monotonic() < until and frontend_server.process.poll() is None:
        try:
            if httpx.get(f"{frontend_server.address}/api/auth/ok").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError(f"The frontend did not start:\n{frontend_server.log.read_text()}")
