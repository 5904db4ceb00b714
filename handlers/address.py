"""Where PostgreSQL is: connection strings as providers print them, as asyncpg takes them."""

import ssl
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

# Seconds, where the string does not say.
WAIT_FOR_CONNECTION = 4

SCHEMES = ("postgresql", "postgres", "postgresql+asyncpg")
PARAMETERS = {
    *("application_name", "channel_binding", "connect_timeout", "dbname", "host", "options"),
    *("password", "port", "sslmode", "sslrootcert", "target_session_attrs", "user"),
}
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
NO_ADDRESS = (
    "DATABASE_URL is no address. Percent-encode the special characters of its password, "
    "such as %23 for #"
)
LOCAL = ("localhost", "127.0.0.1", "::1")


class AddressError(Exception):
    """A database's address cannot be used; the message says why, without repeating it."""


def connection_arguments(url: str, *, is_pooled: bool | None = None) -> dict[str, Any]:
    """Turn a connection string, as providers print it, into the arguments of asyncpg.connect.

    A pooler that switches connections between transactions (found by Neon's host names unless
    `is_pooled` says) would answer a cached statement with another client's rows, so nothing is
    cached there.
    """
    parts = _split(url)
    query = dict(parse_qsl(parts.query))
    if unknown := query.keys() - PARAMETERS:
        raise AddressError(f"DATABASE_URL has an unknown parameter: {', '.join(sorted(unknown))}")
    # asyncpg cannot bind channels; verifying the certificate keeps the promise in another way.
    query.pop("channel_binding", None)
    timeout = query.pop("connect_timeout", str(WAIT_FOR_CONNECTION))
    if not timeout.isdigit() or not int(timeout):
        raise AddressError("DATABASE_URL: connect_timeout must be a number of seconds")
    if query.get("sslmode", "prefer") not in SSL_MODES:
        raise AddressError(f"DATABASE_URL: sslmode must be one of {', '.join(SSL_MODES)}")
    arguments: dict[str, Any] = {"timeout": int(timeout)}
    root = query.pop("sslrootcert", None)
    host = (parts.hostname or query.get("host", "localhost")).lower()
    is_local = host in LOCAL or host.startswith("/")
    if not is_local and query.get("sslmode") in ("require", "verify-ca", "verify-full"):
        # asyncpg's own `require` would take any certificate.
        del query["sslmode"]
        arguments["ssl"] = _verifying(None if root == "system" else root)
    arguments["dsn"] = urlunsplit(("postgresql", parts.netloc, parts.path, urlencode(query), ""))
    if is_pooled is None:
        is_pooled = "-pooler." in host
    if is_pooled:
        arguments["statement_cache_size"] = 0
    return arguments


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise AddressError(NO_ADDRESS) from None
    if parts.scheme not in SCHEMES:
        raise AddressError("DATABASE_URL must begin with postgresql:// or postgres://")
    # A password with one of /?# ends the host's part too early, and its rest must not be shown.
    if "@" in parts.path + parts.query or parts.fragment:
        raise AddressError(NO_ADDRESS)
    return parts


def _verifying(root: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=root)
    except OSError as error:
        raise AddressError(f"DATABASE_URL: sslrootcert cannot be read: {error}") from None
