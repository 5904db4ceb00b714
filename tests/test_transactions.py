"""Transaction isolation: changes are serialized whatever the default level of the database is."""

import asyncio
import time
from collections import Counter
from itertools import chain

import pytest

from tests.support import load, service
from tests.support.database import run


class TestIsolationLevel:
    @pytest.mark.parametrize("is_pooled", ["true", "false"])
    def test_serializable_as_default_of_the_database_loses_no_concurrent_create(
        self, database_url: str, is_pooled: str
    ) -> None:
        """Through a pooler no level can be requested: serialization failures are retried."""
        level = "ALTER ROLE CURRENT_USER SET default_transaction_isolation"
        run(database_url, f"{level} = 'serializable'")
        settings = {"DATABASE_URL": database_url, "BETTER_AUTH_SECRET": service.SECRET}
        try:
            with service.running(**settings, DATABASE_POOLED=is_pooled) as running:
                found = asyncio.run(create_concurrently(running.address))
        finally:
            run(database_url, "ALTER ROLE CURRENT_USER RESET default_transaction_isolation")
        assert found == Counter({201: 200})


async def create_concurrently(address: str) -> Counter[int]:
    user_id = f"dave-{time.time_ns()}"

    async def create() -> list[int]:
        connection = load.HttpClient(address, user_id)
        body = {"title": "x", "position": 0}
        path = f"/api/{user_id}/tasks"
        statuses = [(await connection.request("POST", path, body))[0] for _ in range(20)]
        connection.close()
        return statuses

    return Counter(chain.from_iterable(await asyncio.gather(*[create() for _ in range(10)])))
