"""The contract and its documentation page, as the service serves them."""

import httpx
import pytest

from tests.support import conformance, service


class TestDocuments:
    def test_range_header_is_ignored(self, anonymous: httpx.Client) -> None:
        for wanted in ("bytes=0-9", "nonsense"):
            answer = anonymous.get("/openapi.yaml", headers={"Range": wanted})
            assert answer.status_code == 200

    def test_contract_is_served_as_yaml_and_json(self, anonymous: httpx.Client) -> None:
        written = (service.ROOT / "openapi" / "openapi.yaml").read_bytes()
        assert anonymous.get("/openapi.yaml").content == written
        assert anonymous.get("/openapi.json").json() == conformance.CONTRACT

    @pytest.mark.parametrize(
        ("path", "media_type"),
        [
            ("/openapi.json", "application/json"),
            ("/openapi.yaml", "application/yaml"),
            ("/docs", "text/html; charset=utf-8"),
            ("/docs/swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
            ("/docs/swagger-ui.css", "text/css; charset=utf-8"),
            ("/docs/favicon.png", "image/png"),
        ],
    )
    def test_document_has_its_media_type(
        self, anonymous: httpx.Client, path: str, media_type: str
    ) -> None:
        assert anonymous.get(path).headers["Content-Type"] == media_type

    def test_docs_page_loads_only_from_the_service(self, anonymous: httpx.Client) -> None:
        page = anonymous.get("/docs").text
        assert "http" not in page.replace("http-equiv", "")
        for path in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon.png"):
            assert f"/docs/{path}" in page
            assert anonymous.get(f"/docs/{path}").is_success
