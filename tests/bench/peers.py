"""What the services that ours is compared with have in common, so that only their style differs.

Everything that would tilt a comparison is the same for all: pool, garbage collector, tokens.
"""

import gc
import json
import os
import time
from typing import Any, TypeAlias

import asyncpg
from jose import JOSEError, jwk, jwt

from handlers import statements
from handlers.limits import CLOCK_LEEWAY as LEEWAY
from handlers.limits import STATEMENT_TIMEOUT
from handlers.postgres.dsn import connection_arguments
from handlers.postgres.pool import SESSION
from handlers.postgres.statement import Statement

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Values = dict[str, Any]

URL = os.environ.get("DATABASE_URL", "")
CONNECTIONS = int(os.environ.get("DATABASE_CONNECTIONS", "10"))
ORIGIN = os.environ.get("FRONTEND_URL", "")
# The cached mode verifies a token once and then remembers whose it is and until when.
REMEMBERS_TOKENS = os.environ.get("BENCH_TOKENS") == "cached"
MAX_CACHED_TOKENS = 10_000

_KEY = jwk.construct(os.environ.get("BETTER_AUTH_SECRET", "-"), "HS256")
_OPTIONS = {"leeway": LEEWAY, "require_exp": True}

_remembered: dict[str, tuple[str, float]] = {}


class Refused(Exception):
    """The token is not good."""


def user(token: str) -> str:
    """Tell whose token this is. Raises Refused."""
    if not REMEMBERS_TOKENS:
        return _verify(token)[0]
    if token not in _remembered:
        if len(_remembered) >= MAX_CACHED_TOKENS:
            _remembered.clear()
        _remembered[token] = _verify(token)
    name, expires = _remembered[token]
    if expires + LEEWAY < time.time():
        del _remembered[token]
        raise Refused
    return name


def _verify(token: str) -> tuple[str, float]:
    try:
        claims = jwt.decode(token, _KEY, algorithms=["HS256"], options=_OPTIONS)
    except JOSEError as error:
        raise Refused from error
    return claims["sub"], claims["exp"]


async def pool() -> Pool:
    """Open a pool with the settings of handlers.postgres.database.Database.open."""
    opened = await asyncpg.create_pool(
        **connection_arguments(URL),
        min_size=0,
        max_size=CONNECTIONS,
        command_timeout=STATEMENT_TIMEOUT,
        server_settings=SESSION,
        reset=_keep,
    )
    assert opened
    return opened


async def _keep(_: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Leave a connection as it is when it goes back to the pool."""


async def fetch(pool: Pool, statement: Statement, values: Values) -> list[asyncpg.Record]:
    async with pool.acquire() as connection:
        return await connection.fetch(statement.sql, *statement.arguments(values))


async def append(pool: Pool, values: Values) -> asyncpg.Record:
    """Create a task at the end; whoever finds no turn waits for one, as tasks.Tasks does."""
    if rows := await fetch(pool, statements.APPEND, values):
        return rows[0]
    lock, create = statements.LOCK, statements.APPEND
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(lock.sql, *lock.arguments(values))
        row = await connection.fetchrow(create.sql, *create.arguments(values))
        assert row
        return row


def settle() -> None:
    """Set the garbage collector as our service sets its own: see tests.bench.garbage."""
    found = json.loads(os.environ.get("BENCH_GARBAGE", "null"))
    if not found:
        return
    if found["is_frozen"]:
        gc.collect()
        gc.freeze()
    gc.set_threshold(*found["threshold"])
    if not found["is_enabled"]:
        gc.disable()
