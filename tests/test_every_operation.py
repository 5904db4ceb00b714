"""Rules for every operation, enumerated from the contract."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from generated import operations
from generated.operations import OPERATIONS, Operation
from scripts.openapi import pointers
from tests.support import conformance, service
from tests.support.conformance import CONTRACT
from tests.support.database import UNUSABLE_TABLES, run
from tests.support.service import SECRET
from tests.support.users import Json, NewUser, User, error_of, token_for

PROTECTED = [operation for operation in OPERATIONS if not operation.public]
ON_A_TASK = [operation for operation in PROTECTED if "task_id" in operation.path_parameters]
WITH_BODY = [operation for operation in PROTECTED if operation.body]
UNKNOWN_TASK = 2**53 - 1
# A change of each member that a body may have.
VALUES = {"title": "stolen", "description": "stolen", "completed": True, "position": 0}
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
TOO_LARGE = b"x" * (256 * 1024 + 1)


def named(operation: Operation) -> str:
    return operation.operation_id


def body_schema(operation: Operation) -> Json:
    schema: Json = pointers.lookup(CONTRACT, operation.schemas["body"])
    return schema


def send(
    client: httpx.Client,
    operation: Operation,
    user_id: str,
    task_id: int = UNKNOWN_TASK,
    **more: Any,
) -> httpx.Response:
    """Send the example request of the contract."""
    url = operation.url(user_id=user_id, task_id=task_id) + more.pop("query", "")
    if operation.body_required and not more.keys() & {"content", "json"}:
        more["json"] = body_schema(operation)["examples"][0]
    return client.request(operation.method, url, **more)


@pytest.mark.parametrize("operation", PROTECTED, ids=named)
class TestProtected:
    @pytest.mark.parametrize(
        "header",
        [
            {},
            {"Authorization": "Bearer garbage"},
            {"Authorization": f"Bearer {token_for('zoe', exp=1)}"},
            {"Authorization": f"Bearer {token_for('zoe', secret='y' * 40)}"},
        ],
    )
    def test_missing_or_invalid_token_gets_401(
        self, anonymous: httpx.Client, operation: Operation, header: dict[str, str]
    ) -> None:
        response = send(anonymous, operation, "zoe", headers=header)
        assert error_of(response) == (401, "unauthorized", [])

    def test_path_of_another_user_gets_403_and_changes_nothing(
        self, user: User, new_user: NewUser, operation: Operation
    ) -> None:
        owner = new_user()
        task = owner.create()
        response = send(user.client, operation, owner.user_id, task["id"])
        assert error_of(response) == (403, "forbidden", [])
        assert owner.page()["data"] == [task]

    def test_unknown_query_parameter_gets_422_and_changes_nothing(
        self, user: User, operation: Operation
    ) -> None:
        task = user.create()
        response = send(user.client, operation, user.user_id, task["id"], query="?verbose=1")
        assert error_of(response) == (422, "validation_error", ["query.verbose"])
        assert user.page()["data"] == [task]


def bodies(operation: Operation) -> list[Json]:
    """Return the options for each kind of body: an operation may run another statement for each."""
    if operation.body is None:
        return [{}]
    names = body_schema(operation)["properties"].keys() & VALUES.keys()
    found: list[Json] = [{"json": {name: VALUES[name]}} for name in sorted(names)]
    return found if operation.body_required else [{}, *found]


@pytest.mark.parametrize(
    ("operation", "body"),
    [(operation, body) for operation in ON_A_TASK for body in bodies(operation)],
    ids=lambda value: value.operation_id if isinstance(value, Operation) else str(value),
)
def test_task_of_another_user_gets_the_same_404_as_an_unknown_task(
    user: User, new_user: NewUser, operation: Operation, body: Json
) -> None:
    owner = new_user()
    task = owner.create()
    # With a list of their own, so that a move could begin.
    user.create()
    found = send(user.client, operation, user.user_id, task["id"], **body)
    unknown = send(user.client, operation, user.user_id, UNKNOWN_TASK, **body)
    assert error_of(found) == (404, "not_found", [])
    assert found.content == unknown.content
    assert owner.page()["data"] == [task]


@pytest.mark.parametrize("path", CONTRACT["paths"])
def test_method_outside_the_contract_gets_405(anonymous: httpx.Client, path: str) -> None:
    declared = {method.upper() for method in CONTRACT["paths"][path]} & METHODS
    allowed = declared | ({"HEAD"} if "GET" in declared else set())
    for method in METHODS - declared:
        response = anonymous.request(method, path.format(user_id="zoe", task_id=1))
        assert error_of(response) == (405, "method_not_allowed", [])
        assert set(response.headers["Allow"].split(", ")) == allowed


class Statuses:
    """Requests that cause each declared status, some by real faults."""

    def __init__(self, address: str) -> None:
        self.user = User(address)

    def produce(self, operation: Operation, status: int) -> httpx.Response:
        produce: Callable[[Operation], httpx.Response] = getattr(self, f"answer_{status}")
        return produce(operation)

    def succeed(self, operation: Operation) -> httpx.Response:
        task = self.user.create()
        return send(self.user.client, operation, self.user.user_id, task["id"])

    def answer_200(self, operation: Operation) -> httpx.Response:
        return self.succeed(operation)

    def answer_201(self, operation: Operation) -> httpx.Response:
        return self.succeed(operation)

    def answer_204(self, operation: Operation) -> httpx.Response:
        if operation is not operations.REORDER_TASKS:
            return self.succeed(operation)
        ids = [task["id"] for task in self.user.page()["data"]]
        order: Json = {"json": {"task_ids": ids[::-1]}}
        return send(self.user.client, operation, self.user.user_id, **order)

    def answer_401(self, operation: Operation) -> httpx.Response:
        headers = {"Authorization": "Bearer garbage"}
        return send(self.user.client, operation, self.user.user_id, headers=headers)

    def answer_403(self, operation: Operation) -> httpx.Response:
        return send(self.user.client, operation, "another-user")

    def answer_404(self, operation: Operation) -> httpx.Response:
        return send(self.user.client, operation, self.user.user_id)

    def answer_409(self, operation: Operation) -> httpx.Response:
        return send(self.user.client, operation, self.user.user_id)

    def answer_413(self, operation: Operation) -> httpx.Response:
        return send(self.user.client, operation, self.user.user_id, content=TOO_LARGE)

    def answer_422(self, operation: Operation) -> httpx.Response:
        return send(self.user.client, operation, self.user.user_id, query="?x=1")

    def answer_500(self, operation: Operation) -> httpx.Response:
        return send(self.user.client, operation, self.user.user_id)

    def answer_503(self, operation: Operation) -> httpx.Response:
        return send(self.user.client, operation, self.user.user_id)


DECLARED = [
    (operation, int(status))
    for operation in OPERATIONS
    for status in CONTRACT["paths"][operation.path][operation.method.lower()]["responses"]
]


class TestEveryDeclaredStatus:
    @pytest.fixture(scope="class")
    @classmethod
    def services(
        cls, running_service: service.Service, database_url: str
    ) -> Iterator[dict[int, Statuses]]:
        """A healthy service, one with unusable tables and one without a database."""
        unreachable_url = f"postgresql://nobody@127.0.0.1:{service.free_port()}/nothing"
        with broken(database_url) as failing, started(unreachable_url) as waiting:
            healthy = Statuses(running_service.address)
            yield {500: failing, 503: waiting, 0: healthy}
            for started_service in (failing, waiting, healthy):
                started_service.user.client.close()

    @pytest.mark.parametrize(
        ("operation", "status"),
        DECLARED,
        ids=[f"{operation.operation_id}-{status}" for operation, status in DECLARED],
    )
    def test_declared_status_is_answered_by_the_service(
        self, services: dict[int, Statuses], operation: Operation, status: int
    ) -> None:
        response = services.get(status, services[0]).produce(operation, status)
        # The client validates the answer against the declaration of its status.
        assert conformance.operation(response.request)
        assert response.status_code == status


@contextmanager
def started(database_url: str) -> Iterator[Statuses]:
    with service.running(DATABASE_URL=database_url, BETTER_AUTH_SECRET=SECRET) as running:
        yield Statuses(running.address)


@contextmanager
def broken(database_url: str) -> Iterator[Statuses]:
    """A service whose tables have unusable types."""
    run(database_url, "CREATE DATABASE empty")
    unusable = database_url.replace("/postgres?", "/empty?")
    run(unusable, UNUSABLE_TABLES)
    with started(unusable) as started_service:
        yield started_service
    run(database_url, "DROP DATABASE empty WITH (FORCE)")
