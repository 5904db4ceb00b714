"""What tests share: one PostgreSQL, one service, and as many people as they like."""

import asyncio
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import quote

import asyncpg
import httpx
import pytest
from jose import jwt

from scripts.dev import embedded, migration
from tests import conformance, partitions, service

Json = dict[str, Any]


class Person:
    """Somebody with a token, and with a list that no other test knows of."""

    def __init__(self, address: str, user_id: str | None = None, token: str | None = None) -> None:
        self.user_id = user_id or f"person-{secrets.token_hex(8)}"
        self.path = f"/api/{quote(self.user_id, safe='')}/tasks"
        self.client = httpx.Client(
            base_url=address,
            headers={"Authorization": f"Bearer {token or token_for(self.user_id)}"},
            event_hooks={"response": [conformance.check]},
            timeout=30,
            verify=service.TLS,
        )

    def request(self, method: str, path: str = "", **options: Any) -> httpx.Response:
        """Send a request about this person's list; `path` is what follows it."""
        return self.client.request(method, f"{self.path}{path}", **options)

    def create(self, title: str = "Buy milk", **members: Any) -> Json:
        response = self.request("POST", json={"title": title, **members})
        assert response.status_code == httpx.codes.CREATED, response.text
        task: Json = response.json()
        return task

    def update(self, task: Json, **members: Any) -> Json:
        response = self.request("PUT", f"/{task['id']}", json=members)
        assert response.status_code == httpx.codes.OK, response.text
        changed: Json = response.json()
        return changed

    def get(self, task: Json) -> Json:
        response = self.request("GET", f"/{task['id']}")
        assert response.status_code == httpx.codes.OK, response.text
        found: Json = response.json()
        return found

    def page(self, **query: Any) -> Json:
        response = self.request("GET", params=query)
        assert response.status_code == httpx.codes.OK, response.text
        page: Json = response.json()
        return page

    def titles(self, **query: Any) -> list[str]:
        return [task["title"] for task in self.page(**query)["data"]]


# Every statement on these fails in a way that no release explains, and so with 500.
UNUSABLE_TABLES = """
CREATE TABLE tasks (
    user_id json, id bigint, title text, description text, completed boolean, sort_key bigint,
    created_at timestamptz, updated_at timestamptz
);
CREATE TABLE task_lists (user_id json, version bigint)
"""

NewPerson = Callable[..., Person]


def token_for(user_id: object, secret: str = service.SECRET, **claims: Any) -> str:
    """Sign a token as a frontend with the shared secret does; a claim that is None is left out."""
    now = int(time.time())
    all_claims = {"sub": user_id, "iat": now, "exp": now + 600, **claims}
    given = {name: value for name, value in all_claims.items() if value is not None}
    return jwt.encode(given, secret, algorithm="HS256")


def refusal(response: httpx.Response) -> tuple[int, str, list[str]]:
    """Sum up a refusal: its status, its code, and the places that are wrong."""
    body = response.json()
    places = [detail["location"] for detail in body["details"]]
    return response.status_code, body["code"], places


def run(url: str, sql: str) -> None:
    """Do something to the database behind the service's back."""

    async def execute() -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(sql)
        finally:
            await connection.close()

    asyncio.run(execute())


@contextmanager
def unusable_tables(url: str) -> Iterator[None]:
    """Put unusable tables in the place of the service's, for a while."""
    run(url, "CREATE SCHEMA kept; ALTER TABLE tasks SET SCHEMA kept")
    run(url, f"ALTER TABLE task_lists SET SCHEMA kept; {UNUSABLE_TABLES}")
    try:
        yield
    finally:
        run(url, "DROP TABLE tasks, task_lists; ALTER TABLE kept.tasks SET SCHEMA public")
        run(url, "ALTER TABLE kept.task_lists SET SCHEMA public; DROP SCHEMA kept")


@pytest.fixture
def unused_port() -> int:
    return service.free_port()


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    """A migrated database on a PostgreSQL of this run's own; PARTITIONED=1 cuts its tables."""
    data = embedded.home() / f"test-{os.getpid()}"
    with embedded.postgres(data, temporary=True) as url:
        migration.upgrade(url)
        if os.environ.get("PARTITIONED"):
            run(url, ";".join(partitions.statements()))
        yield url


@pytest.fixture(scope="session")
def running_service(database_url: str) -> Iterator[service.Service]:
    with service.running(
        DATABASE_URL=database_url,
        BETTER_AUTH_SECRET=service.SECRET,
        FRONTEND_URL=service.ORIGIN,
    ) as running:
        yield running
        # Whatever the tests did, no request of theirs may have failed inside.
        assert "Traceback" not in running.log.read_text()


@pytest.fixture
def new_person(running_service: service.Service) -> Iterator[NewPerson]:
    with ExitStack() as stack:

        def new(user_id: str | None = None, token: str | None = None) -> Person:
            someone = Person(running_service.address, user_id, token)
            stack.enter_context(someone.client)
            return someone

        yield new


@pytest.fixture
def person(new_person: NewPerson) -> Person:
    return new_person()


@pytest.fixture
def stranger(running_service: service.Service) -> Iterator[httpx.Client]:
    """A client without a token."""
    hooks = {"response": [conformance.check]}
    address = running_service.address
    with httpx.Client(base_url=address, event_hooks=hooks, verify=service.TLS) as client:
        yield client
