"""PgBouncer in transaction mode: connections change after each transaction."""

import asyncio
import os
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from handlers.postgres import dsn
from scripts.dev import migration
from tests.support import load, pgbouncer, postgres15, proxy, service

USERS = 60
SERVER_CONNECTIONS = 4
# A longer run sends tens of thousands of requests.
SECONDS = float(os.environ.get("POOLER_SECONDS", "6"))


@pytest.fixture(scope="module")
def pooled() -> Iterator[str]:
    with postgres15.server() as server:
        migration.upgrade(server.url)
        with pgbouncer.running(server.port, SERVER_CONNECTIONS) as url:
            yield url


class TestPooled:
    def test_concurrent_users_get_only_their_rows_without_errors(self, pooled: str) -> None:
        """Two workers with five times as many connections as the pooler has to PostgreSQL."""
        settings = {"DATABASE_URL": pooled, "BETTER_AUTH_SECRET": service.SECRET}
        with service.running(**settings, DATABASE_POOLED="true", WEB_CONCURRENCY="2") as running:
            figures = asyncio.run(load.run(running.address, USERS, SECONDS))
        print(figures)
        assert not figures.refused
        assert not figures.lost
        assert figures.done.total() > 100 * SECONDS

    def test_statement_takes_one_round_trip(self, pooled: str) -> None:
        """From the second request on, although the pooler may have given the connection to another client."""
        port, target = service.free_port(), urlsplit(pooled).port
        assert target
        url = pooled.replace(str(target), str(port))

        async def scenario(address: str) -> list[int]:
            http, trips = load.HttpClient(address, "alice"), []
            async with proxy.between(port, target) as between:
                for _ in range(3):
                    before = between.trips
                    assert (await http.request("GET", "/api/alice/tasks"))[0] == 200
                    trips.append(between.trips - before)
            http.close()
            return trips

        settings = {"DATABASE_URL": url, "BETTER_AUTH_SECRET": service.SECRET}
        with service.running(**settings, DATABASE_POOLED="true") as running:
            assert asyncio.run(scenario(running.address))[1:] == [1, 1]

    def test_pooler_without_database_pooled_gets_503_and_the_reason_is_logged(
        self, pooled: str
    ) -> None:
        """The pooler rejects a startup parameter that the service sends on a direct connection."""
        settings = {"DATABASE_URL": pooled, "BETTER_AUTH_SECRET": service.SECRET}
        with service.running(**settings) as running:
            assert httpx.get(f"{running.address}/health/ready").status_code == 503
            assert "unsupported startup parameter" in running.whole_log()


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
    def test_pooler_is_detected_by_host_name_unless_the_setting_is_given(
        self, host: str, *, setting: bool | None, is_pooled: bool
    ) -> None:
        found = dsn.connection_arguments(self.NEON.format(host), is_pooled=setting)
        assert ("statement_cache_size" in found) == is_pooled
