"""The contract: valid, bounded, with valid examples, and implemented by the service.

test_errors compares the examples of errors with the answers of the service.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from generated.operations import OPERATIONS
from handlers.auth.bearer import Authenticator
from handlers.http.routing import routes
from scripts.openapi import pointers
from tests.support import conformance
from tests.support.conformance import CONTRACT
from tests.support.service import ROOT, SECRET, clean_environment
from tests.support.users import User

DESCRIBE = """
import json
from handlers.app import app
print(json.dumps([
    {
        "path": item.path,
        "method": method,
        "operation_id": getattr(operation, "operation_id", None),
        "status": getattr(operation, "status", None),
        "public": getattr(operation, "public", None),
        "body": operation and operation.body and operation.schemas["body"].rpartition("/")[2],
    }
    for item in app.routes
    for method, endpoint in item.endpoints.items()
    for operation in [getattr(endpoint, "operation", None)]
    if method != "HEAD"
]))
"""

BOUNDS = {
    "string": {"maxLength", "minLength"},
    "integer": {"minimum", "maximum"},
    "array": {"maxItems"},
    "object": {"properties"},
    "boolean": set(),
}
KEYS = ["operationId", "summary", "description", "tags", "security", "parameters"]
KEYS += ["requestBody", "responses"]


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for item in CONTRACT["paths"].values():
        for method, found in item.items():
            if method != "parameters":
                yield found["operationId"], found


def nodes(node: Any, place: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every object of the contract with its location."""
    if isinstance(node, dict):
        yield place, node
    children = node.items() if isinstance(node, dict) else enumerate(node)
    for name, child in children:
        if isinstance(child, dict | list):
            yield from nodes(child, f"{place}/{name}")


def is_example(place: str) -> bool:
    return "/example" in place


SCHEMAS = {
    place: node for place, node in nodes(CONTRACT) if "type" in node and not is_example(place)
}
SCHEMAS.pop("#/components/securitySchemes/bearer")
EXAMPLES = [
    (f"{place}/{number}", node, example)
    for place, node in nodes(CONTRACT)
    if not is_example(place) and isinstance(node.get("examples"), list)
    for number, example in enumerate(node["examples"])
]
VALUES = [
    (place, node["schema"], example.get("value") if "examples" in node else example)
    for place, node in nodes(CONTRACT)
    if not is_example(place) and "schema" in node
    for example in [*node.get("examples", {}).values(), *filter(None, [node.get("example")])]
]


class TestSchemas:
    @pytest.mark.parametrize("place", SCHEMAS)
    def test_every_schema_is_bounded(self, place: str) -> None:
        schema = SCHEMAS[place]
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        for kind in set(kinds) - {"null"}:
            # A pattern or an enumeration bounds a text, too.
            needed = BOUNDS[kind] - ({"minLength"} if "pattern" in schema else set())
            assert "enum" in schema or needed <= set(schema)

    @pytest.mark.parametrize("name", CONTRACT["components"]["schemas"])
    def test_every_schema_has_an_example_and_a_description(self, name: str) -> None:
        schema = CONTRACT["components"]["schemas"][name]
        assert schema["examples"]
        assert schema["description"]

    @pytest.mark.parametrize("name", ["Task", "TaskList", "Pagination", "Health", "Readiness"])
    def test_every_response_member_is_required(self, name: str) -> None:
        schema = CONTRACT["components"]["schemas"][name]
        assert schema["required"] == list(schema["properties"])
        assert schema["additionalProperties"] is False

    @pytest.mark.parametrize(("place", "schema", "example"), EXAMPLES + VALUES)
    def test_every_example_is_valid_for_its_schema(
        self, place: str, schema: dict[str, Any], example: object
    ) -> None:
        assert place
        whole = {**schema, "components": CONTRACT["components"]}
        conformance.validate(whole, example)


class TestApplication:
    """The routes of the running application."""

    @pytest.fixture(scope="class")
    @classmethod
    def routes(cls) -> list[dict[str, Any]]:
        settings = {"DATABASE_URL": "postgresql://nowhere/x", "BETTER_AUTH_SECRET": SECRET}
        output = subprocess.run(
            [sys.executable, "-c", DESCRIBE],
            cwd=ROOT,
            env=clean_environment() | settings,
            capture_output=True,
            text=True,
            check=True,
        )
        found: list[dict[str, Any]] = json.loads(output.stdout)
        return found

    def test_routes_are_the_operations_of_the_contract(self, routes: list[dict[str, Any]]) -> None:
        mounted = [route for route in routes if route["operation_id"]]
        for route in mounted:
            declared = CONTRACT["paths"][route["path"]][route["method"].lower()]
            assert declared["operationId"] == route["operation_id"]
            assert str(route["status"]) in declared["responses"]
            assert route["public"] == (declared.get("security") == [])
            body = declared.get("requestBody", {}).get("content", {})
            schema = body.get("application/json", {}).get("schema", {}).get("$ref", "/")
            assert route["body"] == (schema.rpartition("/")[2] or None)
        names = [route["operation_id"] for route in mounted]
        assert sorted(names) == sorted(name for name, _ in operations())

    def test_only_contract_and_docs_are_served_besides_the_operations(
        self, routes: list[dict[str, Any]]
    ) -> None:
        others = {route["path"] for route in routes} - set(CONTRACT["paths"])
        assert {path for path in others if not path.startswith("/docs")} == {
            "/openapi.json",
            "/openapi.yaml",
        }

    def test_operation_without_a_handler_is_rejected_by_name(self) -> None:
        authenticator = Authenticator([], ())
        with pytest.raises(TypeError, match=r"list_tasks has no handler: give handlers/app\.py"):
            list(routes(authenticator, []))


class TestOperations:
    @pytest.mark.parametrize(("name", "operation"), list(operations()))
    def test_operation_has_its_keys_in_the_standard_order(
        self, name: str, operation: dict[str, Any]
    ) -> None:
        assert name
        assert list(operation) == [key for key in KEYS if key in operation]

    @pytest.mark.parametrize(("name", "operation"), list(operations()))
    def test_operation_declares_every_common_error_status(
        self, name: str, operation: dict[str, Any]
    ) -> None:
        expected = {"422"}
        if operation.get("security") != []:
            expected |= {"401", "403", "500", "503"}
        if "requestBody" in operation:
            expected |= {"413"}
        assert expected <= set(operation["responses"]), name
        assert "default" not in operation["responses"]

    def test_generated_operations_are_those_of_the_contract(self) -> None:
        assert {found.operation_id for found in OPERATIONS} == {name for name, _ in operations()}

    def test_links_of_create_task_lead_to_the_task(self, user: User) -> None:
        task = user.create()
        created = CONTRACT["paths"]["/api/{user_id}/tasks"]["post"]["responses"]["201"]
        by_name = {operation.operation_id: operation for operation in OPERATIONS}
        assert set(created["links"]) == {"get", "update", "toggle", "delete"}
        for link in created["links"].values():
            members = {
                name: task[expression.removeprefix("$response.body#/")]
                for name, expression in link["parameters"].items()
            }
            operation = by_name[link["operationId"]]
            body: dict[str, Any] = {"json": {}} if operation.body_required else {}
            url = operation.url(**members)
            assert user.client.request(operation.method, url, **body).is_success

    @pytest.mark.parametrize(
        ("operation_id", "example"),
        [
            (operation.operation_id, example)
            for operation in OPERATIONS
            if operation.body
            for example in pointers.lookup(CONTRACT, operation.schemas["body"])["examples"]
        ],
    )
    def test_request_body_example_is_accepted(
        self, user: User, operation_id: str, example: dict[str, Any]
    ) -> None:
        operation = next(found for found in OPERATIONS if found.operation_id == operation_id)
        task = user.create()
        url = operation.url(user_id=user.user_id, task_id=task["id"])
        response = user.client.request(operation.method, url, json=example)
        # The IDs of an example are not in this list.
        assert response.status_code == (409 if "task_ids" in example else operation.status)
