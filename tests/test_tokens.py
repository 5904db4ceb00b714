"""Tokens of the shared secret. test_better_auth has tests with a real Better Auth server."""

import base64
import json
import time
from collections.abc import Callable, Iterator

import httpx
import psutil
import pytest
from jose import jws

from tests.support import service, small_limits
from tests.support.service import SECRET
from tests.support.users import NewUser, User, error_of, token_for

NOW = int(time.time())
# The tables below are made once, and used whenever a long run gets there.
LATER = NOW + 24 * 3600


def part(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def signed(claims: object, **header: object) -> str:
    """Sign any payload with the right secret, including payloads that a library rejects."""
    body = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    return jws.sign(body, SECRET, headers=header, algorithm="HS256")


def without_signature(algorithm: str) -> str:
    return f"{part({'alg': algorithm})}.{part({'sub': 'mallory', 'exp': LATER})}.AAAA"


def spare_bits_changed() -> str:
    """The same bytes in non-canonical Base64: the last character has two extra bits."""
    token = token_for("mallory")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]


def claims(**changes: object) -> dict[str, object]:
    return {"sub": "mallory", "exp": LATER, **changes}


BAD_TOKENS: dict[str, str | Callable[[], str]] = {
    "another secret": token_for("mallory", secret="x" * 32),
    "expired": token_for("mallory", exp=NOW - 3600),
    "not yet valid": token_for("mallory", nbf=LATER),
    "no exp": token_for("mallory", exp=None),
    "exp is text": signed(claims(exp=str(LATER))),
    "exp is true": signed(claims(exp=True)),
    "exp is a list": signed(claims(exp=[LATER])),
    "exp is null": signed(claims(exp=None)),
    "exp is endless": signed(b'{"sub": "mallory", "exp": Infinity}'),
    "exp is not a number": signed(b'{"sub": "mallory", "exp": NaN}'),
    "exp is huge": signed(f'{{"sub": "mallory", "exp": {10**400}}}'.encode()),
    "exp is just too large": signed(claims(exp=2**53)),
    "nbf is text": signed(claims(nbf="0")),
    "nbf is true": signed(claims(nbf=True)),
    "a critical extension": signed(claims(), crit=["exp"]),
    "no user": signed({"exp": LATER}),
    "only an address": signed({"email": "mallory@example.com", "exp": LATER}),
    "user is a number": signed(claims(sub=5)),
    "user is empty": signed(claims(sub="")),
    "user is null": signed(claims(sub=None)),
    "user is a list": signed(claims(sub=["mallory"])),
    "user is too long": signed(claims(sub="x" * 256)),
    "user has a slash": signed(claims(sub="a/b")),
    "user has a control character": signed(claims(sub="a\x00b")),
    "user has a later control character": signed(claims(sub="a\x85b")),
    "user has a lone surrogate": signed(claims(sub="a\ud800")),
    "a bad sub before a good id": signed({"sub": 5, "id": "mallory", "exp": LATER}),
    "no algorithm": without_signature("none"),
    "an algorithm of no source": without_signature("HS512"),
    "an unknown algorithm": without_signature("PS256"),
    "a key set's algorithm": without_signature("EdDSA"),
    "no claims": signed(["mallory"]),
    "no JSON": signed(b"mallory"),
    "nested deeply": signed(b'{"sub": "mallory", "x": ' + b"[" * 5000 + b"]" * 5000 + b"}"),
    "no token": "garbage",
    "two parts": "opaque.token",
    "four parts": token_for("mallory") + ".x",
    "an empty signature": token_for("mallory").rpartition(".")[0] + ".",
    "padded": token_for("mallory") + "=",
    "spare bits changed": spare_bits_changed,
    "not ASCII": "ä.ö.ü",
}

OPERATIONS = [
    ("GET", "", None),
    ("POST", "", b"{not JSON"),
    ("PUT", "/order", b"[" * 1000),
    ("DELETE", "/no-number", None),
]


class TestInvalidTokens:
    @pytest.mark.parametrize("name", BAD_TOKENS)
    @pytest.mark.parametrize(("method", "path", "body"), OPERATIONS)
    def test_invalid_token_gets_401_before_any_validation(
        self, anonymous: httpx.Client, name: str, method: str, path: str, body: bytes | None
    ) -> None:
        bad = BAD_TOKENS[name]
        token = bad() if callable(bad) else bad
        headers = {b"Authorization": f"Bearer {token}".encode()}
        response = anonymous.request(
            method, f"/api/mallory/tasks{path}?unknown=1", content=body, headers=headers
        )
        assert error_of(response) == (401, "unauthorized", [])
        assert response.headers["WWW-Authenticate"] == "Bearer"

    @pytest.mark.parametrize(
        "header", ["", "Bearer", "Basic YTpi", "Token x.y.z", "Bearer a.b.c d.e.f"]
    )
    def test_header_without_a_bearer_token_gets_401(
        self, anonymous: httpx.Client, header: str
    ) -> None:
        response = anonymous.get("/api/mallory/tasks", headers={"Authorization": header})
        assert error_of(response)[0] == 401

    def test_two_authorization_headers_get_401(self, anonymous: httpx.Client) -> None:
        header = ("Authorization", f"Bearer {token_for('mallory')}")
        response = anonymous.get("/api/mallory/tasks", headers=[header, header])
        assert error_of(response)[0] == 401

    def test_missing_token_gets_a_message_with_the_header_to_send(
        self, anonymous: httpx.Client
    ) -> None:
        response = anonymous.get("/api/mallory/tasks")
        assert "Authorization: Bearer" in response.json()["message"]


class TestValidTokens:
    def test_very_long_token_is_accepted(self, new_user: NewUser) -> None:
        token = signed(claims(sub="user-22", name="x" * 5000))
        user = new_user("user-22", token)
        assert [user.request("GET").status_code for _ in range(2)] == [200, 200]

    @pytest.mark.parametrize(
        "found",
        [
            {"sub": "USER"},
            {"user_id": "USER"},
            {"id": "USER"},
            {"sub": "USER", "user_id": "other", "id": 5},
            {"user_id": "USER", "id": "other"},
        ],
    )
    def test_user_id_is_the_first_present_claim_of_sub_user_id_and_id(
        self, new_user: NewUser, found: dict[str, object]
    ) -> None:
        named = {name: "user-17" if value == "USER" else value for name, value in found.items()}
        user = new_user("user-17", signed({**named, "exp": LATER}))
        assert user.page()["pagination"]["total"] == 0

    @pytest.mark.parametrize(
        "extra",
        [
            {"exp": LATER + 0.5},
            {"iss": "anybody", "aud": "anything"},
            {"iat": NOW, "jti": 5, "at_hash": "x", "email": "a@example.com"},
        ],
    )
    def test_other_claims_are_ignored(self, new_user: NewUser, extra: dict[str, object]) -> None:
        user = new_user("user-18", signed(claims(sub="user-18", **extra)))
        assert user.page()["data"] == []

    @pytest.mark.parametrize(("claim", "seconds"), [("exp", -10), ("nbf", 10)])
    def test_clock_skew_of_30_seconds_is_accepted(
        self, new_user: NewUser, claim: str, seconds: int
    ) -> None:
        token = signed(claims(sub="user-19", **{claim: int(time.time()) + seconds}))
        assert new_user("user-19", token).page()["data"] == []

    def test_cached_token_gets_401_after_expiry(self, new_user: NewUser) -> None:
        nearly_over = int(time.time()) - 28
        user = new_user("user-20", token_for("user-20", exp=nearly_over))
        assert user.page()["data"] == []
        until = time.monotonic() + 10
        while user.request("GET").status_code == 200 and time.monotonic() < until:
            time.sleep(0.1)
        assert error_of(user.request("GET"))[0] == 401

    @pytest.mark.parametrize("scheme", ["bearer", "Bearer", "BEARER", "bEARER"])
    def test_scheme_is_case_insensitive(self, user: User, scheme: str) -> None:
        token = token_for(user.user_id)
        headers = {"Authorization": f"{scheme}  {token}"}
        assert user.request("GET", headers=headers).status_code == 200

    def test_token_cache_uses_bounded_memory(self, database_url: str) -> None:
        """Sixty times the size of the token cache."""
        settings = {"DATABASE_URL": database_url, "BETTER_AUTH_SECRET": SECRET}
        with service.running(small_limits.APP, **settings) as running:
            memory = psutil.Process(running.process.pid).memory_info
            with httpx.Client(base_url=running.address) as client:

                def ask(number: int) -> int:
                    long = token_for("user-23", number=number, name="x" * 2500)
                    headers = {"Authorization": f"Bearer {long}"}
                    return client.get("/api/user-23/tasks/x", headers=headers).status_code

                # The token is good, and no task has this name.
                assert {ask(number % 100) for number in range(300)} == {422}
                before = memory().rss
                assert {ask(number) for number in range(60 * small_limits.MAX_CACHED_TOKENS)} == {
                    422
                }
            assert memory().rss - before < 5 * 2**20


class TestSecretAndKeySet:
    """Tokens of the shared secret may have no issuer or audience."""

    @pytest.fixture(scope="class")
    @classmethod
    def both(cls, database_url: str) -> Iterator[service.Service]:
        settings = {"DATABASE_URL": database_url, "BETTER_AUTH_SECRET": SECRET}
        with service.running(**settings, BETTER_AUTH_URL="https://app.example.com/") as running:
            yield running

    @pytest.mark.parametrize(
        ("extra", "status"),
        [
            ({}, 200),
            ({"iss": "https://app.example.com"}, 200),
            ({"aud": ["other", "https://app.example.com/"]}, 200),
            ({"iss": "https://evil.example.com"}, 401),
            ({"aud": "https://evil.example.com"}, 401),
            ({"aud": []}, 401),
            ({"iss": None}, 401),
            ({"iss": ["https://app.example.com"]}, 401),
        ],
    )
    def test_issuer_and_audience_of_a_secret_token_are_checked_if_present(
        self, both: service.Service, extra: dict[str, object], status: int
    ) -> None:
        user = User(both.address, "user-21", signed(claims(sub="user-21", **extra)))
        with user.client:
            assert user.request("GET").status_code == status


class TestPathOfAnotherUser:
    @pytest.mark.parametrize(
        "path", ["bob", "Alice", "alice%20", "%00", "a%2Fb", "%FF", "%ED%A0%80", "x" * 300, "..%2F"]
    )
    def test_user_id_other_than_that_of_the_token_gets_403(
        self, new_user: NewUser, path: str
    ) -> None:
        alice = new_user("alice")
        for method, rest in (("GET", ""), ("POST", ""), ("PUT", "/order"), ("GET", "/x?y=1")):
            response = alice.client.request(method, f"/api/{path}/tasks{rest}", content=b"{")
            assert error_of(response) == (403, "forbidden", [])
