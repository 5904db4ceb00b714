"""Connection strings of PostgreSQL, converted to the arguments of asyncpg."""

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
TARGET_SESSION_ATTRS = ("any", "primary", "standby", "read-write", "read-only", "prefer-standby")
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
VERIFYING_MODES = ("require", "verify-ca", "verify-full")
INVALID_URL = (
    " is no address. Percent-encode the special characters of its password, such as %23 for #"
)
LOCAL = ("localhost", "127.0.0.1", "::1")

_SECONDS = re.compile(r"0*[1-9][0-9]{0,4}", re.ASCII)
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)


class DsnError(Exception):
    """A connection string is invalid. The message gives the reason, without the string."""


def connection_arguments(
    url: str, *, is_pooled: bool | None = None, name: str = "DATABASE_URL"
) -> dict[str, Any]:
    """Return the arguments of asyncpg.connect for a connection string.

    A pooler may run a prepared statement of a different client under the same name, so asyncpg's
    statement cache is off behind a pooler. Without `is_pooled`, a pooler is detected by Neon's host
    names. Raises DsnError with a line for each mistake; `name` is the name of the setting.
    """
    parts = _split(url, name)
    query = dict(parse_qsl(parts.query))
    if mistakes := [f"{name}{problem}" for problem in _problems(query)]:
        raise DsnError("\n".join(mistakes))
    # asyncpg does not support channel binding. Verifying the certificate prevents the same attack.
    query.pop("channel_binding", None)
    arguments: dict[str, Any] = {
        "timeout": int(query.pop("connect_timeout", limits.CONNECT_TIMEOUT)),
    }
    root = query.pop("sslrootcert", None)
    host = (parts.hostname or query.get("host", "localhost")).lower()
    is_local = host in LOCAL or host.startswith("/")
    if not is_local and query.get("sslmode") in VERIFYING_MODES:
        # In asyncpg, `require` accepts any certificate.
        del query["sslmode"]
        arguments["ssl"] = _verifying_context(None if root == "system" else root, name)
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
        raise DsnError(f"{name}{INVALID_URL}") from None
    if parts.scheme not in SCHEMES:
        raise DsnError(f"{name} must begin with postgresql:// or postgres://")
    # A password with /, ? or # moves the end of the host into the password, which must stay secret.
    if "@" in parts.path + parts.query or parts.fragment:
        raise DsnError(f"{name}{INVALID_URL}")
    return parts


def _problems(query: dict[str, str]) -> Iterator[str]:
    if unknown := query.keys() - PARAMETERS:
        yield f" has an unknown parameter: {', '.join(sorted(unknown))}"
    if not _SECONDS.fullmatch(query.get("connect_timeout", "1")):
        yield ": connect_timeout must be a number of seconds"
    if not _PORT.fullmatch(query.get("port", "5432")):
        yield ": port must be a number"
    for parameter, allowed in (
        ("sslmode", SSL_MODES),
        ("target_session_attrs", TARGET_SESSION_ATTRS),
    ):
        if query.get(parameter, allowed[0]) not in allowed:
            yield f": {parameter} must be one of {', '.join(allowed)}"


def _verifying_context(root: str | None, name: str) -> ssl.SSLContext:
    if root is None and (problem := certificates.problem()):
        raise DsnError(problem)
    try:
        return ssl.create_default_context(cafile=root)
    except OSError as error:
        raise DsnError(f"{name}: sslrootcert cannot be read: {error}") from None
