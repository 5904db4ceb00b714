"""Where PostgreSQL is: connection strings as providers print them, as asyncpg takes them."""

import re
import ssl
from collections.abc import Iterator
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

from handlers import certificates, limits

SCHEMES = ("postgresql", "postgres", "postgresql+asyncpg")
PARAMETERS = {
    *("application_name", "channel_binding", "connect_timeout", "dbname", "host", "options"),
    *("password", "port", "sslmode", "sslrootcert", "target_session_attrs", "user"),
}
SESSIONS = ("any", "primary", "standby", "read-write", "read-only", "prefer-standby")
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
VERIFIED = ("require", "verify-ca", "verify-full")
NO_ADDRESS = (
    " is no address. Percent-encode the special characters of its password, such as %23 for #"
)
LOCAL = ("localhost", "127.0.0.1", "::1")

_SECONDS = re.compile(r"0*[1-9][0-9]{0,4}", re.ASCII)
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)


class DsnError(Exception):
    """A database's address cannot be used; the message says why, without repeating it."""


def connection_arguments(
    url: str, *, is_pooled: bool | None = None, name: str = "DATABASE_URL"
) -> dict[str, Any]:
    """Turn a connection string, as providers print it, into the arguments of asyncpg.connect.

    A pooler that switches connections between transactions (found by Neon's host names unless
    `is_pooled` says) would answer a cached statement with another client's rows, so nothing is
    cached there. Raises DsnError with a line for each mistake; `name` is the setting's.
    """
    parts = _split(url, name)
    query = dict(parse_qsl(parts.query))
    if wrong := [f"{name}{problem}" for problem in _problems(query)]:
        raise DsnError("\n".join(wrong))
    # asyncpg cannot bind channels; verifying the certificate keeps the promise in another way.
    query.pop("channel_binding", None)
    arguments: dict[str, Any] = {
        "timeout": int(query.pop("connect_timeout", limits.CONNECT_TIMEOUT)),
    }
    root = query.pop("sslrootcert", None)
    host = (parts.hostname or query.get("host", "localhost")).lower()
    is_local = host in LOCAL or host.startswith("/")
    if not is_local and query.get("sslmode") in VERIFIED:
        # asyncpg's own `require` would take any certificate.
        del query["sslmode"]
        arguments["ssl"] = _verifying(None if root == "system" else root, name)
    arguments["dsn"] = urlunsplit(("postgresql", parts.netloc, parts.path, urlencode(query), ""))
    if is_pooled is None:
        is_pooled = "-pooler." in host
    if is_pooled:
        arguments["statement_cache_size"] = 0
    return arguments


def _split(url: str, name: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise DsnError(f"{name}{NO_ADDRESS}") from None
    if parts.scheme not in SCHEMES:
        raise DsnError(f"{name} must begin with postgresql:// or postgres://")
    # A password with one of /?# ends the host's part too early, and its rest must not be shown.
    if "@" in parts.path + parts.query or parts.fragment:
        raise DsnError(f"{name}{NO_ADDRESS}")
    return parts


def _problems(query: dict[str, str]) -> Iterator[str]:
    if unknown := query.keys() - PARAMETERS:
        yield f" has an unknown parameter: {', '.join(sorted(unknown))}"
    if not _SECONDS.fullmatch(query.get("connect_timeout", "1")):
        yield ": connect_timeout must be a number of seconds"
    if not _PORT.fullmatch(query.get("port", "5432")):
        yield ": port must be a number"
    for parameter, allowed in (("sslmode", SSL_MODES), ("target_session_attrs", SESSIONS)):
        if query.get(parameter, allowed[0]) not in allowed:
            yield f": {parameter} must be one of {', '.join(allowed)}"


def _verifying(root: str | None, name: str) -> ssl.SSLContext:
    if root is None and (problem := certificates.problem()):
        raise DsnError(problem)
    try:
        return ssl.create_default_context(cafile=root)
    except OSError as error:
        raise DsnError(f"{name}: sslrootcert cannot be read: {error}") from None
