"""The privileges that the service needs, and its answers to a role without them."""

import asyncio
from collections.abc import Iterator
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from scripts.dev import migration
from tests.support import load, postgres15, service
from tests.support.database import run
from tests.support.users import User, error_of

# The statements of scripts/README.md, which an operator copies, with a password.
MANUAL = (service.ROOT / "scripts" / "README.md").read_text()
APPLICATION_ROLE = MANUAL.partition("```sql\n")[2].partition("```")[0].replace("\u2026", "x")
assert "CREATE ROLE application" in APPLICATION_ROLE


@pytest.fixture(scope="module")
def postgres() -> Iterator[postgres15.Server]:
    with postgres15.server() as server:
        yield server


def database(postgres: postgres15.Server, name: str) -> str:
    run(postgres.url, f"CREATE DATABASE {name}")
    return database_of(postgres, name)


def database_of(postgres: postgres15.Server, name: str) -> str:
    return urlsplit(postgres.url)._replace(path=f"/{name}").geturl()


def change_lists(address: str, seconds: float = 2) -> load.Figures:
    """Require that simulated users can use every operation."""
    figures = asyncio.run(load.run(address, 10, seconds))
    assert not figures.refused
    assert figures.done.keys() == set(load.KINDS)
    return figures


class TestRoles:
    def test_role_of_the_readme_can_use_every_operation_and_not_alter_tables(
        self, postgres: postgres15.Server
    ) -> None:
        url = database(postgres, "roles")
        migration.upgrade(url)
        run(url, APPLICATION_ROLE)
        own = url.replace("postgres@", "application@")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            run(own, "ALTER TABLE tasks ADD COLUMN x integer")
        with service.running(DATABASE_URL=own, BETTER_AUTH_SECRET=service.SECRET) as running:
            assert httpx.get(f"{running.address}/health/ready").status_code == 200
            change_lists(running.address)

    def test_statements_of_the_readme_need_only_createrole(
        self, postgres: postgres15.Server
    ) -> None:
        run(postgres.url, "CREATE ROLE owner LOGIN")
        run(postgres.url, "CREATE DATABASE owned OWNER owner")
        url = database_of(postgres, "owned").replace("postgres@", "owner@")
        migration.upgrade(url)
        role = APPLICATION_ROLE.replace("application", "narrow")
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied to create"):
            run(url, role)
        run(postgres.url, "ALTER ROLE owner CREATEROLE")
        run(url, role)
        own = url.replace("owner@", "narrow@")
        with service.running(DATABASE_URL=own, BETTER_AUTH_SECRET=service.SECRET) as running:
            assert httpx.get(f"{running.address}/health/ready").status_code == 200
            change_lists(running.address)

    @pytest.mark.parametrize(
        ("change", "method"),
        [
            ("ALTER ROLE refused CONNECTION LIMIT 0", "GET"),
            ("ALTER ROLE refused NOLOGIN", "GET"),
            ("ALTER DATABASE refusing RENAME TO elsewhere", "GET"),
            ("ALTER ROLE refused SET default_transaction_read_only = on", "POST"),
        ],
    )
    def test_role_that_postgresql_rejects_gets_503(
        self, postgres: postgres15.Server, change: str, method: str
    ) -> None:
        url = database(postgres, "refusing")
        migration.upgrade(url)
        run(url, APPLICATION_ROLE.replace("application", "refused"))
        own = url.replace("postgres@", "refused@")
        run(postgres.url, change)
        with service.running(DATABASE_URL=own, BETTER_AUTH_SECRET=service.SECRET) as running:
            user = User(running.address)
            with user.client:
                body = {"title": "x"} if method == "POST" else None
                assert error_of(user.request(method, json=body))[:2] == (503, "unavailable")
        for name in ("refusing", "elsewhere"):
            run(postgres.url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        run(postgres.url, "DROP ROLE refused")
