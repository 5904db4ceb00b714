"""Error responses: the examples of the contract, and errors inside the service."""

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from scripts.dev import migration
from tests.support import service
from tests.support.conformance import CONTRACT
from tests.support.database import run, unusable_tables
from tests.support.service import ORIGIN, SECRET
from tests.support.users import Json, User, error_of

ERROR = {"code", "message", "details"}
DETAIL = {"location", "message"}

FAILING = """
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE division_by_zero; END $$;
CREATE TRIGGER fail BEFORE INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION fail();
"""


def examples(node: Any, place: str = "#") -> Iterator[tuple[str, Json]]:
    """Yield every object below an `example` or `examples` of the contract with its location."""
    children = node.items() if isinstance(node, dict) else enumerate(node)
    for name, child in children:
        if isinstance(child, dict | list):
            if isinstance(child, dict) and "/example" in f"{place}/{name}":
                yield f"{place}/{name}", child
            yield from examples(child, f"{place}/{name}")


ERRORS = [(place, each) for place, each in examples(CONTRACT) if each.keys() == ERROR]
DETAILS = [(place, each) for place, each in examples(CONTRACT) if each.keys() == DETAIL]


class Answers:
    """Requests that cause each error code."""

    def __init__(self, healthy: User, failing: User, without_database: User) -> None:
        self._well, self._failing, self._without_database = healthy, failing, without_database

    def unauthorized(self) -> httpx.Response:
        return httpx.get(self._well.client.base_url.join(self._well.path), verify=service.TLS)

    def forbidden(self) -> httpx.Response:
        return self._well.client.get("/api/another-user/tasks")

    def not_found(self) -> httpx.Response:
        return self._well.request("GET", "/1")

    def method_not_allowed(self) -> httpx.Response:
        return self._well.client.delete("/health")

    def conflict(self) -> httpx.Response:
        return self._well.request("PUT", "/order", json={"task_ids": [1]})

    def payload_too_large(self) -> httpx.Response:
        return self._well.request("POST", content=b" " * (256 * 1024 + 1))

    def validation_error(self) -> httpx.Response:
        return self._well.request("POST", json={"title": ""})

    def internal_error(self) -> httpx.Response:
        return self._failing.request("POST", json={"title": "Buy milk"})

    def unavailable(self) -> httpx.Response:
        return self._without_database.request("GET")


@pytest.fixture(scope="module")
def answers(running_service: service.Service, database_url: str) -> Iterator[Answers]:
    unreachable_url = f"postgresql://nobody@127.0.0.1:{service.free_port()}/nothing"
    with (
        failing(database_url) as url,
        user_of(running_service.address) as healthy,
        started(url) as second,
        started(unreachable_url) as third,
    ):
        yield Answers(healthy, second, third)


@contextmanager
def failing(database_url: str) -> Iterator[str]:
    """Create a database in which a trigger fails for every new task."""
    name = f"failing_{secrets.token_hex(4)}"
    url = database_url.replace("/postgres?", f"/{name}?")
    run(database_url, f"CREATE DATABASE {name}")
    migration.upgrade(url)
    run(url, FAILING)
    yield url
    run(database_url, f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def started(database_url: str) -> Iterator[User]:
    settings = {"DATABASE_URL": database_url, "BETTER_AUTH_SECRET": SECRET}
    with service.running(**settings) as running, user_of(running.address) as user:
        yield user


@contextmanager
def user_of(address: str) -> Iterator[User]:
    user = User(address)
    with user.client:
        yield user


def answer(answers: Answers, code: str) -> Json:
    provoke: Callable[[], httpx.Response] = getattr(answers, code)
    body: Json = provoke().json()
    return body


@pytest.mark.parametrize(("place", "example"), ERRORS, ids=[place for place, _ in ERRORS])
def test_error_example_is_the_answer_of_the_service(
    answers: Answers, place: str, example: Json
) -> None:
    assert answer(answers, example["code"]) == example, place


@pytest.mark.parametrize(("place", "example"), DETAILS, ids=[place for place, _ in DETAILS])
def test_detail_example_is_in_the_answer_of_the_service(
    answers: Answers, place: str, example: Json
) -> None:
    assert example in answer(answers, "validation_error")["details"], place


@pytest.mark.parametrize(
    "code", CONTRACT["components"]["schemas"]["Error"]["properties"]["code"]["enum"]
)
def test_every_error_code_is_answered_by_the_service(answers: Answers, code: str) -> None:
    assert answer(answers, code)["code"] == code


@pytest.mark.parametrize("name", CONTRACT["components"]["responses"])
def test_every_error_response_has_an_example(name: str) -> None:
    schema = CONTRACT["components"]["responses"][name]["content"]["application/json"]["schema"]
    assert any(place.startswith(f"{schema['$ref']}/examples/") for place, _ in ERRORS)


class TestFailures:
    @pytest.fixture
    def broken(self, database_url: str) -> Iterator[User]:
        """A user of a service whose tables have unusable types."""
        settings = {"DATABASE_URL": database_url, "BETTER_AUTH_SECRET": SECRET}
        with service.running(**settings, FRONTEND_URL=ORIGIN) as running:
            user = User(running.address)
            with user.client, unusable_tables(database_url):
                yield user
            lines = running.whole_log().splitlines()
            found = [json.loads(line) for line in lines if "exception" in line]
            assert [line["request_id"] for line in found] == ["find-me"]
            assert found[0]["exception"].startswith("Traceback")
            assert "operator does not exist" in found[0]["exception"]

    def test_internal_error_is_in_the_log_and_not_in_the_answer(self, broken: User) -> None:
        headers = {"Origin": ORIGIN, "X-Request-Id": "find-me"}
        response = broken.request("GET", headers=headers)
        assert error_of(response) == (500, "internal_error", [])
        assert "tasks" not in response.text
        assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert response.headers["X-Request-Id"] == "find-me"

    def test_service_starts_with_an_unreachable_database_and_answers_503(
        self, unused_port: int
    ) -> None:
        unreachable_url = f"postgresql://nobody:hidden@127.0.0.1:{unused_port}/nothing"
        settings = {"DATABASE_URL": unreachable_url, "BETTER_AUTH_SECRET": SECRET}
        with service.running(**settings) as running:
            user = User(running.address)
            with user.client as client:
                for response in (user.request("GET"), client.get("/health/ready")):
                    assert error_of(response) == (503, "unavailable", [])
                    assert int(response.headers["Retry-After"]) > 0
                assert client.get("/health").status_code == 200
            assert "hidden" not in running.log.read_text()
