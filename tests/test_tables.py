"""The tables against the contract: columns, lengths, ranges."""

import asyncpg
import pytest
from sqlalchemy import BigInteger, String

from handlers import tables
from tests.support.conformance import CONTRACT, resolve
from tests.support.database import fetch, run

SCHEMAS = CONTRACT["components"]["schemas"]


class TestTables:
    @pytest.mark.parametrize(
        ("column", "schema"),
        [("user_id", "UserId"), ("title", "Title"), ("description", "Description")],
    )
    def test_text_column_has_the_max_length_of_the_contract(self, column: str, schema: str) -> None:
        kind = tables.TASKS.c[column].type
        assert isinstance(kind, String)
        assert kind.length == SCHEMAS[schema]["maxLength"]

    def test_columns_are_nullable_as_in_the_contract(self) -> None:
        for name, member in SCHEMAS["Task"]["properties"].items():
            if name != "position":
                nullable = "null" in resolve(member)["type"]
                assert tables.TASKS.c[name].nullable == nullable

    def test_id_column_has_the_maximum_of_the_contract(self) -> None:
        column = tables.TASKS.c.id
        assert isinstance(column.type, BigInteger)
        assert column.identity
        assert column.identity.maxvalue == SCHEMAS["TaskId"]["maximum"]

    def test_every_member_of_a_task_has_a_column(self) -> None:
        stored = set(tables.TASKS.c.keys()) - {"sort_key"}
        assert stored == set(SCHEMAS["Task"]["properties"]) - {"position"}

    def test_id_outside_the_range_of_the_contract_violates_a_check(self, database_url: str) -> None:
        largest = SCHEMAS["TaskId"]["maximum"]
        found = fetch(database_url, "SELECT max_value FROM pg_sequences")
        assert [row["max_value"] for row in found] == [largest]
        insert = "INSERT INTO tasks (user_id, id, title, completed, sort_key)"
        values = "OVERRIDING SYSTEM VALUE VALUES ('x', {}, 'x', false, 0)"
        for task_id in (0, largest + 1):
            with pytest.raises(asyncpg.CheckViolationError):
                run(database_url, f"{insert} {values.format(task_id)}")
