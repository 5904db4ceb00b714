"""Every supported keyword of a contract is enforced by the running service."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support import gallery, service

SCHEMAS = gallery.read("keywords")["components"]["schemas"]
VALID = [(name, value) for name, each in SCHEMAS.items() for value in each.get("examples", [])]
INVALID = [
    (name, location, value)
    for name, schema in SCHEMAS.items()
    for case in schema.get("x-invalid", [])
    for location, value in case.items()
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("keywords")
    gallery.generate("keywords", folder)
    factory = ("tests.support.gallery:make", "--factory")
    with (
        service.running(factory, PYTHONPATH=f"{folder}:{service.ROOT}") as running,
        httpx.Client(base_url=running.address) as client,
    ):
        yield client


@pytest.mark.parametrize(("schema", "value"), VALID)
def test_valid_body_is_accepted(client: httpx.Client, schema: str, value: Any) -> None:
    response = client.post(f"/{schema}", json=value)
    assert response.status_code == 200, response.text


@pytest.mark.parametrize(("schema", "location", "value"), INVALID)
def test_invalid_body_gets_422_with_its_location(
    client: httpx.Client, schema: str, location: str, value: Any
) -> None:
    response = client.post(f"/{schema}", json=value)
    assert response.status_code == 422, response.text
    places = [detail["location"] for detail in response.json()["details"]]
    assert location in places


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1" * 4000 + ".5"])
def test_number_beyond_float_gets_422(client: httpx.Client, number: str) -> None:
    body = f'{{"value": {number}}}'
    response = client.post("/Amount", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 422, response.text


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("/parameters/2026-02-28?until=2026-03-01&step=10", ""),
        ("/parameters/2026-02-30", "path.day"),
        ("/parameters/2026-02-28?until=tomorrow", "query.until"),
        ("/parameters/2026-02-28?step=7", "query.step"),
        (f"/parameters/2026-02-28?step={'5' * 5000}", "query.step"),
        ("/parameters/2026-02-28?step=5.0", "query.step"),
        ("/parameters/2026-02-28?other=1", "query.other"),
        ("/parameters/2026-02-28?word=%FF", "query.word"),
        ("/parameters/2026-02-28?word=", ""),
    ],
)
def test_parameter_outside_its_schema_gets_422(
    client: httpx.Client, url: str, location: str
) -> None:
    response = client.get(url)
    assert response.status_code == (422 if location else 200), response.text
    assert [detail["location"] for detail in response.json().get("details", [])] == (
        [location] if location else []
    )


def test_violations_of_path_and_query_are_reported_together(client: httpx.Client) -> None:
    response = client.get("/parameters/2026-02-30?until=tomorrow&step=7&other=1")
    places = [detail["location"] for detail in response.json()["details"]]
    assert sorted(places) == ["path.day", "query.other", "query.step", "query.until"]


def test_violation_is_reported_once_for_each_member(client: httpx.Client) -> None:
    response = client.post("/Numbers", json=["a", 1, 2, 3])
    places = [detail["location"] for detail in response.json()["details"]]
    assert len(places) == len(set(places))


def test_message_does_not_repeat_the_value(client: httpx.Client) -> None:
    response = client.post("/NotEmpty", json={"name": "a", "tags": ["private" * 1000]})
    assert response.status_code == 422
    assert "private" not in response.text


def test_lone_surrogate_gets_422(client: httpx.Client) -> None:
    body = r'{"mail": "\ud800"}'
    response = client.post("/Contact", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 422, response.text


def test_items_with_members_in_another_order_are_duplicates(client: httpx.Client) -> None:
    body = '{"nested": {"class": [{"a": 1, "b": 2}, {"b": 2, "a": 1}]}}'
    response = client.post("/Unique", content=body, headers={"Content-Type": "application/json"})
    places = [detail["location"] for detail in response.json()["details"]]
    assert places == ["body.nested.class.1"]


def test_deep_body_that_violates_only_the_schema_gets_422(client: httpx.Client) -> None:
    body = f'{{"name": "", "b": {"[" * 300}{"]" * 300}}}'
    response = client.post("/NotEmpty", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 422, response.text


@pytest.mark.parametrize("depth", [100, 300, 900, 100_000])
def test_nested_body_is_accepted_or_gets_422(client: httpx.Client, depth: int) -> None:
    body = f'{{"b": {"[" * depth}{"]" * depth}}}'
    response = client.post("/Open", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == (422 if depth == 100_000 else 200), response.text
