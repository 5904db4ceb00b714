"""Paths and methods: what is not in the contract gets 404 or 405."""

import httpx
import pytest

from tests.support.users import Json, NewUser, User, error_of

INVALID = (422, "validation_error")


class TestPaths:
    @pytest.mark.parametrize(
        "task_id",
        ["+1", "01", "1.0", "1e0", "1_0", "%201", "1%20", "1%0A", "%D9%A1", "-1", "0", "abc", "%00"]
        + ["9007199254740992", "1" * 400, "1" * 5000, "null", "true", "%FF", "1%2F2", "0x1", "½"],
    )
    @pytest.mark.parametrize(
        ("method", "rest"), [("GET", ""), ("PUT", ""), ("DELETE", ""), ("PATCH", "/complete")]
    )
    def test_invalid_task_id_gets_422(
        self, user: User, method: str, rest: str, task_id: str
    ) -> None:
        body: Json = {"json": {}} if method == "PUT" else {}
        response = user.request(method, f"/{task_id}{rest}", **body)
        assert error_of(response) == (*INVALID, ["path.task_id"])

    @pytest.mark.parametrize(
        "path",
        ["/", "/api", "/tasks", "/api/a/tasks/", "/api/a/tasks/1/", "/api//tasks", "//health"]
        + [
            "/api/a/tasks/1/complete/",
            "/api/a/tasks/1/2",
            "/health/",
            "/Health",
            "/docs/",
            "/redoc",
        ]
        + [
            "/api/a/tasks%0A",
            "/api/a%2Ftasks",
            "/api/a%2ftasks",
            "/api/a/tasks%2F1",
            "/health%00",
            "/docs/x.js",
        ],
    )
    @pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "DELETE"])
    def test_path_outside_the_contract_gets_404_without_token_or_redirect(
        self, anonymous: httpx.Client, method: str, path: str
    ) -> None:
        assert error_of(anonymous.request(method, path)) == (404, "not_found", [])


class TestInvalidUtf8:
    """Invalid UTF-8 in a path is not replaced, removed or decoded in another encoding."""

    @pytest.mark.parametrize(
        ("user_id", "path"),
        [
            ("zoe", "zoe%FF"),
            ("zoe", "%FFzoe"),
            ("zoe", "zo%C1%A5"),
            ("zo\u00eb", "zo%EB"),
            ("zoe\u00ff", "zoe%FF"),
            ("zoe\ufffd", "zoe%FF"),
            ("zoe\ufffd", "zoe%C3"),
            ("zoe\ufffd\ufffd\ufffd", "zoe%ED%A0%80"),
        ],
    )
    def test_user_id_with_invalid_utf8_gets_403(
        self, new_user: NewUser, user_id: str, path: str
    ) -> None:
        client = new_user(user_id).client
        assert error_of(client.get(f"/api/{path}/tasks")) == (403, "forbidden", [])

    @pytest.mark.parametrize("rest", ["{}%FF", "%FF{}", "{}%C3", "{}%C0%80"])
    def test_task_id_with_invalid_utf8_gets_422(self, user: User, rest: str) -> None:
        task = user.create()
        response = user.request("GET", "/" + rest.format(task["id"]))
        assert error_of(response) == (*INVALID, ["path.task_id"])

    @pytest.mark.parametrize("path", ["/health%FF", "/%FFhealth", "/api/zoe/task%FFs", "/%FF"])
    def test_path_with_invalid_utf8_gets_404(self, anonymous: httpx.Client, path: str) -> None:
        assert error_of(anonymous.get(path)) == (404, "not_found", [])


class TestMethods:
    @pytest.mark.parametrize(
        ("path", "allow"),
        [
            ("/api/a/tasks", "GET, HEAD, POST"),
            ("/api/a/tasks/order", "PUT"),
            ("/api/a/tasks/1", "DELETE, GET, HEAD, PUT"),
            ("/api/a/tasks/no-number", "DELETE, GET, HEAD, PUT"),
            ("/api/a/tasks/1/complete", "PATCH"),
            ("/health", "GET, HEAD"),
            ("/health/ready", "GET, HEAD"),
            ("/docs", "GET, HEAD"),
            ("/openapi.json", "GET, HEAD"),
        ],
    )
    def test_undeclared_method_gets_405_with_the_allowed_methods(
        self, anonymous: httpx.Client, path: str, allow: str
    ) -> None:
        methods = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE"}
        for method in methods - set(allow.split(", ")):
            response = anonymous.request(method, path, content=b"{")
            assert error_of(response) == (405, "method_not_allowed", [])
            assert response.headers["Allow"] == allow

    @pytest.mark.parametrize("path", ["/health", "/health/ready", "/docs", "/openapi.yaml"])
    def test_head_has_the_status_and_length_of_get(
        self, anonymous: httpx.Client, path: str
    ) -> None:
        head, get = anonymous.head(path), anonymous.get(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["Content-Length"] == get.headers["Content-Length"]

    def test_head_of_a_task_has_the_status_of_get(self, user: User) -> None:
        task = user.create()
        assert user.request("HEAD", f"/{task['id']}").status_code == 200
        assert user.request("HEAD", "/9007199254740991").status_code == 404
        assert user.request("HEAD").status_code == 200
