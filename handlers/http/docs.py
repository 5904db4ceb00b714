"""The contract as a file and as Swagger UI, without resources from the internet."""

from collections.abc import Iterator
from pathlib import Path

import fastapi_offline
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import Response

from handlers.http.routing import PathItem

ROOT = Path(__file__).resolve().parents[2]
ASSETS = Path(fastapi_offline.__file__).parent / "static"
CONTRACT = ROOT / "generated" / "openapi.json"

FILES = {
    "/openapi.yaml": (ROOT / "openapi" / "openapi.yaml", "application/yaml"),
    "/openapi.json": (CONTRACT, "application/json"),
    "/docs/swagger-ui-bundle.js": (ASSETS / "swagger-ui-bundle.js", "text/javascript"),
    "/docs/swagger-ui.css": (ASSETS / "swagger-ui.css", "text/css"),
    "/docs/favicon.png": (ASSETS / "favicon.png", "image/png"),
}


def routes(title: str) -> Iterator[PathItem]:
    """Yield the routes that are not in the contract. All are public."""
    for path, (file, media_type) in FILES.items():
        yield PathItem(path, {"GET": Response(file.read_bytes(), media_type=media_type)})
    page = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title=title,
        swagger_js_url="/docs/swagger-ui-bundle.js",
        swagger_css_url="/docs/swagger-ui.css",
        swagger_favicon_url="/docs/favicon.png",
        swagger_ui_parameters={"persistAuthorization": True, "tryItOutEnabled": True},
    )
    yield PathItem("/docs", {"GET": page})
