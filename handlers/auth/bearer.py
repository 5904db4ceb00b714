"""Authentication with bearer tokens (JWT), which python-jose verifies with keys of trusted sources.

Every source is pinned to its own algorithms, which prevents algorithm confusion: the shared secret
to HS256, a key of Better Auth's key set to the algorithm of the key type.
"""

import re
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from jose import JOSEError, jwk, jwt
from jose.backends.base import Key
from jose.utils import base64url_decode, base64url_encode
from pydantic import TypeAdapter, ValidationError

from generated import models
from handlers import errors, limits

# Larger numbers are not exact in every language, and are not plausible times.
MAX_TIME = 2**53
USER_CLAIMS = ("sub", "user_id", "id")

_BEARER = re.compile(rb"bearer +([\w-]+\.[\w-]+\.[\w-]+) *", re.IGNORECASE | re.ASCII)
_USER_ID = TypeAdapter(models.UserId)


class KeySource(Protocol):
    """A trusted issuer of tokens, with the keys for verification."""

    algorithms: frozenset[str]
    # Whether the claims `iss` and `aud` are required.
    requires_audience: bool
    # Incremented when the keys change. Cached tokens of an older revision are verified again.
    revision: int

    async def key(self, header: Mapping[str, Any]) -> Key:
        """Return the key for a token's header. Raises JOSEError if there is no such key."""

    async def close(self) -> None:
        """Release resources at shutdown."""


class SharedSecret:
    """A frontend that signs tokens with a shared secret."""

    algorithms = frozenset({"HS256"})
    requires_audience = False
    revision = 0

    def __init__(self, secret: str) -> None:
        self._key = jwk.construct(secret, "HS256")

    async def key(self, header: Mapping[str, Any]) -> Key:  # noqa: ARG002 - the key is always the same.
        return self._key

    async def close(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class _VerifiedToken:
    """An entry of the token cache. Verification is slower than the rest of a request."""

    user_id: models.UserId
    expires_at: int
    source: KeySource
    revision: int

    def is_valid(self) -> bool:
        return time.time() <= self.expires_at and self.revision == self.source.revision


class Authenticator:
    """Authenticates requests. `issuers` are the accepted values of the claims `iss` and `aud`."""

    def __init__(self, sources: list[KeySource], issuers: Collection[str]) -> None:
        self._sources = {name: source for source in sources for name in source.algorithms}
        self._issuers = issuers
        self._token_cache: dict[bytes, _VerifiedToken] = {}

    async def authenticate(self, authorization: list[bytes]) -> models.UserId:
        """Return the user of the Authorization header. Raises errors.Unauthorized."""
        if not authorization:
            raise errors.Unauthorized
        if len(authorization) == 1:
            cached = self._token_cache.get(authorization[0])
            if cached and cached.is_valid():
                return cached.user_id
        match = _BEARER.fullmatch(authorization[0])
        if len(authorization) > 1 or not match:
            raise errors.Unauthorized("The Authorization header is not one bearer token.")
        verified = await self._verify(match[1].decode())
        self._cache(authorization[0], verified)
        return verified.user_id

    def _cache(self, header: bytes, verified: "_VerifiedToken") -> None:
        if len(header) > limits.MAX_CACHED_TOKEN_LENGTH:
            return
        if len(self._token_cache) >= limits.MAX_CACHED_TOKENS:
            # First in, first out. A token that is still in use is verified and cached again.
            del self._token_cache[next(iter(self._token_cache))]
        self._token_cache[header] = verified

    async def _verify(self, token: str) -> "_VerifiedToken":
        try:
            return await self._decode(token)
        # python-jose does not wrap every error, for example if `exp` is a list.
        except (
            JOSEError,
            ValidationError,
            ValueError,
            TypeError,
            ArithmeticError,
            RecursionError,
        ) as error:
            raise errors.Unauthorized("The token is not valid, or no longer.") from error

    async def _decode(self, token: str) -> "_VerifiedToken":
        _require_canonical(token)
        header = jwt.get_unverified_header(token)
        algorithm = str(header.get("alg"))
        source = self._sources.get(algorithm)
        # RFC 7515: a token with critical extensions must be rejected if they are not supported.
        if source is None or "crit" in header:
            raise JOSEError("No trusted source uses this algorithm.")
        key = await source.key(header)
        claims = jwt.decode(token, key, algorithms=[algorithm], options=_OPTIONS)
        _require_times(claims)
        self._require_audience(claims, requires_audience=source.requires_audience)
        return _VerifiedToken(
            _user_id(claims), int(claims["exp"]) + limits.CLOCK_LEEWAY, source, source.revision
        )

    def _require_audience(self, claims: dict[str, Any], *, requires_audience: bool) -> None:
        if not self._issuers:
            return
        for name in ("iss", "aud"):
            if name not in claims and not requires_audience:
                continue
            claim = claims.get(name)
            values = claim if isinstance(claim, list) and name == "aud" else [claim]
            if not any(str(value).rstrip("/") in self._issuers for value in values):
                raise JOSEError(f"The token's {name} is not accepted.")


_OPTIONS = {
    "leeway": limits.CLOCK_LEEWAY,
    "require_exp": True,
    # See _require_audience: python-jose accepts a token without an audience.
    "verify_aud": False,
    "verify_iss": False,
    # These claims are not used.
    "verify_at_hash": False,
    "verify_jti": False,
    # See _user_id.
    "verify_sub": False,
}


def _require_canonical(token: str) -> None:
    """Reject a token with unused bits that are not zero: a token has a single valid text."""
    for part in token.split("."):
        if base64url_encode(base64url_decode(part.encode())) != part.encode():
            raise JOSEError("The token is not base64url.")


def _require_times(claims: dict[str, Any]) -> None:
    for name in ("exp", "nbf"):
        value = claims.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not value < MAX_TIME:
            raise JOSEError(f"The token's {name} is not a time.")


def _user_id(claims: dict[str, Any]) -> models.UserId:
    present = [claims[name] for name in USER_CLAIMS if name in claims]
    if not present:
        raise JOSEError("The token names no user.")
    return _USER_ID.validate_python(present[0], strict=True)
