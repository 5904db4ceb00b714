"""Request IDs and CORS, which are the same for all paths."""

import httpx
import pytest

from tests.support.service import ORIGIN
from tests.support.users import User, error_of

EXPOSED = {"location", "retry-after", "www-authenticate", "x-request-id"}
FOREIGN = ["http://evil.test", "null", ORIGIN + ".evil.test", ORIGIN + "/", "https://frontend.test"]


class TestRequestIds:
    @pytest.mark.parametrize("sent", ["a", "A-b_c.9", "x" * 128])
    def test_valid_request_id_is_returned(self, anonymous: httpx.Client, sent: str) -> None:
        response = anonymous.get("/health", headers={"X-Request-Id": sent})
        assert response.headers["X-Request-Id"] == sent

    @pytest.mark.parametrize("sent", ["", "x" * 129, "a b", "ä", "a\tb", "a/b"])
    def test_invalid_request_id_is_replaced(self, anonymous: httpx.Client, sent: str) -> None:
        response = anonymous.get("/health", headers={b"X-Request-Id": sent.encode()})
        assert response.headers["X-Request-Id"] not in ("", sent)

    def test_generated_request_ids_are_unique(self, anonymous: httpx.Client) -> None:
        ids = {anonymous.get("/health").headers["X-Request-Id"] for _ in range(10)}
        assert len(ids) == 10


class TestCors:
    PREFLIGHT = {"Access-Control-Request-Method": "PUT"}

    @pytest.mark.parametrize("path", ["/api/a/tasks", "/api/a/tasks/order", "/health", "/nowhere"])
    def test_preflight_from_a_configured_origin_gets_204(
        self, anonymous: httpx.Client, path: str
    ) -> None:
        wanted = {"Access-Control-Request-Headers": "authorization,content-type,x-request-id"}
        headers = {"Origin": ORIGIN, **self.PREFLIGHT, **wanted}
        response = anonymous.options(path, headers=headers)
        assert response.status_code == 204
        assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
        allowed = response.headers["Access-Control-Allow-Headers"]
        assert allowed == wanted["Access-Control-Request-Headers"]
        methods = response.headers["Access-Control-Allow-Methods"].split(", ")
        assert {"GET", "POST", "PUT", "PATCH", "DELETE"} <= set(methods)
        # Without Access-Control-Max-Age a browser sends a preflight before each request.
        assert int(response.headers["Access-Control-Max-Age"]) >= 600

    @pytest.mark.parametrize("origin", FOREIGN)
    def test_preflight_from_another_origin_gets_403(
        self, anonymous: httpx.Client, origin: str
    ) -> None:
        headers = {**self.PREFLIGHT, "Origin": origin}
        response = anonymous.options("/api/a/tasks", headers=headers)
        assert error_of(response) == (403, "forbidden", [])
        assert "access-control-allow-origin" not in response.headers

    @pytest.mark.parametrize("missing", ["Origin", "Access-Control-Request-Method"])
    def test_incomplete_preflight_gets_405(self, anonymous: httpx.Client, missing: str) -> None:
        headers = {**self.PREFLIGHT, "Origin": ORIGIN}
        del headers[missing]
        assert error_of(anonymous.options("/health", headers=headers))[0] == 405

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "", 200),
            ("POST", "", 422),
            ("GET", "/order", 405),
            ("GET", "/9007199254740991", 404),
            ("GET", "/1/2/3", 404),
            ("OPTIONS", "", 405),
        ],
    )
    def test_every_answer_to_a_configured_origin_has_cors_headers(
        self, user: User, method: str, path: str, status: int
    ) -> None:
        response = user.request(method, path, headers={"Origin": ORIGIN})
        assert response.status_code == status
        assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
        exposed = response.headers["Access-Control-Expose-Headers"].lower().split(", ")
        assert set(exposed) == EXPOSED
        assert response.headers["Vary"] == "Origin"
        assert "access-control-allow-credentials" not in response.headers

    def test_every_answer_has_vary_origin(self, anonymous: httpx.Client) -> None:
        """A cache must not give the answer for one origin to another origin."""
        for headers in ({}, {"Origin": FOREIGN[0]}):
            assert anonymous.get("/health", headers=headers).headers["Vary"] == "Origin"

    @pytest.mark.parametrize("origin", FOREIGN)
    def test_answer_to_another_origin_has_no_cors_headers(self, user: User, origin: str) -> None:
        response = user.request("GET", headers={"Origin": origin})
        assert response.status_code == 200
        assert "access-control-allow-origin" not in response.headers
