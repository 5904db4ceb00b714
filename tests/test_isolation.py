"""The second wall: what the database itself allows, and where it keeps whose tasks."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from scripts.dev import migration
from tests import journal, partitions, postgres15, service, test_database
from tests.conftest import Person, refusal, run
from tests.test_database import STATEMENTS, fetch

# The statements of the README, which a person copies, with a password.
README = (service.ROOT / "README.md").read_text()
APPLICATION_ROLE = README.partition("```sql\n")[2].partition("```")[0].replace("\u2026", "x")
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


def use(address: str, seconds: float = 2) -> journal.Figures:
    figures = asyncio.run(journal.use(address, 10, seconds))
    assert not figures.refused
    assert figures.done.keys() == set(journal.KINDS)
    return figures


class TestRoles:
    def test_the_service_needs_no_more_than_to_read_and_write_two_tables(
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
            use(running.address)

    def test_statements_of_the_readme_need_createrole_and_nothing_else(
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
            use(running.address)

    @pytest.mark.parametrize(
        ("change", "method"),
        [
            ("ALTER ROLE refused CONNECTION LIMIT 0", "GET"),
            ("ALTER ROLE refused NOLOGIN", "GET"),
            ("ALTER DATABASE refusing RENAME TO elsewhere", "GET"),
            ("ALTER ROLE refused SET default_transaction_read_only = on", "POST"),
        ],
    )
    def test_whom_postgresql_turns_away_hears_of_an_outage_and_not_of_a_failure(
        self, postgres: postgres15.Server, change: str, method: str
    ) -> None:
        url = database(postgres, "refusing")
        migration.upgrade(url)
        run(url, APPLICATION_ROLE.replace("application", "refused"))
        own = url.replace("postgres@", "refused@")
        run(postgres.url, change)
        with service.running(DATABASE_URL=own, BETTER_AUTH_SECRET=service.SECRET) as running:
            person = Person(running.address)
            with person.client:
                body = {"title": "x"} if method == "POST" else None
                assert refusal(person.request(method, json=body))[:2] == (503, "unavailable")
        for name in ("refusing", "elsewhere"):
            run(postgres.url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        run(postgres.url, "DROP ROLE refused")


class TestMigrations:
    def test_two_deployments_may_start_at_once(self, postgres: postgres15.Server) -> None:
        url = database(postgres, "twice")
        command = [sys.executable, str(service.ROOT / "scripts" / "migrate")]
        settings = service.clean_environment() | {"MIGRATION_DATABASE_URL": url}
        both = [
            subprocess.Popen(
                command, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
            for _ in range(4)
        ]
        for process in both:
            said = process.communicate(timeout=60)[0].decode()
            assert process.returncode == 0, said
            assert "newest migration" in said
        assert fetch(url, "SELECT count(*) FROM alembic_version")[0][0] == 1


class TestForget:
    def test_all_of_a_person_goes_and_nobody_else(self, postgres: postgres15.Server) -> None:
        url = database(postgres, "forgotten")
        migration.upgrade(url)
        with service.running(DATABASE_URL=url, BETTER_AUTH_SECRET=service.SECRET) as running:
            gone, other = Person(running.address, "gone's; --"), Person(running.address)
            with gone.client, other.client:
                for _ in range(3):
                    gone.create()
                other.create()
                assert erase(url, gone.user_id) == "3 tasks are deleted.\n"
                assert erase(url, gone.user_id) == "0 tasks are deleted.\n"
                assert gone.titles() == []
                assert len(other.titles()) == 1
        assert fetch(url, "SELECT user_id FROM task_lists")[0][0] == other.user_id

    def test_without_a_database_it_says_what_to_set(self) -> None:
        command = [sys.executable, str(service.ROOT / "scripts" / "erase-user"), "x"]
        settings = service.clean_environment() | {"DATABASE_URL": "mysql://a:hidden@b/c"}
        told = subprocess.run(command, env=settings, capture_output=True, text=True, check=False)
        assert told.returncode == 1
        assert "DATABASE_URL must begin with" in told.stderr
        assert "hidden" not in told.stderr


def erase(url: str, user: str) -> str:
    return subprocess.run(
        [sys.executable, service.ROOT / "scripts" / "erase-user", user],
        env=service.clean_environment() | {"DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


class TestPartitions:
    """The same tables, cut by PostgreSQL itself as a sharded one cuts them."""

    @pytest.fixture(scope="class")
    @classmethod
    def partitioned(cls, postgres: postgres15.Server) -> str:
        url = database(postgres, "partitioned")
        migration.upgrade(url)
        run(url, ";".join(partitions.statements()))
        run(url, "INSERT INTO task_lists SELECT 'person-' || n FROM generate_series(1, 2000) n")
        run(
            url,
            "INSERT INTO tasks (user_id, title, completed, sort_key) SELECT 'person-' || n, 'x', "
            "false, task FROM generate_series(1, 2000) n, generate_series(1, 5) task",
        )
        run(url, "ANALYZE")
        return url

    @pytest.mark.parametrize("name", STATEMENTS)
    def test_every_statement_touches_one_partition(self, partitioned: str, name: str) -> None:
        statement = STATEMENTS[name]
        values = test_database.TestStatements.VALUES
        sql = f"EXPLAIN (FORMAT JSON) {statement.sql}"
        plan = fetch(partitioned, sql, *statement.arguments(values))
        touched = {name.split("_p")[1] for name in tables(plan) if "_p" in name}
        # An insert alone is sent to its partition when it is run.
        assert len(touched) == (0 if name == "LOCK" else 1), touched

    def test_people_use_it_as_ever(self, partitioned: str) -> None:
        with service.running(
            DATABASE_URL=partitioned, BETTER_AUTH_SECRET=service.SECRET
        ) as running:
            use(running.address, 3)


def tables(plan: list[asyncpg.Record]) -> set[str]:
    """Find the tables and partitions that a plan names."""
    waiting, found = [json.loads(plan[0][0])[0]["Plan"]], set()
    while waiting:
        node = waiting.pop()
        waiting += node.get("Plans", [])
        found.add(node.get("Relation Name", ""))
    return found
