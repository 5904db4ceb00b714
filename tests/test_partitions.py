"""Tables that are partitioned by user, as in a sharded PostgreSQL."""

import asyncio
import json
from collections.abc import Iterator

import asyncpg
import pytest

from scripts.dev import migration
from tests.support import load, partitions, postgres15, service
from tests.support.database import fetch, run
from tests.support.statements import STATEMENTS, VALUES


class TestPartitions:
    @pytest.fixture(scope="class")
    @classmethod
    def partitioned(cls) -> Iterator[str]:
        with postgres15.running() as url:
            cls.prepare(url)
            yield url

    @staticmethod
    def prepare(url: str) -> None:
        migration.upgrade(url)
        run(url, ";".join(partitions.statements()))
        run(url, "INSERT INTO task_lists SELECT 'explain-' || n FROM generate_series(1, 2000) n")
        run(
            url,
            "INSERT INTO tasks (user_id, title, completed, sort_key) SELECT 'explain-' || n, 'x', "
            "false, task FROM generate_series(1, 2000) n, generate_series(1, 5) task",
        )
        run(url, "ANALYZE")

    @pytest.mark.parametrize("name", STATEMENTS)
    def test_statement_reads_one_partition(self, partitioned: str, name: str) -> None:
        statement = STATEMENTS[name]
        sql = f"EXPLAIN (FORMAT JSON) {statement.sql}"
        plan = fetch(partitioned, sql, *statement.arguments(VALUES))
        touched = {name.split("_p")[1] for name in tables_of(plan) if "_p" in name}
        # Only an insert selects its partition at execution.
        assert len(touched) == (0 if name == "LOCK" else 1), touched

    def test_every_operation_works_on_partitioned_tables(self, partitioned: str) -> None:
        with service.running(
            DATABASE_URL=partitioned, BETTER_AUTH_SECRET=service.SECRET
        ) as running:
            figures = asyncio.run(load.run(running.address, 10, 3))
        assert not figures.refused
        assert figures.done.keys() == set(load.KINDS)


def tables_of(plan: list[asyncpg.Record]) -> set[str]:
    """Find the tables and partitions that a plan names."""
    waiting, found = [json.loads(plan[0][0])[0]["Plan"]], set()
    while waiting:
        node = waiting.pop()
        waiting += node.get("Plans", [])
        found.add(node.get("Relation Name", ""))
    return found
