"""The tables against the contract and against the migrations, and how statements find their rows."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from alembic import command
from sqlalchemy import BigInteger, String

from handlers import statements, tables
from handlers.postgres.statement import Statement
from scripts.dev import migration
from tests import postgres15
from tests.conformance import CONTRACT, resolve
from tests.conftest import NewPerson, run

SCHEMAS = CONTRACT["components"]["schemas"]
STATEMENTS = {
    name: found for name, found in vars(statements).items() if isinstance(found, Statement)
}


class TestTables:
    @pytest.mark.parametrize(
        ("column", "schema"),
        [("user_id", "UserId"), ("title", "Title"), ("description", "Description")],
    )
    def test_texts_are_as_long_as_the_contract_says(self, column: str, schema: str) -> None:
        kind = tables.TASKS.c[column].type
        assert isinstance(kind, String)
        assert kind.length == SCHEMAS[schema]["maxLength"]

    def test_what_may_be_null_is_what_the_contract_says(self) -> None:
        for name, member in SCHEMAS["Task"]["properties"].items():
            if name != "position":
                nullable = "null" in resolve(member)["type"]
                assert tables.TASKS.c[name].nullable == nullable

    def test_ids_end_where_the_contract_says(self) -> None:
        column = tables.TASKS.c.id
        assert isinstance(column.type, BigInteger)
        assert column.identity
        assert column.identity.maxvalue == SCHEMAS["TaskId"]["maximum"]

    def test_every_member_of_a_task_has_its_column(self) -> None:
        stored = set(tables.TASKS.c.keys()) - {"sort_key"}
        assert stored == set(SCHEMAS["Task"]["properties"]) - {"position"}


class TestMigrations:
    """On the PostgreSQL of today and on the oldest that is still common."""

    @pytest.fixture(params=[15, 18])
    def url(self, request: pytest.FixtureRequest, database_url: str) -> Iterator[str]:
        if request.param == 18:
            yield database_url
        else:
            with postgres15.running() as url:
                yield url

    def test_they_make_the_tables_can_be_undone_and_done_again(self, url: str) -> None:
        run(url, "CREATE DATABASE migrated")
        migrated = urlsplit(url)._replace(path="/migrated").geturl()
        configuration = migration.configuration(migrated)
        for revision in ("head", "base", "head", "head"):
            change = command.downgrade if revision == "base" else command.upgrade
            change(configuration, revision)
        # Raises if the tables are not what the code says they are.
        command.check(configuration)
        run(url, "DROP DATABASE migrated")

    def test_a_difference_between_tables_and_migrations_is_found(self, database_url: str) -> None:
        run(database_url, "CREATE DATABASE different")
        different = urlsplit(database_url)._replace(path="/different").geturl()
        migration.upgrade(different)
        command.check(migration.configuration(different))
        run(different, "ALTER TABLE tasks ALTER title TYPE varchar(200)")
        with pytest.raises(Exception, match="New upgrade operations detected"):
            command.check(migration.configuration(different))
        run(database_url, "DROP DATABASE different")

    def test_the_database_keeps_the_ranges_that_the_contract_states(
        self, database_url: str
    ) -> None:
        largest = SCHEMAS["TaskId"]["maximum"]
        found = fetch(database_url, "SELECT max_value FROM pg_sequences")
        assert [row["max_value"] for row in found] == [largest]
        insert = "INSERT INTO tasks (user_id, id, title, completed, sort_key)"
        values = "OVERRIDING SYSTEM VALUE VALUES ('x', {}, 'x', false, 0)"
        for task_id in (0, largest + 1):
            with pytest.raises(asyncpg.CheckViolationError):
                run(database_url, f"{insert} {values.format(task_id)}")


class TestStatements:
    """On a table of many people's tasks, none looks at more than one person's."""

    VALUES: dict[str, Any] = {
        "user_id": "person-7",
        "task_id": 700,
        "title": "x",
        "sets_description": False,
        "completed": True,
        "position": 3,
        "limit": 10,
        "offset": 0,
        "task_ids": [1, 2, 3],
    }

    @pytest.fixture(scope="class")
    @classmethod
    def populated(cls, database_url: str) -> Iterator[str]:
        people = "FROM generate_series(1, 20000) person"
        run(database_url, f"INSERT INTO task_lists SELECT 'person-' || person {people}")
        run(
            database_url,
            "INSERT INTO tasks (user_id, title, completed, sort_key) "
            f"SELECT 'person-' || person, 'x', false, task {people}, generate_series(1, 5) task",
        )
        run(database_url, "ANALYZE")
        yield database_url
        run(database_url, "DELETE FROM tasks WHERE user_id LIKE 'person-%'")

    @pytest.mark.parametrize("name", STATEMENTS)
    def test_every_table_is_reached_by_user_on_an_index(self, populated: str, name: str) -> None:
        statement = STATEMENTS[name]
        plan = fetch(
            populated,
            f"EXPLAIN (FORMAT JSON) {statement.sql}",
            *statement.arguments(self.VALUES),
        )
        reached = list(scans(json.loads(plan[0][0])[0]["Plan"]))
        for scan in reached:
            assert scan["Node Type"] in ("Index Scan", "Index Only Scan", "Bitmap Index Scan"), scan
            assert "user_id" in scan["Index Cond"]
        assert reached or name == "LOCK"

    def test_there_are_as_many_as_this_test_knows(self) -> None:
        assert len(STATEMENTS) == 14


def scans(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Find the places of a plan where rows of a table are looked up."""
    if plan["Node Type"] in ("Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Index Scan"):
        yield plan
    for child in plan.get("Plans", []):
        yield from scans(child)


def fetch(url: str, sql: str, *arguments: object) -> list[asyncpg.Record]:
    async def execute() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(url)
        rows = await connection.fetch(sql, *arguments)
        await connection.close()
        return rows

    return asyncio.run(execute())


def test_times_are_text_that_sorts_as_time(new_person: NewPerson, database_url: str) -> None:
    """A whole second is the case that is easily written shorter."""
    person = new_person()
    task = person.create()
    run(
        database_url,
        f"UPDATE tasks SET created_at = '2026-01-02 03:04:05Z' WHERE id = {task['id']}",
    )
    assert person.get(task)["created_at"] == "2026-01-02T03:04:05.000000Z"
