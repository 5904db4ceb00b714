"""Every answer in every test is validated against the contract."""

import json
import re
from functools import cache
from typing import Any

import httpx
import jsonschema_rs

from scripts.openapi import pointers
from tests.support.service import ROOT

CONTRACT = json.loads((ROOT / "generated" / "openapi.json").read_text())

ALWAYS = {"x-content-type-options": "nosniff", "cache-control": "no-store"}


def check(response: httpx.Response) -> None:
    """Raise AssertionError if the contract does not declare an answer."""
    response.read()
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,128}", response.headers["x-request-id"])
    assert ALWAYS.items() <= dict(response.headers).items()
    assert "server" not in response.headers
    found = operation(response.request)
    if found is None:
        check_outside(response)
        return
    declared = found["responses"].get(str(response.status_code))
    assert declared, f"{found['operationId']} does not declare {response.status_code}"
    declared = resolve(declared)
    check_headers(response, declared.get("headers", {}))
    check_body(response, declared.get("content"))


def check_outside(response: httpx.Response) -> None:
    """An unknown path or method: the two answers that belong to no operation."""
    if response.is_error:
        check_json(response, {"$ref": "#/components/schemas/Error"})
    assert ("allow" in response.headers) == (response.status_code == httpx.codes.METHOD_NOT_ALLOWED)


def check_headers(response: httpx.Response, declared: dict[str, Any]) -> None:
    for name, header in declared.items():
        assert name in response.headers, f"{name} is missing"
        schema = header["schema"]
        value = response.headers[name]
        validator(json.dumps(schema)).validate(
            int(value) if schema.get("type") == "integer" else value
        )
    for name in ("Location", "WWW-Authenticate", "Retry-After", "Allow"):
        assert (name in response.headers) == (name in declared)


def check_body(response: httpx.Response, content: dict[str, Any] | None) -> None:
    if content is None:
        assert not response.content
    elif response.request.method != "HEAD":
        check_json(response, content["application/json"]["schema"])


def check_json(response: httpx.Response, schema: dict[str, Any]) -> None:
    assert response.headers["content-type"] == "application/json"
    validator(json.dumps(schema)).validate(response.json())


@cache
def validator(schema: str) -> jsonschema_rs.Validator:
    whole = {**json.loads(schema), "components": CONTRACT["components"]}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def operation(request: httpx.Request) -> dict[str, Any] | None:
    """Find the operation that a request is for; HEAD is for GET's."""
    raw = request.url.raw_path.split(b"?")[0].decode()
    method = "get" if request.method == "HEAD" else request.method.lower()
    for path in sorted(CONTRACT["paths"]):
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), raw):
            found: dict[str, Any] | None = CONTRACT["paths"][path].get(method)
            return found
    return None


def resolve(node: dict[str, Any]) -> dict[str, Any]:
    return pointers.resolve(CONTRACT, node)


def validate(schema: dict[str, Any], value: object) -> None:
    """Raise jsonschema_rs.ValidationError if a value does not fit a schema of the contract."""
    validator(json.dumps(schema)).validate(value)
