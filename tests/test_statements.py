"""How statements find their rows."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.database import fetch, run
from tests.support.statements import STATEMENTS, VALUES


class TestStatements:
    """Query plans on a table with tasks of many users."""

    @pytest.fixture(scope="class")
    @classmethod
    def populated(cls, database_url: str) -> Iterator[str]:
        users = "FROM generate_series(1, 20000) number"
        run(database_url, f"INSERT INTO task_lists SELECT 'explain-' || number {users}")
        run(
            database_url,
            "INSERT INTO tasks (user_id, title, completed, sort_key) "
            f"SELECT 'explain-' || number, 'x', false, task {users}, generate_series(1, 5) task",
        )
        run(database_url, "ANALYZE")
        yield database_url
        run(database_url, "DELETE FROM tasks WHERE user_id LIKE 'explain-%'")

    @pytest.mark.parametrize("name", STATEMENTS)
    def test_statement_reads_every_table_by_user_on_an_index(
        self, populated: str, name: str
    ) -> None:
        statement = STATEMENTS[name]
        plan = fetch(
            populated,
            f"EXPLAIN (FORMAT JSON) {statement.sql}",
            *statement.arguments(VALUES),
        )
        reached = list(scans(json.loads(plan[0][0])[0]["Plan"]))
        for scan in reached:
            assert scan["Node Type"] in ("Index Scan", "Index Only Scan", "Bitmap Index Scan"), scan
            assert "user_id" in scan["Index Cond"]
        assert reached or name == "LOCK"

    def test_number_of_statements_is_as_expected(self) -> None:
        assert len(STATEMENTS) == 14


def scans(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Find the places of a plan where rows of a table are looked up."""
    if plan["Node Type"] in ("Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Index Scan"):
        yield plan
    for child in plan.get("Plans", []):
        yield from scans(child)
