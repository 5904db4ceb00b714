"""The contract and its documentation page, as the service serves them."""

import httpx
import pytest

from tests.support import conformance, service


class TestDocuments:
    def test_a_part_of_one_is_the_whole(self, stranger: httpx.Client) -> None:
        for wanted in ("bytes=0-9", "nonsense"):
            answer = stranger.get("/openapi.yaml", headers={"Range": wanted})
            assert answer.status_code == 200

    def test_the_contract_itself_is_served(self, stranger: httpx.Client) -> None:
        written = (service.ROOT / "openapi" / "openapi.yaml").read_bytes()
        assert stranger.get("/openapi.yaml").content == written
        assert stranger.get("/openapi.json").json() == conformance.CONTRACT

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
    def test_each_says_what_it_is_since_nobody_may_guess(
        self, stranger: httpx.Client, path: str, media_type: str
    ) -> None:
        assert stranger.get(path).headers["Content-Type"] == media_type

    def test_the_page_needs_nothing_from_elsewhere(self, stranger: httpx.Client) -> None:
        page = stranger.get("/docs").text
        assert "http" not in page.replace("http-equiv", "")
        for path in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon.png"):
            assert f"/docs/{path}" in page
            assert stranger.get(f"/docs/{path}").is_success
