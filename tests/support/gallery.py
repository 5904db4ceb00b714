"""Small contracts, each generated and served for real: tests/contracts/.

uvicorn --factory tests.support.gallery:make
"""

from pathlib import Path
from typing import Any

import yaml
from fastapi import FastAPI

from scripts.openapi import generation
from tests.support.service import ROOT

CONTRACTS = ROOT / "tests" / "contracts"
HEALTH = {"operationId": "get_health", "summary": "Liveness.", "security": []}
DONE = {"$ref": "#/components/schemas/Done"}


def read(name: str) -> dict[str, Any]:
    """Return a contract, completed with the base and with what a schema's operation needs."""
    base: dict[str, Any] = yaml.safe_load((CONTRACTS / "base.yaml").read_text())
    own = yaml.safe_load((CONTRACTS / name / "openapi.yaml").read_text())
    schemas = own["components"]["schemas"]
    base["components"]["schemas"] |= schemas
    bodies = {f"/{schema}": {"post": operation(schema)} for schema in schemas}
    base["paths"] = own.get("paths", {}) | bodies
    base["paths"]["/health"] = {"get": HEALTH | success()}
    return base


def operation(schema: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {
        "operationId": f"post_{schema.lower()}",
        "summary": "Take a body.",
        "security": [],
        "requestBody": {"required": True, "content": content},
        **success(),
    }


def success() -> dict[str, Any]:
    content = {"application/json": {"schema": DONE}}
    return {"tags": ["gallery"], "responses": {"200": {"description": "Done.", "content": content}}}


def generate(name: str, folder: Path) -> None:
    """Write a contract and generate its package into a folder."""
    source = folder / "openapi.yaml"
    source.write_text(yaml.safe_dump(read(name), sort_keys=False))
    (folder / "generated").mkdir()
    generation.generate(source, folder / "generated")


def make() -> FastAPI:
    """Serve the contract whose `generated` package comes first in the path."""
    from generated import operations
    from handlers import log
    from handlers.auth.bearer import Authenticator
    from handlers.http import routing
    from handlers.http.middleware import Middleware

    log.configure(is_development=False)

    tag: Any = vars(operations)["Gallery"]

    async def done(_self: object, **_arguments: object) -> dict[str, bool]:
        return {"done": True}

    methods = dict.fromkeys(tag.__abstractmethods__, done)
    handler = type("Handler", (tag,), methods)()
    app = FastAPI(openapi_url=None)
    app.router.routes += routing.routes(Authenticator([], []), [handler])
    app.middleware_stack = Middleware(app.router, origins=())
    return app
