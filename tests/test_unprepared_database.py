"""A database without tables or privileges: 503, and the command to run."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import pytest

from scripts.dev import migration
from tests.support import service
from tests.support.database import run
from tests.support.users import User, error_of

GRANT = "GRANT SELECT, INSERT, UPDATE, DELETE ON tasks, task_lists TO role"


@contextmanager
def serving(url: str) -> Iterator[tuple[service.Service, User]]:
    with service.running(DATABASE_URL=url, BETTER_AUTH_SECRET=service.SECRET) as running:
        user = User(running.address)
        with user.client:
            yield running, user
        assert "Traceback" not in running.log.read_text()


def readiness(running: service.Service) -> httpx.Response:
    return httpx.get(f"{running.address}/health/ready", verify=service.TLS)


def warnings(running: service.Service, text: str) -> int:
    lines = running.whole_log().splitlines()
    return len([line for line in lines if text in line and '"level":"warning"' in line])


@pytest.fixture
def empty_database(database_url: str) -> Iterator[str]:
    run(database_url, "CREATE DATABASE empty")
    yield urlsplit(database_url)._replace(path="/empty").geturl()
    run(database_url, "DROP DATABASE empty WITH (FORCE)")


@pytest.fixture
def role(database_url: str) -> Iterator[str]:
    """A role with the privileges of the README."""
    run(database_url, "CREATE ROLE limited LOGIN PASSWORD 'limited'")
    run(database_url, "GRANT SELECT, INSERT, UPDATE, DELETE ON tasks, task_lists TO limited")
    yield "limited"
    run(database_url, "GRANT USAGE ON SCHEMA public TO PUBLIC")
    run(database_url, "GRANT CONNECT ON DATABASE postgres TO PUBLIC")
    run(database_url, "DROP OWNED BY limited; DROP ROLE limited")


def as_role(url: str, role: str) -> str:
    parts = urlsplit(url)
    host = (parts.netloc.rpartition("@")[2]) if "@" in parts.netloc else parts.netloc
    return parts._replace(netloc=f"{role}:{role}@{host}").geturl()


class TestMissingTables:
    def test_missing_tables_get_503_and_the_command_is_logged_once(
        self, empty_database: str
    ) -> None:
        with serving(empty_database) as (running, user):
            for _ in range(20):
                assert error_of(user.request("GET"))[:2] == (503, "unavailable")
                assert error_of(user.request("POST", json={"title": "x"}))[0] == 503
                assert error_of(readiness(running))[0] == 503
            assert "scripts/migrate" in readiness(running).json()["message"]
            assert warnings(running, "scripts/migrate") == 1

    def test_service_recovers_after_the_migration_without_a_restart(
        self, empty_database: str
    ) -> None:
        with serving(empty_database) as (running, user):
            assert user.request("GET").status_code == 503
            migration.upgrade(empty_database)
            assert user.create()["title"] == "Buy milk"
            assert readiness(running).status_code == 200
            assert "The database is available again" in running.whole_log()

    @pytest.mark.parametrize(
        "change",
        [
            "ALTER TABLE tasks DROP COLUMN description",
            "ALTER TABLE task_lists DROP COLUMN version",
            "DROP TABLE task_lists",
            "ALTER SCHEMA public RENAME TO another",
        ],
    )
    def test_missing_column_table_or_schema_gets_503_and_the_command_is_logged_once(
        self, empty_database: str, change: str
    ) -> None:
        migration.upgrade(empty_database)
        run(empty_database, change)
        with serving(empty_database) as (running, user):
            assert user.request("POST", json={"title": "x"}).status_code == 503
            assert readiness(running).status_code == 503
            assert warnings(running, "scripts/migrate") == 1


class TestMissingPrivileges:
    @pytest.mark.parametrize(
        ("revoked", "grant"),
        [
            *((f"{privilege} ON tasks FROM limited", GRANT) for privilege in ("SELECT", "INSERT")),
            *((f"{privilege} ON task_lists FROM limited", GRANT) for privilege in ("UPDATE",)),
            ("USAGE ON SCHEMA public FROM PUBLIC", "GRANT USAGE ON SCHEMA public"),
            ("CONNECT ON DATABASE postgres FROM PUBLIC", "GRANT CONNECT ON DATABASE"),
        ],
    )
    def test_missing_privilege_gets_503_and_the_grant_is_logged_once(
        self, database_url: str, role: str, revoked: str, grant: str
    ) -> None:
        run(database_url, f"REVOKE {revoked}")
        with serving(as_role(database_url, role)) as (running, user):
            for _ in range(3):
                response = user.request("POST", json={"title": "x", "position": 0})
                assert error_of(response)[:2] == (503, "unavailable")
                assert error_of(readiness(running))[0] == 503
            assert warnings(running, grant) == 1

    @pytest.mark.parametrize("privilege", ["SELECT", "INSERT", "UPDATE", "DELETE"])
    @pytest.mark.parametrize("table", ["tasks", "task_lists"])
    def test_readiness_gets_503_for_each_missing_privilege(
        self, database_url: str, role: str, table: str, privilege: str
    ) -> None:
        with serving(as_role(database_url, role)) as (running, _):
            assert readiness(running).status_code == 200
            run(database_url, f"REVOKE {privilege} ON {table} FROM limited")
            response = readiness(running)
            assert error_of(response)[:2] == (503, "unavailable")
            assert re.search("GRANT SELECT, INSERT", response.json()["message"])
