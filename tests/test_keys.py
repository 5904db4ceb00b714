"""Key sets of every kind, and tokens that go with them. Better Auth's own: test_better_auth."""

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

from tests import key_set, service, small
from tests.conftest import Json, Person, refusal
from tests.key_set import KeySet, Signer, UnusualSigner

USER = "somebody"
MEBIBYTE = 1024 * 1024
# A hundred mebibytes.
BOMB = gzip.compress(b" " * 100 * MEBIBYTE)
# The service gives up after three seconds.
LONGEST_FETCH = 4


Ask = Callable[[str], httpx.Response]


@contextmanager
def trusting(
    keys: KeySet, database_url: str, app: tuple[str, ...] = service.APP, **settings: str
) -> Iterator[Ask]:
    """Run a service that trusts these keys; gives what asks it for a list with a token."""
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
    with Person(running.address, USER).client as client:

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
    """Make a key, and an entry that says something odd of it."""
    signer = Signer()
    return signer, signer.entry | changes


FOREIGN: dict[str, tuple[Signer, object]] = {
    "for encryption": entry(use="enc"),
    "for another algorithm": entry(alg="ES256"),
    "for an algorithm nobody knows": entry(alg="EdDSA2"),
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


class TestEntries:
    """One set holds good keys and all that a service cannot use, in between."""

    @pytest.fixture(scope="class")
    @classmethod
    def keys(cls) -> Iterator[KeySet]:
        with key_set.serving() as keys:
            keys.hold(
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

    @pytest.fixture(scope="class")
    @classmethod
    def ask(cls, keys: KeySet, database_url: str) -> Iterator[Ask]:
        with trusting(keys, database_url) as ask:
            yield ask

    @pytest.mark.parametrize("signer", [EDWARDS, CURVE, RSA, *BOTH])
    def test_a_good_one_is_used_whatever_stands_beside_it(
        self, ask: Ask, keys: KeySet, signer: Signer
    ) -> None:
        assert ask(signer.token(keys.address)).status_code == 200

    @pytest.mark.parametrize("name", FOREIGN)
    def test_a_foreign_one_is_of_no_use(self, ask: Ask, keys: KeySet, name: str) -> None:
        signer, _ = FOREIGN[name]
        for algorithm in ("EdDSA", "ES256"):
            token = signer.token(keys.address, {"alg": algorithm})
            assert refusal(ask(token)) == REFUSED

    @pytest.mark.parametrize(
        ("signer", "algorithm", "status"),
        [
            (UNTYPED, "EdDSA", 200),
            (UNTYPED, "Ed25519", 200),
            # By another name it is the same.
            (EDWARDS, "Ed25519", 200),
            (EDWARDS, "ES256", 401),
            (RSA, "RS256", 200),
            (RSA, "RS512", 401),
            (RSA, "ES256", 401),
        ],
    )
    def test_one_that_does_not_say_what_it_is_for_is_for_what_its_type_is(
        self, ask: Ask, keys: KeySet, signer: Signer, algorithm: str, status: int
    ) -> None:
        assert ask(signer.token(keys.address, {"alg": algorithm})).status_code == status

    @pytest.mark.parametrize("claim", ["iss", "aud"])
    @pytest.mark.parametrize("said", [None, "", "https://evil.example.com", 5, []])
    def test_a_token_must_say_whom_it_is_from_and_for(
        self, ask: Ask, keys: KeySet, claim: str, said: object
    ) -> None:
        claims: Json = {claim: said}
        assert refusal(ask(EDWARDS.token(keys.address, **claims))) == REFUSED

    def test_a_public_key_is_no_shared_secret(self, ask: Ask, keys: KeySet) -> None:
        for secret in (str(EDWARDS.entry["x"]), "secret"):
            claims = {"sub": USER, "iss": keys.address, "aud": keys.address, "exp": 2**40}
            header = {"kid": EDWARDS.name}
            forged = jws.sign(claims, secret, headers=header, algorithm="HS256")
            assert refusal(ask(forged)) == REFUSED


class TestSets:
    """A set that cannot be read is no fault of the token's."""

    @pytest.fixture(scope="class")
    @classmethod
    def keys(cls) -> Iterator[KeySet]:
        with key_set.serving(EDWARDS) as keys:
            yield keys

    @pytest.fixture(scope="class")
    @classmethod
    def ask(cls, keys: KeySet, database_url: str) -> Iterator[Ask]:
        with trusting(keys, database_url) as ask:
            yield ask

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
    def test_one_that_is_none_is_told_as_an_outage(
        self, ask: Ask, keys: KeySet, status: int, content: bytes
    ) -> None:
        keys.status, keys.content = status, content
        fetches, until = keys.fetches, time.monotonic() + 10
        while keys.fetches == fetches:
            response = ask(EDWARDS.token(keys.address))
            assert refusal(response) == UNAVAILABLE
            # As the answer advises: until then nothing is fetched again.
            time.sleep(int(response.headers["Retry-After"]) / 4)
            assert time.monotonic() < until

    def test_one_that_drips_is_given_up(self, keys: KeySet, database_url: str) -> None:
        with key_set.serving(EDWARDS) as slow, trusting(slow, database_url) as ask:
            slow.drip()
            began = time.monotonic()
            assert refusal(ask(EDWARDS.token(slow.address))) == UNAVAILABLE
            assert time.monotonic() - began < LONGEST_FETCH


class TestLimits:
    """What a key server sends is bounded, whatever it sends."""

    def test_set_of_a_mebibyte_and_a_hundred_keys_is_used(self, database_url: str) -> None:
        with key_set.serving() as keys, trusting(keys, database_url) as ask:
            keys.hold(*[Signer().entry] * 99, EDWARDS.entry)
            keys.content = keys.content.ljust(MEBIBYTE)
            assert ask(EDWARDS.token(keys.address)).status_code == 200

    @pytest.mark.parametrize(
        ("sent", "cause"),
        [
            ({"endless": b" " * 65536}, "larger than 1048576 bytes"),
            ({"is_headless": True}, "RemoteProtocolError"),
            ({"headers": {"Content-Encoding": "gzip"}, "content": BOMB}, "compressed"),
            ({"headers": {"Content-Encoding": "br"}}, "compressed"),
        ],
        ids=["endless", "endless headers", "compressed", "compressed in an unknown way"],
    )
    def test_answer_beyond_the_limit_is_an_outage_and_costs_no_memory(
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
            assert refusal(ask(EDWARDS.token(keys.address))) == UNAVAILABLE
            assert memory().rss - before < 30 * MEBIBYTE
            # Where the cores are busy, the time may be over first.
            assert re.search(f"{cause}|TimeoutError", running.whole_log())

    def test_known_keys_are_used_while_the_answer_is_endless(self, database_url: str) -> None:
        with key_set.serving(EDWARDS) as keys, trusting(keys, database_url) as ask:
            assert ask(EDWARDS.token(keys.address)).status_code == 200
            keys.endless = b" " * 65536
            assert refusal(ask(CURVE.token(keys.address))) == UNAVAILABLE
            assert ask(EDWARDS.token(keys.address)).status_code == 200

    def test_rsa_key_of_unusual_size_is_of_no_use(self, database_url: str) -> None:
        good = UnusualSigner(), UnusualSigner(bits=8192), UnusualSigner(exponent=2**31 + 11)
        bad = UnusualSigner(bits=10240), UnusualSigner(exponent=2**61 - 1)
        with key_set.serving(*good, *bad) as keys, trusting(keys, database_url) as ask:
            assert {ask(signer.token(keys.address)).status_code for signer in good} == {200}
            for signer in bad:
                assert refusal(ask(signer.token(keys.address))) == REFUSED

    def test_outage_is_logged_once_and_again_after_a_recovery(self, database_url: str) -> None:
        with (
            key_set.serving(EDWARDS) as keys,
            started(keys, database_url) as running,
            asking(running) as ask,
        ):
            keys.status, until = 500, time.monotonic() + 20
            while keys.fetches < 3:
                assert refusal(ask(EDWARDS.token(keys.address))) == UNAVAILABLE
                assert time.monotonic() < until
                time.sleep(0.2)
            keys.status = 200
            while ask(EDWARDS.token(keys.address)).status_code == 503:
                assert time.monotonic() < until
                time.sleep(0.2)
            keys.status = 500
            assert refusal(ask(CURVE.token(keys.address))) == UNAVAILABLE
            assert running.whole_log().count("cannot be fetched: ") == 2

    def test_entries_that_cannot_be_used_are_one_line_of_log(self, database_url: str) -> None:
        with (
            key_set.serving() as keys,
            started(keys, database_url) as running,
            asking(running) as ask,
        ):
            keys.hold(*[None] * 90)
            assert refusal(ask(EDWARDS.token(keys.address))) == REFUSED
            log = running.whole_log()
            assert log.count("of the key set cannot be used") == 1
            assert "90 of 90 entries" in log


class TestOutages:
    def test_a_token_that_names_no_key_is_refused_and_nothing_is_fetched_for_it(
        self, database_url: str
    ) -> None:
        with key_set.serving(EDWARDS) as keys, trusting(keys, database_url) as ask:
            keys.status = 500
            names: list[object] = [None, 5, True, ["x"], {}]
            for name in names:
                assert refusal(ask(EDWARDS.token(keys.address, {"kid": name}))) == REFUSED
            assert keys.fetches == 0

    def test_keys_that_are_known_go_on_being_used_for_new_tokens(self, database_url: str) -> None:
        with key_set.serving(EDWARDS) as keys, trusting(keys, database_url) as ask:
            assert ask(EDWARDS.token(keys.address)).status_code == 200
            keys.status = 500
            assert refusal(ask(CURVE.token(keys.address))) == UNAVAILABLE
            assert ask(EDWARDS.token(keys.address)).status_code == 200

    def test_many_requests_meanwhile_fetch_once_a_second(self, database_url: str) -> None:
        with key_set.serving(EDWARDS) as server, trusting(server, database_url) as ask:
            server.status = 500
            began = time.monotonic()
            with ThreadPoolExecutor(8) as pool:
                tokens = [EDWARDS.token(server.address) for _ in range(100)]
                assert {answer.status_code for answer in pool.map(ask, tokens)} == {503}
            seconds = time.monotonic() - began
            assert server.fetches <= 1 + seconds

    def test_nobody_waits_for_a_set_that_drips_but_who_needs_it(self, database_url: str) -> None:
        with (
            key_set.serving(EDWARDS) as keys,
            trusting(keys, database_url) as ask,
            ThreadPoolExecutor() as pool,
        ):
            assert ask(EDWARDS.token(keys.address)).status_code == 200
            keys.drip()
            waiting = pool.submit(ask, CURVE.token(keys.address))
            while keys.fetches < 2:
                time.sleep(0.01)
            assert ask(EDWARDS.token(keys.address)).status_code == 200
            assert not waiting.done()
            assert refusal(waiting.result()) == UNAVAILABLE


class TestRotation:
    def test_a_key_that_left_takes_the_tokens_along_that_were_good(self, database_url: str) -> None:
        with key_set.serving(EDWARDS) as keys, trusting(keys, database_url) as ask:
            remembered = EDWARDS.token(keys.address)
            assert [ask(remembered).status_code for _ in range(2)] == [200, 200]
            keys.hold(CURVE.entry)
            assert ask(CURVE.token(keys.address)).status_code == 200
            assert refusal(ask(remembered)) == REFUSED

    def test_one_made_up_key_asks_once_and_leaves_room_for_a_new_one(
        self, database_url: str
    ) -> None:
        with key_set.serving(EDWARDS) as server, trusting(server, database_url) as ask:
            assert ask(EDWARDS.token(server.address)).status_code == 200
            for _ in range(15):
                made_up = EDWARDS.token(server.address, {"kid": "made up"})
                assert refusal(ask(made_up)) == REFUSED
            assert server.fetches == 2
            server.hold(EDWARDS.entry, CURVE.entry)
            assert ask(CURVE.token(server.address)).status_code == 200

    def test_many_who_need_new_keys_at_once_share_a_fetch(self, database_url: str) -> None:
        signers = [Signer() for _ in range(4)]
        with key_set.serving(*signers) as keys, trusting(keys, database_url) as ask:
            tokens = [signer.token(keys.address) for signer in signers]
            with ThreadPoolExecutor(len(signers)) as pool:
                assert {answer.status_code for answer in pool.map(ask, tokens)} == {200}
            # Who came during the first cannot know whether it began before the key was there.
            assert keys.fetches <= 2

    def test_made_up_keys_fetch_five_times_and_then_every_ten_seconds(
        self, database_url: str
    ) -> None:
        with key_set.serving(EDWARDS) as keys, trusting(keys, database_url) as ask:
            assert ask(EDWARDS.token(keys.address)).status_code == 200
            began = time.monotonic()
            for number in range(60):
                made_up = EDWARDS.token(keys.address, {"kid": f"made up {number}"})
                assert refusal(ask(made_up)) == REFUSED
            # The numbers of the README.
            assert 1 + 5 <= keys.fetches <= 1 + 5 + (time.monotonic() - began) / 10

    def test_new_key_is_found_ten_seconds_after_made_up_ones(self, database_url: str) -> None:
        """Ten seconds of the service's clock, of which each second here has twenty."""
        with (
            key_set.serving(EDWARDS) as keys,
            trusting(keys, database_url, small.APP, TEST_CLOCK="20") as ask,
        ):
            for number in range(30):
                ask(EDWARDS.token(keys.address, {"kid": f"made up {number}"}))
            keys.hold(EDWARDS.entry, CURVE.entry)
            began = time.monotonic()
            while ask(CURVE.token(keys.address)).status_code == 401:
                assert time.monotonic() - began < 3

    def test_key_that_left_is_refused_once_the_set_is_ten_minutes_old(
        self, database_url: str
    ) -> None:
        """Nobody brings a token with a new key, which would have the set fetched."""
        with (
            key_set.serving(EDWARDS) as keys,
            trusting(keys, database_url, small.APP, TEST_CLOCK="300") as ask,
        ):
            assert ask(EDWARDS.token(keys.address)).status_code == 200
            keys.hold(CURVE.entry)
            began = time.monotonic()
            while ask(EDWARDS.token(keys.address)).status_code == 200:
                assert time.monotonic() - began < 10
            assert time.monotonic() - began > 1.5

    def test_set_that_cannot_be_renewed_is_used_for_longer(self, database_url: str) -> None:
        with (
            key_set.serving(EDWARDS) as keys,
            trusting(keys, database_url, small.APP, TEST_CLOCK="600") as ask,
        ):
            assert ask(EDWARDS.token(keys.address)).status_code == 200
            keys.status = 500
            fetches, until = keys.fetches, time.monotonic() + 10
            while keys.fetches < fetches + 2:
                assert ask(EDWARDS.token(keys.address)).status_code == 200
                assert time.monotonic() < until
