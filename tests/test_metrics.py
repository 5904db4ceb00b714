"""Metrics and log lines of the connections to PostgreSQL and of requests that wait for them."""

import asyncio
from collections import Counter

import asyncpg

from tests.support import load, service
from tests.support.collector import Collector, eventually, listening

CONNECTIONS = 3
REQUESTS = 150
USER_ID = "u1"


async def read(address: str) -> int:
    http = load.HttpClient(address, USER_ID)
    status, _ = await http.request("GET", f"/api/{USER_ID}/tasks")
    http.close()
    return status


async def overload(address: str, database_url: str, collector: Collector) -> Counter[int]:
    """Send requests of one user while all of them have to wait for a lock."""
    await read(address)
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("BEGIN; LOCK TABLE tasks")
        requests = asyncio.gather(*(read(address) for _ in range(REQUESTS)))
        await asyncio.to_thread(
            eventually,
            lambda: collector.numbers().get("db.client.connection.pending_requests", {}).get("", 0),
        )
        return Counter(await requests)
    finally:
        await connection.close()


class TestConnectionMetrics:
    def test_overload_is_counted_and_logged_once_for_each_reason(self, database_url: str) -> None:
        with (
            listening() as collector,
            service.running(
                DATABASE_URL=database_url,
                BETTER_AUTH_SECRET=service.SECRET,
                DATABASE_CONNECTIONS=str(CONNECTIONS),
                OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=f"{collector.address}/v1/metrics",
                OTEL_METRIC_EXPORT_INTERVAL="100",
            ) as running,
        ):
            statuses = asyncio.run(overload(running.address, database_url, collector))
            running.stop()
            numbers = collector.numbers()
            log = running.whole_log()
        assert statuses == {503: REQUESTS}
        assert numbers["db.client.connection.max"] == {"": CONNECTIONS}
        assert numbers["db.client.connection.count"]["used"] == 0
        assert numbers["db.client.connection.pending_requests"] == {"": 0}
        # A user may use one of the three connections, and a third of 300 requests may wait.
        rejected = numbers["todo_backend.connection.rejections"][""]
        timed_out = numbers["db.client.connection.timeouts"][""]
        assert rejected == REQUESTS - 1 - 100
        assert 0 < timed_out <= 100
        assert log.count("finds too many others waiting and gets 503") == 1
        assert log.count("waited for a connection for too long and gets 503") == 1
