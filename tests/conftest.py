"""Fixtures that all tests share: one PostgreSQL, one service, and users of it."""

import os
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from scripts.dev import embedded, migration
from tests.support import conformance, partitions, service
from tests.support.database import run
from tests.support.users import NewUser, User


@pytest.fixture
def unused_port() -> int:
    return service.free_port()


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    """A migrated database on a temporary PostgreSQL; PARTITIONED=1 partitions its tables."""
    data = embedded.home() / f"test-{os.getpid()}"
    with embedded.postgres(data, forget=True) as url:
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
        # No test may cause an unhandled exception in the service.
        assert "Traceback" not in running.log.read_text()


@pytest.fixture
def new_user(running_service: service.Service) -> Iterator[NewUser]:
    with ExitStack() as stack:

        def new(user_id: str | None = None, token: str | None = None) -> User:
            user = User(running_service.address, user_id, token)
            stack.enter_context(user.client)
            return user

        yield new


@pytest.fixture
def user(new_user: NewUser) -> User:
    return new_user()


@pytest.fixture
def anonymous(running_service: service.Service) -> Iterator[httpx.Client]:
    """A client without a token."""
    hooks = {"response": [conformance.check]}
    address = running_service.address
    with httpx.Client(base_url=address, event_hooks=hooks, verify=service.TLS) as client:
        yield client
