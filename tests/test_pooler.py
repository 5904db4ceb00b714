"""Through a pooler that gives connections to whoever begins a transaction."""

import asyncio
import os
from collections.abc import Iterator

import httpx
import pytest

import migration
from handlers import address
from tests import journal, pgbouncer, postgres15, service

PEOPLE = 60
SERVER_CONNECTIONS = 4
# Tens of thousands of requests where there is time for them.
SECONDS = float(os.environ.get("POOLER_SECONDS", "6"))


@pytest.fixture(scope="module")
def pooled() -> Iterator[str]:
    with postgres15.server() as server:
        migration.upgrade(server.url)
        with pgbouncer.running(server.port, SERVER_CONNECTIONS) as url:
            yield url


class TestPooled:
    def test_nobody_ever_gets_a_wrong_row_or_an_error(self, pooled: str) -> None:
        """Two workers, and five times as many of their connections as of PostgreSQL's."""
        settings = {"DATABASE_URL": pooled, "BETTER_AUTH_SECRET": service.SECRET}
        with service.running(**settings, DATABASE_POOLED="true", WEB_CONCURRENCY="2") as running:
            figures = asyncio.run(journal.use(running.address, PEOPLE, SECONDS))
        print(figures)
        assert not figures.refused
        assert not figures.lost
        assert figures.done.total() > 100 * SECONDS

    def test_a_forgotten_setting_gives_nobody_wrong_rows(self, pooled: str) -> None:
        """The pooler refuses what the service asks of a direct connection, and the log says why."""
        settings = {"DATABASE_URL": pooled, "BETTER_AUTH_SECRET": service.SECRET}
        with service.running(**settings) as running:
            assert httpx.get(f"{running.address}/health/ready").status_code == 503
            assert "unsupported startup parameter" in running.log.read_text()


class TestDetection:
    NEON = "postgresql://u:p@ep-cool-name-123456{}.eu-central-1.aws.neon.tech/db?sslmode=require"

    @pytest.mark.parametrize(
        ("host", "setting", "is_pooled"),
        [
            ("-pooler", None, True),
            ("", None, False),
            ("-pooler", False, False),
            ("", True, True),
        ],
    )
    def test_it_is_found_by_the_name_of_the_host_unless_it_is_set(
        self, host: str, *, setting: bool | None, is_pooled: bool
    ) -> None:
        found = address.connection_arguments(self.NEON.format(host), is_pooled=setting)
        assert ("statement_cache_size" in found) == is_pooled
