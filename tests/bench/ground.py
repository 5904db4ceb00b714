"""The database of a benchmark: its own PostgreSQL, filled, and made as it was between the rounds."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from handlers.statements import SORT_KEY_STEP
from scripts.dev import embedded, migration
from tests.bench import accounting, processes
from tests.bench.workload import Crowd

# The disk of this machine is not what is measured, and a vacuum must not fall into a round.
SETTINGS = {"synchronous_commit": "off", "autovacuum": "off"}

SHOWN = (*SETTINGS, "server_version", "shared_buffers", "jit")

LISTS = """
    INSERT INTO task_lists (user_id, version)
    SELECT 'bench-' || lpad(person::text, 7, '0'), 1 FROM generate_series(0, $1::int - 1) AS person
"""
# Identifiers go on from person to person; those of the real sequence begin behind them. No two
# times are the same, as if everything had been typed by people.
TASKS = """
    INSERT INTO tasks
        (user_id, id, title, description, completed, sort_key, created_at, updated_at)
    OVERRIDING SYSTEM VALUE
    SELECT 'bench-' || lpad(person::text, 7, '0'), person::bigint * $2::int + place,
        'Task ' || place, 'What there is to say about it.', place % 3 = 0, place::bigint * $3::int,
        now() - interval '100 days' * random(), now() - interval '1 day' * random()
    FROM generate_series(0, $1::int - 1) AS person, generate_series(1, $2::int) AS place
"""


MORE_TASKS = """
    INSERT INTO tasks (user_id, title, completed, sort_key)
    SELECT $1, 'Task ' || place, false, place::bigint * $4::int
    FROM generate_series($2::int, $3::int) AS place
"""


@dataclass(frozen=True)
class Ground:
    """A migrated database: its address, and the pid of PostgreSQL's first process."""

    url: str
    postmaster: int

    def fill(self, crowd: Crowd) -> None:
        """Give everybody their tasks, and nobody anything else."""
        self.run("TRUNCATE tasks, task_lists")
        self.run(LISTS, crowd.people)
        self.run(TASKS, crowd.people, crowd.tasks, SORT_KEY_STEP)
        first = crowd.people * crowd.tasks + 1
        self.run(f"ALTER TABLE tasks ALTER COLUMN id RESTART WITH {first}")
        self.run("VACUUM ANALYZE")

    def lengthen(self, crowd: Crowd, length: int) -> None:
        """Give the first person more tasks, up to this many."""
        self.run(MORE_TASKS, crowd.name(0), crowd.tasks + 1, length, SORT_KEY_STEP)
        self.run("VACUUM ANALYZE")

    def restore(self, crowd: Crowd) -> None:
        """Take away what was created since, and what PostgreSQL keeps of old rows."""
        self.run("DELETE FROM tasks WHERE id > $1", crowd.people * crowd.tasks)
        self.run("VACUUM tasks, task_lists")

    def run(self, sql: str, *values: Any) -> list[asyncpg.Record]:
        async def execute() -> list[asyncpg.Record]:
            connection = await asyncpg.connect(self.url, statement_cache_size=0)
            try:
                return await connection.fetch(sql, *values)
            finally:
                await connection.close()

        return asyncio.run(execute())

    def settings(self) -> dict[str, str]:
        rows = self.run("SELECT name, setting FROM pg_settings WHERE name = ANY($1)", list(SHOWN))
        return {row["name"]: row["setting"] for row in rows}


@contextmanager
def prepared() -> Iterator[Ground]:
    """Run a PostgreSQL of this benchmark's own, away from the core of what is measured."""
    data = embedded.home() / f"bench-{os.getpid()}"
    with embedded.postgres(data, forget=True) as url:
        migration.upgrade(url)
        ground = Ground(url, _postmaster(data))
        for name, value in SETTINGS.items():
            ground.run(f"ALTER SYSTEM SET {name} = '{value}'")
        ground.run("SELECT pg_reload_conf()")
        accounting.pin(ground.postmaster, processes.cores()[1])
        yield ground


def _postmaster(data: Path) -> int:
    return int((data / "postmaster.pid").read_text().splitlines()[0])
