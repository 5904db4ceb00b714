"""Migrating a database, for scripts/migrate, scripts/serve and the tests."""

from enum import Enum, auto

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from handlers.postgres.dsn import connection_arguments
from scripts.dev.environment import ROOT


class State(Enum):
    CURRENT = auto()
    BEHIND = auto()
    UNREACHABLE = auto()


def upgrade(url: str) -> None:
    """Bring the database at this address to the newest migration."""
    command.upgrade(configuration(url), "head")


def configuration(url: str) -> Config:
    config = Config(toml_file=ROOT / "pyproject.toml")
    config.attributes["database_url"] = url
    return config


async def state(url: str) -> State:
    """Return whether the database at this address is at the newest migration."""
    newest = ScriptDirectory.from_config(configuration(url)).get_current_head()
    try:
        connection = await asyncpg.connect(**connection_arguments(url))
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return State.UNREACHABLE
    try:
        version = await connection.fetchval("SELECT version_num FROM alembic_version")
    except asyncpg.UndefinedTableError:
        return State.BEHIND
    except asyncpg.InsufficientPrivilegeError:
        # The service's own role need not read it.
        return State.CURRENT
    finally:
        await connection.close()
    return State.CURRENT if version == newest else State.BEHIND
