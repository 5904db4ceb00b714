"""Better Auth's public keys: fetched on demand, cached, and fetched again after a rotation."""

import asyncio
import json
import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jose import JOSEError, jwk
from jose.backends.base import Key
from jose.utils import base64url_decode

from handlers import errors, limits
from handlers.auth import key_server
from handlers.log import Throttle

log = logging.getLogger(__name__)

PATH = "/jwks"

NEVER = float("-inf")

# The algorithms of each key type. RFC 9864 names EdDSA by its curve.
ALGORITHMS = {"OKP": ("EdDSA", "Ed25519"), "EC": ("ES256",), "RSA": ("RS256",)}
CURVES = {"OKP": "Ed25519", "EC": "P-256", "RSA": None}


class UnusableError(Exception):
    """The response of the key server is not a key set, or exceeds a limit."""


# The errors for malformed JSON and malformed base64.
_MALFORMED = (ValueError, RecursionError)


class Ed25519Key(Key):
    """A key type that python-jose does not support, registered as an extension."""

    def __init__(self, key: Mapping[str, str], algorithm: str) -> None:  # noqa: ARG002 - python-jose passes it.
        self._key = Ed25519PublicKey.from_public_bytes(base64url_decode(key["x"].encode()))

    def verify(self, msg: bytes, sig: bytes) -> bool:
        try:
            self._key.verify(sig, msg)
        except InvalidSignature:
            return False
        return True


for name in ALGORITHMS["OKP"]:
    jwk.register_key(name, Ed25519Key)


class KeySet:
    """The key set of a Better Auth server. `address` is the base URL and includes the base path."""

    algorithms = frozenset(name for names in ALGORITHMS.values() for name in names)
    requires_audience = True
    revision = 0

    def __init__(self, address: str) -> None:
        self._address = address + PATH
        self._client = key_server.client(self._address, limits.KEY_FETCH_TIMEOUT)
        self._lock = asyncio.Lock()
        self._keys: dict[tuple[str, str], Key] = {}
        self._content: bytes | None = None
        self._fetches = 0
        self._fetched_at = self._failed_at = NEVER
        self._throttle = Throttle()
        self._renewal: asyncio.Task[None] | None = None
        self._budget, self._budget_at = float(limits.KEY_FETCH_BURST), time.monotonic()
        self._unknown: dict[str, float] = {}

    async def close(self) -> None:
        await self._client.aclose()

    async def key(self, header: Mapping[str, Any]) -> Key:
        """Return the key for a key id and an algorithm. Raises JOSEError or errors.Unavailable."""
        name, algorithm = header.get("kid"), header["alg"]
        if not isinstance(name, str):
            raise JOSEError("The token names no key.")
        if (name, algorithm) not in self._keys:
            await self._fetch_unknown(name)
        elif self._is_outdated() and self._may_retry():
            self._renewal = asyncio.create_task(self._fetch_outdated())
        key = self._keys.get((name, algorithm))
        if key is not None:
            return key
        if self._failed_at > self._fetched_at:
            raise errors.Unavailable("The keys that tokens are signed with cannot be fetched.")
        raise JOSEError("No key has this name.")

    def _is_outdated(self) -> bool:
        """Return whether the set is above KEY_SET_MAX_AGE, and is not being fetched."""
        is_fetching = self._renewal is not None and not self._renewal.done()
        return time.monotonic() - self._fetched_at > limits.KEY_SET_MAX_AGE and not is_fetching

    async def _fetch_outdated(self) -> None:
        """Fetch the set in the background. The old keys remain in use."""
        async with self._lock:
            await self._fetch()

    async def _fetch_unknown(self, name: str) -> None:
        """Fetch the set for an unknown key id."""
        fetches = self._fetches
        async with self._lock:
            # Another request may have fetched the set while this request waited for the lock.
            if fetches == self._fetches and self._may_retry() and self._spend_budget(name):
                await self._fetch()

    def _may_retry(self) -> bool:
        return time.monotonic() - self._failed_at > limits.KEY_FETCH_RETRY_INTERVAL

    def _spend_budget(self, name: str) -> bool:
        now = time.monotonic()
        if self._fetched_at == NEVER:
            return True
        self._unknown = {
            old: at for old, at in self._unknown.items() if now - at < limits.KEY_FETCH_INTERVAL
        }
        self._budget = min(
            limits.KEY_FETCH_BURST,
            self._budget + (now - self._budget_at) / limits.KEY_FETCH_INTERVAL,
        )
        self._budget_at = now
        if name in self._unknown or self._budget < 1:
            return False
        self._budget -= 1
        self._unknown[name] = now
        return True

    async def _fetch(self) -> None:
        self._fetches += 1
        try:
            # httpx's timeout is for a single read: a slow server could send bytes without end.
            async with asyncio.timeout(limits.KEY_FETCH_TIMEOUT):
                content = await self._read()
            if content != self._content:
                self._keys = _keys(content)
                self._content = content
                self.revision += 1
        except (httpx.HTTPError, TimeoutError, UnusableError) as error:
            self._failed_at = time.monotonic()
            message = (
                f"The key set {self._address} cannot be fetched: {type(error).__name__}: {error}"
            )
            self._throttle.warning(log, type(error).__name__, message)
        else:
            self._fetched_at = time.monotonic()
            self._throttle.reset()

    async def _read(self) -> bytes:
        """Return the response's content. A compressed response could expand to any size."""
        headers = {"Accept-Encoding": "identity"}
        async with self._client.stream("GET", self._address, headers=headers) as response:
            response.raise_for_status()
            if response.headers.get("Content-Encoding", "identity") != "identity":
                raise UnusableError(
                    "The response is compressed, although the request excludes compression."
                )
            content = bytearray()
            async for chunk in response.aiter_raw():
                content += chunk
                if len(content) > limits.MAX_KEY_SET:
                    raise UnusableError(f"The response is larger than {limits.MAX_KEY_SET} bytes.")
        return bytes(content)


def _keys(content: bytes) -> dict[tuple[str, str], Key]:
    """Return the keys of a set by key id and algorithm. Raises UnusableError."""
    try:
        found = json.loads(content)["keys"]
    except (LookupError, TypeError, *_MALFORMED) as error:
        raise UnusableError(f"The response is not a key set: {type(error).__name__}") from None
    if not isinstance(found, list):
        raise UnusableError("The response is not a key set: its keys are not a list.")
    if len(found) > limits.MAX_KEYS:
        raise UnusableError(f"The set has {len(found)} keys, more than {limits.MAX_KEYS}.")
    keys: dict[tuple[str, str], Key] = {}
    unusable = []
    for each in found:
        try:
            keys.update(_usable(each))
        except (JOSEError, LookupError, AttributeError, TypeError, *_MALFORMED) as error:
            unusable.append(f"{type(error).__name__}: {error}")
    if unusable:
        log.warning(
            "%s of %s entries of the key set cannot be used, such as: %.200s",
            *(len(unusable), len(found), unusable[0]),
        )
    return keys


def _usable(found: dict[str, Any]) -> Iterator[tuple[tuple[str, str], Key]]:
    """Yield the keys of an entry, by key id and algorithm. Other uses and curves are skipped."""
    kind = found["kty"]
    names = ALGORITHMS[kind]
    if found.get("crv") != CURVES[kind] or found.get("use", "sig") != "sig":
        return
    if kind == "RSA":
        _require_size(found)
    for name in names:
        if found.get("alg", name) in names:
            yield (str(found["kid"]), name), jwk.construct(found, name)


def _require_size(found: dict[str, Any]) -> None:
    """Reject an RSA key that would make verification slow."""
    if len(found["n"]) > limits.MAX_RSA_MODULUS or len(found["e"]) > limits.MAX_RSA_EXPONENT:
        raise ValueError("The modulus or the exponent is too large.")
