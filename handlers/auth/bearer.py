"""Who is asking: bearer tokens, verified with python-jose against the sources that are trusted.

Each source is pinned to its own algorithms, so that a token of one cannot pass for one of the
other: the shared secret to HS256, each key of Better Auth's set to the algorithm of its type.
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

# Larger numbers are not exact in every language, and none of them is a time.
MAX_TIME = 2**53
USER_CLAIMS = ("sub", "user_id", "id")

_BEARER = re.compile(rb"bearer +([\w-]+\.[\w-]+\.[\w-]+) *", re.IGNORECASE | re.ASCII)
_USER = TypeAdapter(models.UserId)


class KeySource(Protocol):
    """Somebody whose tokens are trusted."""

    algorithms: frozenset[str]
    # Whether a token must say that it is from the address and for it.
    requires_audience: bool
    # Changes with the keys; what older ones verified must be verified again.
    revision: int

    async def key(self, header: Mapping[str, Any]) -> Key:
        """Find the key that a token must be signed with. Raises JOSEError where there is none."""

    async def close(self) -> None:
        """Let go of what it holds, at the end of the service."""


class SharedSecret:
    """A frontend that signs tokens with the secret it shares with this service."""

    algorithms = frozenset({"HS256"})
    requires_audience = False
    revision = 0

    def __init__(self, secret: str) -> None:
        self._key = jwk.construct(secret, "HS256")

    async def key(self, header: Mapping[str, Any]) -> Key:  # noqa: ARG002 - one key for all.
        return self._key

    async def close(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class _Verified:
    """A token that was good, and until when: verifying costs more than the rest of a request."""

    user: models.UserId
    until: int
    source: KeySource
    revision: int

    def is_good(self) -> bool:
        return time.time() <= self.until and self.revision == self.source.revision


class Authenticator:
    """Finds the user of a request's token.

    `issuers` are the values that Better Auth's tokens carry as issuer and audience.
    """

    def __init__(self, sources: list[KeySource], issuers: Collection[str]) -> None:
        self._sources = {name: source for source in sources for name in source.algorithms}
        self._issuers = issuers
        self._token_cache: dict[bytes, _Verified] = {}

    async def user(self, authorization: list[bytes]) -> models.UserId:
        """Tell the user of the one Authorization header. Raises errors.Unauthorized."""
        if not authorization:
            raise errors.Unauthorized
        if len(authorization) == 1:
            known = self._token_cache.get(authorization[0])
            if known and known.is_good():
                return known.user
        match = _BEARER.fullmatch(authorization[0])
        if len(authorization) > 1 or not match:
            raise errors.Unauthorized("The Authorization header is not one bearer token.")
        verified = await self._verify(match[1].decode())
        self._cache(authorization[0], verified)
        return verified.user

    def _cache(self, header: bytes, verified: "_Verified") -> None:
        if len(header) > limits.MAX_CACHED_TOKEN_LENGTH:
            return
        if len(self._token_cache) >= limits.MAX_CACHED_TOKENS:
            # The oldest goes; who still uses it has it verified again.
            del self._token_cache[next(iter(self._token_cache))]
        self._token_cache[header] = verified

    async def _verify(self, token: str) -> "_Verified":
        try:
            return await self._trusted(token)
        # python-jose lets the errors of odd claims through, such as `exp` being a list.
        except (
            JOSEError,
            ValidationError,
            ValueError,
            TypeError,
            ArithmeticError,
            RecursionError,
        ) as error:
            raise errors.Unauthorized("The token is not valid, or no longer.") from error

    async def _trusted(self, token: str) -> "_Verified":
        _require_canonical(token)
        header = jwt.get_unverified_header(token)
        algorithm = str(header.get("alg"))
        source = self._sources.get(algorithm)
        # A critical extension must be understood, and none is.
        if source is None or "crit" in header:
            raise JOSEError("No trusted source signs like this.")
        key = await source.key(header)
        claims = jwt.decode(token, key, algorithms=[algorithm], options=_OPTIONS)
        _require_times(claims)
        self._require_audience(claims, requires_audience=source.requires_audience)
        return _Verified(
            _user(claims), int(claims["exp"]) + limits.CLOCK_LEEWAY, source, source.revision
        )

    def _require_audience(self, claims: dict[str, Any], *, requires_audience: bool) -> None:
        if not self._issuers:
            return
        for name in ("iss", "aud"):
            if name not in claims and not requires_audience:
                continue
            found = claims.get(name)
            stated = found if isinstance(found, list) and name == "aud" else [found]
            if not any(str(value).rstrip("/") in self._issuers for value in stated):
                raise JOSEError(f"The token's {name} is somebody else.")


_OPTIONS = {
    "leeway": limits.CLOCK_LEEWAY,
    "require_exp": True,
    # See _require_audience: python-jose takes an absent audience for the right one.
    "verify_aud": False,
    "verify_iss": False,
    # Only the sources' own libraries know what these are for.
    "verify_at_hash": False,
    "verify_jti": False,
    # See _user.
    "verify_sub": False,
}


def _require_canonical(token: str) -> None:
    """Refuse a token whose last bits may be anything: two texts would be one token."""
    for part in token.split("."):
        if base64url_encode(base64url_decode(part.encode())) != part.encode():
            raise JOSEError("The token is not base64url.")


def _require_times(claims: dict[str, Any]) -> None:
    for name in ("exp", "nbf"):
        value = claims.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not value < MAX_TIME:
            raise JOSEError(f"The token's {name} is not a time.")


def _user(claims: dict[str, Any]) -> models.UserId:
    present = [claims[name] for name in USER_CLAIMS if name in claims]
    if not present:
        raise JOSEError("The token names no user.")
    return _USER.validate_python(present[0], strict=True)
