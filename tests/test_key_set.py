"""Key sets of every kind and their tokens. test_better_auth has tests with a real Better Auth."""

import gzip
import json
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import psutil
import pytest
from jose import jws

from tests.support import key_set, service, small_limits
from tests.support.key_set import KeySet, Signer, UnusualSigner
from tests.support.users import Json, User, error_of

USER = "somebody"
MEBIBYTE = 1024 * 1024
# A hundred mebibytes.
BOMB = gzip.compress(b" " * 100 * MEBIBYTE)
# The fetch timeout of the service is three seconds.
MAX_FETCH_SECONDS = 4


Ask = Callable[[str], httpx.Response]


@contextmanager
def trusting(
    keys: KeySet, database_url: str, app: tuple[str, ...] = service.APP, **settings: str
) -> Iterator[Ask]:
    """Run a service that trusts a key set. Yield a function that requests a list with a token."""
    with started(keys, database_url, app, **settings) as running, asking(running) as ask:
        yield ask


@contextmanager
def started(
    keys: KeySet, database_url: str, app: tuple[str, ...] = service.APP, **settings: str
) -> Iterator[service.Service]:
    given = settings | {"DATABASE_URL": database_url, "BETTER_AUTH_URL": keys.address}
    with service.running(app, **given) as running:
        yield running


@contextmanager
def asking(running: service.Service) -> Iterator[Ask]:
    with User(running.address, USER).client as client:

        def ask(token: str) -> httpx.Response:
            return client.get(f"/api/{USER}/tasks", headers={"Authorization": f"Bearer {token}"})

        yield ask


REFUSED: tuple[int, str, list[str]] = (401, "unauthorized", [])
UNAVAILABLE: tuple[int, str, list[str]] = (503, "unavailable", [])

EDWARDS, CURVE, RSA = Signer(), Signer("ES256"), Signer("RS256")
UNTYPED = Signer()
BOTH = Signer("EdDSA", "both"), Signer("ES256", "both")


def without(entry: Json, name: str) -> Json:
    return {member: value for member, value in entry.items() if member != name}


def entry(**changes: object) -> tuple[Signer, Json]:
    """Return a key and an entry with changed members."""
    signer = Signer()
    return signer, signer.entry | changes


FOREIGN: dict[str, tuple[Signer, object]] = {
    "for encryption": entry(use="enc"),
    "for another algorithm": entry(alg="ES256"),
    "for an unknown algorithm": entry(alg="EdDSA2"),
    "on another curve": entry(crv="X25519"),
    "on no curve": entry(crv=None),
    "of an unknown type": entry(kty="AKP"),
    "of a list of types": entry(kty=["OKP"]),
    "too short": entry(x="AAAA"),
    "a number": entry(x=5),
    "no base64": entry(x="\u00e4"),
    "none at all": entry(x=None),
    "a shared secret": entry(kty="oct", k="c2VjcmV0", alg="HS256"),
}


@pytest.fixture(scope="class")
def ask(keys: KeySet, database_url: str) -> Iterator[Ask]:
    """Send requests to a service that trusts the key set of the test class."""
    with trusting(keys, database_url) as ask:
        yield ask


class TestEntries:
    """A key set with valid entries between unusable entries."""

    @pytest.fixture(scope="class")
    @classmethod
    def keys(cls) -> Iterator[KeySet]:
        with key_set.serving() as keys:
            keys.set_entries(
                EDWARDS.entry,
                *(entry for _, entry in FOREIGN.values()),
                *(None, 5, "key", [], {}, without(Signer().entry, "kid")),
                {**CURVE.entry, "use": "sig"},
                {"kty": "EC", "crv": "P-256", "kid": "off the curve", "x": "AAAA", "y": "AAAA"},
                without(Signer("ES256").entry, "y"),
                {"kty": "RSA", "kid": "empty", "n": "", "e": ""},
                without(RSA.entry, "alg"),
                without(UNTYPED.entry, "alg"),
                *(signer.entry for signer in BOTH),
            )
            yield keys

    @pytest.mark.parametrize("signer", [EDWARDS, CURVE, RSA, *BOTH])
    def test_valid_entry_is_used_beside_invalid_entries(
        self, ask: Ask, keys: KeySet, signer: Signer
    ) -> None:
        assert ask(signer.token(keys.address)).status_code == 200

    @pytest.mark.parametrize("name", FOREIGN)
    def test_token_of_an_unusable_entry_gets_401(self, ask: Ask, keys: KeySet, name: str) -> None:
        signer, _ = FOREIGN[name]
        for algorithm in ("EdDSA", "ES256"):
            token = signer.token(keys.address, {"alg": algorithm})
            assert error_of(ask(token)) == REFUSED

    @pytest.mark.parametrize(
        ("signer", "algorithm", "status"),
        [
            (UNTYPED, "EdDSA", 200),
            (UNTYPED, "Ed25519", 200),
            # Ed25519 is another name of EdDSA.
            (EDWARDS, "Ed25519", 200),
            (EDWARDS, "ES256", 401),
            (RSA, "RS256", 200),
            (RSA, "RS512", 401),
            (RSA, "ES256", 401),
        ],
    )
    def test_entry_without_alg_accepts_the_algorithms_of_its_key_type(
        self, ask: Ask, keys: KeySet, signer: Signer, algorithm: str, status: int
    ) -> None:
        assert ask(signer.token(keys.address, {"alg": algorithm})).status_code == status

    @pytest.mark.parametrize("claim", ["iss", "aud"])
    @pytest.mark.parametrize("value", [None, "", "https://evil.example.com", 5, []])
    def test_token_with_wrong_issuer_or_audience_gets_401(
        self, ask: Ask, keys: KeySet, claim: str, value: object
    ) -> None:
        claims: Json = {claim: value}
        assert error_of(ask(EDWARDS.token(keys.address, **claims))) == REFUSED

    def test_token_signed_with_a_public_key_as_secret_gets_401(
        self, ask: Ask, keys: KeySet
    ) -> None:
        for secret in (str(EDWARDS.entry["x"]), "secret"):
            claims = {"sub": USER, "iss": keys.address, "aud": keys.address, "exp": 2**40}
            header = {"kid": EDWARDS.name}
            forged = jws.sign(claims, secret, headers=header, algorithm="HS256")
            assert error_of(ask(forged)) == REFUSED


class TestSets:
    """An unreadable key set is an outage, and the token may be valid."""

    @pytest.fixture(scope="class")
    @classmethod
    def keys(cls) -> Iterator[KeySet]:
        with key_set.serving(EDWARDS) as keys:
            yield keys

    @pytest.mark.parametrize(
        ("status", "content"),
        [
            (500, b'{"keys": []}'),
            (404, b'{"keys": []}'),
            (302, b'{"keys": []}'),
            (200, b""),
            (200, b"<html>"),
            (200, b"\xff"),
            (200, b"null"),
            (200, b"[]"),
            (200, b"{}"),
            (200, b'{"keys": null}'),
            (200, b'{"keys": 5}'),
            (200, b"[" * 100_000),
            (200, b'{"keys": ' + b"1" * 5_000 + b"}"),
            (200, json.dumps({"keys": [EDWARDS.entry] * 101}).encode()),
            (200, json.dumps({"keys": [EDWARDS.entry]}).encode().ljust(MEBIBYTE + 1)),
        ],
    )
    def test_invalid_key_set_gets_503(
        self, ask: Ask, keys: KeySet, status: int, content: bytes
    ) -> None:
        keys.status, keys.content = status, content
        fetches, until = keys.fetches, time.monotonic() + 10
        while keys.fetches == fetches:
            response = ask(EDWARDS.token(keys.address))
            assert error_of(response) == UNAVAILABLE
            # Until Retry-After is over, the key set is not fetched again.
            time.sleep(int(response.headers["Retry-After"]) / 4)
            assert time.monotonic() < until

    def test_slow_key_set_gets_503_within_the_timeout(
        self, keys: KeySet, database_url: str
    ) -> None:
        with key_set.serving(EDWARDS) as slow, trusting(slow, database_url) as ask:
            slow.send_slowly()
            began = time.monotonic()
            assert error_of(ask(EDWARDS.token(slow.address))) == UNAVAILABLE
            assert time.monotonic() - began < MAX_FETCH_SECONDS


class TestLimits:
    """Limits for the answers of a key server."""

    def test_key_set_at_the_limits_of_size_and_keys_is_used(self, database_url: str) -> None:
        with key_set.serving() as keys, trusting(keys, database_url) as ask:
            keys.set_entries(*[Signer().entry] * 99, EDWARDS.entry)
            keys.content = keys.content.ljust(MEBIBYTE)
            assert ask(EDWARDS.token(keys.address)).status_code == 200

    @pytest.mark.parametrize(
        ("sent", "cause"),
        [
            ({"endless": b" " * 65536}, "larger than 1048576 bytes"),
            ({"has_endless_headers": True}, "RemoteProtocolError"),
            ({"headers": {"Content-Encoding": "gzip"}, "content": BOMB}, "compressed"),
            ({"headers": {"Content-Encoding": "br"}}, "compressed"),
        ],
        ids=["endless", "endless headers", "compressed", "compressed in an unknown way"],
    )
    def test_key_set_beyond_the_limits_gets_503_and_uses_little_memory(
        self, database_url: str, sent: dict[str, Any], cause: str
    ) -> None:
        with (
            key_set.serving(EDWARDS) as keys,
            started(keys, database_url) as running,
            asking(running) as ask,
        ):
            memory = psutil.Process(running.process.pid).memory_info
            before = memory().rss
            vars(keys).update(sent)
            assert error_of(ask(EDWARDS.token(keys.address))) == UNAVAILABLE
            assert memory().rss - before < 30 * MEBIBYTE
            # On a busy machine the timeout may be over first.
            assert re.search(f"{cause}|TimeoutError", running.whole_log())

    def test_known_keys_are_used_while_the_key_set_is_endless(self, database_url: str) -> None:
        with key_set.serving(EDWARDS) as keys, trusting(keys, database_url) as ask:
            assert ask(EDWARDS.token(keys.address)).status_code == 200
            keys.endless = b" " * 65536
            assert error_of(ask(CURVE.token(keys.address))) == UNAVAILABLE
            assert ask(EDWARDS.token(keys.address)).status_code == 200

    def test_rsa_key_beyond_the_size_limits_gets_401(self, database_url: str) -> None:
        good = UnusualSigner(), UnusualSigner(bits=8192), UnusualSigner(exponent=2**31 + 11)
        bad = UnusualSigner(bits=10240), UnusualSigner(exponent=2**61 - 1)
        with key_set.serving(*good, *bad) as keys, trusting(keys, database_url) as ask:
            assert {ask(signer.token(keys.address)).status_code for signer in good} == {200}
            for signer in bad:
                assert error_of(ask(signer.token(keys.address))) == REFUSED

    def test_outage_is_logged_once_and_again_after_recovery(self, database_url: str) -> None:
        with (
            key_set.serving(EDWARDS) as keys,
            started(keys, database_url) as running,
            asking(running) as ask,
        ):
            keys.status, until = 500, time.monotonic() + 20
            while keys.fetches < 3:
                assert error_of(ask(EDWARDS.token(keys.address))) == UNAVAILABLE
                assert time.monotonic() < until
                time.sleep(0.2)
            keys.status = 200
            while ask(EDWARDS.token(keys.address)).status_code == 503:
                assert time.monotonic() < until
                time.sleep(0.2)
            keys.status = 500
            assert error_of(ask(CURVE.token(keys.address))) == UNAVAILABLE
            assert running.whole_log().count("cannot be fetched: ") == 2

    def test_unusable_entries_are_logged_in_one_line(self, database_url: str) -> None:
        with (
            key_set.serving() as keys,
            started(keys, database_url) as running,
            asking(running) as ask,
        ):
            keys.set_entries(*[None] * 90)
            assert error_of(ask(EDWARDS.token(keys.address))) == REFUSED
            log = running.whole_log()
            assert log.count("of the key set cannot be used") == 1
            assert "90 of 90 entries" in log


class TestOutages:
    def test_token_without_a_key_id_gets_401_without_a_fetch(self, database_url: str) -> None:
        with key_set.serving(EDWARDS) as keys, trusting(keys, database_url) as ask:
            keys.status = 500
            names: list[object] = [None, 5, True, ["x"], {}]
            for name in names:
                assert error_of(ask(EDWARDS.token(keys.address, {"kid": name}))) == REFUSED
            assert keys.fetches == 0

    def test_known_keys_are_used_for_new_tokens_during_an_outage(self, database_url: str) -> None:
        with key_set.serving(EDWARDS) as keys, trusting(keys, database_url) as ask:
            assert ask(EDWARDS.token(keys.address)).status_code == 200
            keys.status = 500
            assert error_of(ask(CURVE.token(keys.address))) == UNAVAILABLE
            assert ask(EDWARDS.token(keys.address)).status_code == 200

    def test_many_requests_during_an_outage_fetch_once_a_second(self, database_url: str) -> None:
        with key_set.serving(EDWARDS) as server, trusting(server, database_url) as ask:
            server.status = 500
            began = time.monotonic()
            with ThreadPoolExecutor(8) as pool:
                tokens = [EDWARDS.token(server.address) for _ in range(100)]
                assert {answer.status_code for answer in pool.map(ask, tokens)} == {503}
            seconds = time.monotonic() - began
            assert server.fetches <= 1 + seconds

    def test_slow_fetch_delays_only_requests_with_unknown_keys(self, database_url: str) -> None:
        with (
            key_set.serving(EDWARDS) as keys,
            trusting(keys, database_url) as ask,
            ThreadPoolExecutor() as pool,
        ):
            assert ask(EDWARDS.token(keys.address)).status_code == 200
            keys.send_slowly()
            waiting = pool.submit(ask, CURVE.token(keys.address))
            while keys.fetches < 2:
                time.sleep(0.01)
            assert ask(EDWARDS.token(keys.address)).status_code == 200
            assert not waiting.done()
            assert error_of(waiting.result()) == UNAVAILABLE


class TestRotation:
    def test_cached_token_of_a_removed_key_gets_401(self, database_url: str) -> None:
        with key_set.serving(EDWARDS) as keys, trusting(keys, database_url) as ask:
            remembered = EDWARDS.token(keys.address)
            assert [ask(remembered).status_code for _ in range(2)] == [200, 200]
            keys.set_entries(CURVE.entry)
            assert ask(CURVE.token(keys.address)).status_code == 200
            assert error_of(ask(remembered)) == REFUSED

    def test_unknown_key_is_fetched_for_once_and_a_new_key_is_found(
        self, database_url: str
    ) -> None:
        with key_set.serving(EDWARDS) as server, trusting(server, database_url) as ask:
            assert ask(EDWARDS.token(server.address)).status_code == 200
            for _ in range(15):
                made_up = EDWARDS.token(server.address, {"kid": "made up"})
                assert error_of(ask(made_up)) == REFUSED
            assert server.fetches == 2
            server.set_entries(EDWARDS.entry, CURVE.entry)
            assert ask(CURVE.token(server.address)).status_code == 200

    def test_concurrent_requests_with_new_keys_share_a_fetch(self, database_url: str) -> None:
        signers = [Signer() for _ in range(4)]
        with key_set.serving(*signers) as keys, trusting(keys, database_url) as ask:
            tokens = [signer.token(keys.address) for signer in signers]
            with ThreadPoolExecutor(len(signers)) as pool:
                assert {answer.status_code for answer in pool.map(ask, tokens)} == {200}
            # A request during the first fetch needs a second fetch: its key may be newer.
            assert keys.fetches <= 2

    def test_unknown_keys_fetch_five_times_and_then_every_ten_seconds(
        self, database_url: str
    ) -> None:
        with key_set.serving(EDWARDS) as keys, trusting(keys, database_url) as ask:
            assert ask(EDWARDS.token(keys.address)).status_code == 200
            began = time.monotonic()
            for number in range(60):
                made_up = EDWARDS.token(keys.address, {"kid": f"made up {number}"})
                assert error_of(ask(made_up)) == REFUSED
            # The numbers of the README.
            assert 1 + 5 <= keys.fetches <= 1 + 5 + (time.monotonic() - began) / 10

    def test_new_key_is_found_ten_seconds_after_unknown_keys(self, database_url: str) -> None:
        """The clock of the service is 20 times as fast."""
        with (
            key_set.serving(EDWARDS) as keys,
            trusting(keys, database_url, small_limits.APP, TEST_CLOCK="20") as ask,
        ):
            for number in range(30):
                ask(EDWARDS.token(keys.address, {"kid": f"made up {number}"}))
            keys.set_entries(EDWARDS.entry, CURVE.entry)
            began = time.monotonic()
            while ask(CURVE.token(keys.address)).status_code == 401:
                assert time.monotonic() - began < 3

    def test_removed_key_gets_401_after_ten_minutes(self, database_url: str) -> None:
        """No token with a new key causes a fetch."""
        with (
            key_set.serving(EDWARDS) as keys,
            trusting(keys, database_url, small_limits.APP, TEST_CLOCK="300") as ask,
        ):
            assert ask(EDWARDS.token(keys.address)).status_code == 200
            keys.set_entries(CURVE.entry)
            began = time.monotonic()
            while ask(EDWARDS.token(keys.address)).status_code == 200:
                assert time.monotonic() - began < 10
            assert time.monotonic() - began > 1.5

    def test_expired_key_set_is_used_while_a_fetch_fails(self, database_url: str) -> None:
        with (
            key_set.serving(EDWARDS) as keys,
            trusting(keys, database_url, small_limits.APP, TEST_CLOCK="600") as ask,
        ):
            assert ask(EDWARDS.token(keys.address)).status_code == 200
            keys.status = 500
            fetches, until = keys.fetches, time.monotonic() + 10
            while keys.fetches < fetches + 2:
                assert ask(EDWARDS.token(keys.address)).status_code == 200
                assert time.monotonic() < until
