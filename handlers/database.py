"""The way to PostgreSQL: where it is, a pool of connections, and statements compiled once."""

import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, cast
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from asyncpg.transaction import Transaction
from sqlalchemy import ClauseElement
from sqlalchemy.dialects.postgresql import asyncpg as dialect
from sqlalchemy.sql.compiler import SQLCompiler

from handlers import errors

log = logging.getLogger(__name__)

# Seconds; what takes longer is answered with 503.
WAIT_FOR_CONNECTION = 5
WAIT_FOR_STATEMENT = 10

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
LOCAL = (None, "localhost", "127.0.0.1", "::1")

# What PostgreSQL, its driver and the network say when the database cannot be had right now.
AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    # The role or the database is not there, or its password has changed.
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    # What we reached is a standby, for as long as a failover takes.
    asyncpg.ReadOnlySQLTransactionError,
    # PostgreSQL took everything back by itself.
    asyncpg.TransactionRollbackError,
)

DIALECT = dialect.dialect()  # type: ignore[no-untyped-call] # SQLAlchemy left it untyped.

# PostgreSQL counts microseconds from here, in UTC.
EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001 - without a zone its text needs no cutting.


class AddressError(Exception):
    """A database's address cannot be used; the message says why, without repeating it."""


class Statement:
    """A statement as asyncpg takes it: its SQL, and the order of its arguments."""

    def __init__(self, statement: ClauseElement) -> None:
        compiled = cast("SQLCompiler", statement.compile(dialect=DIALECT))
        self.sql = str(compiled)
        self._names = compiled.positiontup or []
        self._constants = compiled.params

    def arguments(self, values: dict[str, Any]) -> list[Any]:
        return [values.get(name, self._constants[name]) for name in self._names]


class Connection:
    """One connection of the pool, for as long as it is held."""

    def __init__(self, connection: "PoolConnectionProxy[asyncpg.Record]") -> None:
        self._connection = connection

    async def fetch(self, statement: Statement, **values: Any) -> list[asyncpg.Record]:
        return await self._connection.fetch(statement.sql, *statement.arguments(values))

    async def fetch_row(self, statement: Statement, **values: Any) -> asyncpg.Record | None:
        return await self._connection.fetchrow(statement.sql, *statement.arguments(values))

    def transaction(self) -> Transaction:
        return self._connection.transaction()


class Database:
    """A pool of connections. Whoever cannot get one, or loses it, raises errors.Unavailable."""

    def __init__(self, url: str, *, is_pooled: bool | None = None, connections: int = 10) -> None:
        self._arguments = connection_arguments(url, is_pooled=is_pooled)
        self._connections = connections

    async def open(self) -> None:
        self._pool = await asyncpg.create_pool(
            **self._arguments,
            # None is kept for its own sake: a database may sleep, and may be away at start.
            min_size=0,
            max_size=self._connections,
            command_timeout=WAIT_FOR_STATEMENT,
            init=_read_times_as_text,
        )

    async def close(self) -> None:
        await self._pool.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        try:
            async with self._pool.acquire(timeout=WAIT_FOR_CONNECTION) as connection:
                yield Connection(connection)
        except AWAY as error:
            log.warning("The database cannot be reached: %s: %s", type(error).__name__, error)
            raise errors.Unavailable("The database cannot be reached. Try again soon.") from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def fetch(self, statement: Statement, **values: Any) -> list[asyncpg.Record]:
        async with self.connection() as connection:
            return await connection.fetch(statement, **values)

    async def fetch_row(self, statement: Statement, **values: Any) -> asyncpg.Record | None:
        async with self.connection() as connection:
            return await connection.fetch_row(statement, **values)


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
    if parts.hostname not in LOCAL and query.get("sslmode") in (
        "require",
        "verify-ca",
        "verify-full",
    ):
        # asyncpg's own `require` would take any certificate.
        del query["sslmode"]
        arguments["ssl"] = _verifying(None if root == "system" else root)
    arguments["dsn"] = urlunsplit(("postgresql", parts.netloc, parts.path, urlencode(query), ""))
    if is_pooled is None:
        is_pooled = "-pooler." in (parts.hostname or "")
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


async def _read_times_as_text(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Let rows hold times as the contract writes them: six fractional digits and a Z."""
    await connection.set_type_codec(
        "timestamptz", schema="pg_catalog", format="tuple", encoder=_never, decoder=_time
    )


def _time(value: tuple[int]) -> str:
    return (EPOCH + timedelta(microseconds=value[0])).isoformat(timespec="microseconds") + "Z"


def _never(_: object) -> tuple[int]:
    raise TypeError("Times come from the database and never go there.")
