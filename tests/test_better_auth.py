"""Tokens of a real Better Auth server."""

import base64
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.frontend import frontend_server
from tests.frontend.frontend_server import Account, FrontendServer
from tests.support import service
from tests.support.users import User, error_of

TIMEOUT = 20


@contextmanager
def trusting(address: str, database_url: str) -> Iterator[str]:
    """Run a service that trusts the Better Auth server at an address. Yield the address of the service."""
    with service.running(DATABASE_URL=database_url, BETTER_AUTH_URL=address) as running:
        yield running.address


@contextmanager
def user_of(address: str, account: Account, token: str | None = None) -> Iterator[User]:
    """Yield a client of the service for an account, with a given or a new token."""
    user = User(address, account.user_id, token or account.token())
    with user.client:
        yield user


@pytest.fixture(scope="module")
def better_auth() -> Iterator[FrontendServer]:
    with frontend_server.running() as running:
        yield running


@pytest.fixture(scope="module")
def address(better_auth: FrontendServer, database_url: str) -> Iterator[str]:
    """The address of a service that trusts `better_auth`."""
    with trusting(better_auth.address, database_url) as running:
        yield running


@pytest.fixture
def account(better_auth: FrontendServer) -> Iterator[Account]:
    with better_auth.sign_up() as signed_up:
        yield signed_up


def header(token: str) -> dict[str, str]:
    part = token.split(".", maxsplit=1)[0]
    found: dict[str, str] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def with_header(token: str, **members: str) -> str:
    """Replace members of the header of a token, so that its signature is invalid."""
    changed = json.dumps(header(token) | members).encode()
    encoded = base64.urlsafe_b64encode(changed).rstrip(b"=").decode()
    return ".".join([encoded, *token.split(".")[1:]])


class TestTokens:
    def test_new_account_has_a_task_list(self, address: str, account: Account) -> None:
        assert header(account.token())["alg"] == "EdDSA"
        with user_of(address, account) as user:
            user.create("Buy milk")
            assert user.titles() == ["Buy milk"]

    @pytest.mark.parametrize("path", ["/", "/api/auth", "/api/auth/"])
    def test_better_auth_url_accepts_the_mount_path(
        self, better_auth: FrontendServer, account: Account, database_url: str, path: str
    ) -> None:
        with (
            trusting(better_auth.address + path, database_url) as address,
            user_of(address, account) as user,
        ):
            assert user.titles() == []

    def test_list_of_another_user_gets_403(
        self, address: str, account: Account, better_auth: FrontendServer
    ) -> None:
        with better_auth.sign_up() as other, user_of(address, account) as user:
            response = user.client.get(f"/api/{other.user_id}/tasks")
        assert error_of(response) == (403, "forbidden", [])

    def test_tampered_token_gets_401(
        self, address: str, account: Account, better_auth: FrontendServer
    ) -> None:
        with better_auth.sign_up() as other:
            head, _, signature = account.token().split(".")
            forged = ".".join([head, other.token().split(".")[1], signature])
            with user_of(address, other, forged) as user:
                assert error_of(user.request("GET")) == (401, "unauthorized", [])

    def test_opaque_token_of_the_bearer_plugin_gets_401(
        self, address: str, account: Account
    ) -> None:
        assert account.session.count(".") == 1
        with user_of(address, account, account.session) as user:
            assert error_of(user.request("GET")) == (401, "unauthorized", [])

    def test_expired_token_gets_401(self, database_url: str) -> None:
        # The service lets clocks differ by thirty seconds.
        with (
            frontend_server.running(TOKEN_LIFETIME="-31s") as short_lived,  # noqa: S106 - a time.
            trusting(short_lived.address, database_url) as address,
            short_lived.sign_up() as account,
            user_of(address, account) as user,
        ):
            assert error_of(user.request("GET")) == (401, "unauthorized", [])

    def test_token_of_another_better_auth_server_gets_401(self, address: str) -> None:
        with (
            frontend_server.running() as elsewhere,
            elsewhere.sign_up() as account,
            user_of(address, account) as user,
        ):
            assert error_of(user.request("GET")) == (401, "unauthorized", [])

    def test_token_for_another_address_of_the_same_server_gets_401(self, database_url: str) -> None:
        """The keys are right, and the issuer and the audience are not."""
        address = frontend_server.free_address()
        with (
            frontend_server.running(address) as server,
            trusting(address.replace("127.0.0.1", "localhost"), database_url) as service_address,
            server.sign_up() as account,
            user_of(service_address, account) as user,
        ):
            assert error_of(user.request("GET")) == (401, "unauthorized", [])
            assert server.key_set_fetches() == 1


class TestKeys:
    @pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
    def test_token_with_an_optional_algorithm_is_accepted(
        self, database_url: str, algorithm: str
    ) -> None:
        with (
            frontend_server.running(KEY_ALGORITHM=algorithm) as server,
            trusting(server.address, database_url) as address,
            server.sign_up() as account,
        ):
            assert header(account.token())["alg"] == algorithm
            with user_of(address, account) as user:
                assert user.titles() == []

    def test_tokens_of_the_new_and_the_old_key_are_accepted_after_rotation(
        self, database_url: str
    ) -> None:
        with (
            frontend_server.running(KEY_SECONDS="1") as server,
            trusting(server.address, database_url) as address,
            server.sign_up() as account,
        ):
            old = account.token()
            with user_of(address, account, old) as user:
                assert user.titles() == []
            new = wait_for_rotation(account, old)
            for token in (new, old):
                with user_of(address, account, token) as user:
                    assert user.titles() == []

    def test_key_set_is_fetched_once_for_many_requests(
        self, address: str, account: Account, better_auth: FrontendServer
    ) -> None:
        with user_of(address, account) as user:
            user.titles()
            before = better_auth.key_set_fetches()
            for _ in range(30):
                user.titles()
        assert better_auth.key_set_fetches() == before

    def test_unknown_key_ids_are_limited_in_fetches(self, database_url: str) -> None:
        with (
            frontend_server.running() as server,
            trusting(server.address, database_url) as address,
            server.sign_up() as account,
            user_of(address, account) as user,
        ):
            user.titles()
            good, began = account.token(), time.monotonic()
            for _ in range(200):
                made_up = with_header(good, kid=secrets.token_hex(8))
                response = user.request("GET", headers={"Authorization": f"Bearer {made_up}"})
                assert error_of(response) == (401, "unauthorized", [])
            # The numbers of the README.
            allowed = 1 + 5 + int((time.monotonic() - began) / 10)
            assert server.key_set_fetches() <= allowed
            assert user.titles() == []

    def test_unreachable_key_set_gets_503(self, database_url: str) -> None:
        with frontend_server.running() as server, server.sign_up() as account:
            token = account.token()
            server.stop()
            with (
                trusting(server.address, database_url) as address,
                user_of(address, account, token) as user,
            ):
                response = user.request("GET")
        assert error_of(response) == (503, "unavailable", [])
        assert int(response.headers["Retry-After"]) >= 1

    def test_known_keys_are_used_while_the_server_is_down(self, database_url: str) -> None:
        with frontend_server.running() as server, server.sign_up() as account:
            token = account.token()
            with (
                trusting(server.address, database_url) as address,
                user_of(address, account, token) as user,
            ):
                assert user.titles() == []
                server.stop()
                assert user.titles() == []

    def test_service_recovers_when_the_key_set_is_reachable_again(self, database_url: str) -> None:
        better_auth_address = frontend_server.free_address()
        with trusting(better_auth_address, database_url) as address:
            unreachable = httpx.get(
                f"{address}/api/somebody/tasks", headers={"Authorization": "Bearer " + UNKNOWN}
            )
            assert error_of(unreachable) == (503, "unavailable", [])
            with (
                frontend_server.running(better_auth_address) as server,
                server.sign_up() as account,
            ):
                assert retry_until_available(address, account)


# A well-formed token of an unknown key.
UNKNOWN = with_header("e30.e30.AAAA", alg="EdDSA", kid="nobody")


def wait_for_rotation(account: Account, old: str) -> str:
    """Request tokens until a token is signed with another key."""
    until = time.monotonic() + TIMEOUT
    while time.monotonic() < until:
        token = account.token()
        if header(token)["kid"] != header(old)["kid"]:
            return token
        time.sleep(0.1)
    raise AssertionError("The key did not rotate.")


def retry_until_available(address: str, account: Account) -> bool:
    """Repeat a request after Retry-After until the answer is not 503."""
    until = time.monotonic() + TIMEOUT
    with user_of(address, account) as user:
        while time.monotonic() < until:
            response = user.request("GET")
            if response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                return response.is_success
            time.sleep(int(response.headers["Retry-After"]))
    return False
