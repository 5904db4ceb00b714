"""Request validation: queries and bodies that do not match the contract change nothing."""

import json

import pytest

from tests.support.raw_http import connect_like
from tests.support.users import Json, User, error_of, token_for

JSON = {"Content-Type": "application/json"}
INVALID = (422, "validation_error")
KIB_256 = 256 * 1024


class TestQueries:
    @pytest.mark.parametrize(
        ("query", "places"),
        [
            ("limit=0", ["query.limit"]),
            ("limit=1001", ["query.limit"]),
            ("limit=+5", ["query.limit"]),
            ("limit=05", ["query.limit"]),
            ("limit=5.0", ["query.limit"]),
            ("limit=", ["query.limit"]),
            ("limit", ["query.limit"]),
            ("limit=1&limit=1", ["query.limit"]),
            ("limit=%FF", ["query.limit"]),
            ("offset=-1", ["query.offset"]),
            ("offset=9007199254740992", ["query.offset"]),
            ("completed=True", ["query.completed"]),
            ("completed=1", ["query.completed"]),
            ("completed=null", ["query.completed"]),
            ("completed=true&completed=false", ["query.completed"]),
            ("Limit=5", ["query.Limit"]),
            ("unknown=1&another=2", ["query.unknown", "query.another"]),
            ("=1", ["query."]),
            ("%FF=1", [r"query.\udcff"]),
            ("limit=x&offset=y&completed=z&w=1", ["completed", "limit", "offset", "w"]),
        ],
    )
    def test_invalid_query_parameters_get_422_with_their_names(
        self, user: User, query: str, places: list[str]
    ) -> None:
        expected = [place if place.startswith("query") else f"query.{place}" for place in places]
        status, code, found = error_of(user.request("GET", f"?{query}"))
        assert (status, code, sorted(found)) == (*INVALID, sorted(expected))

    @pytest.mark.parametrize(
        ("method", "path"),
        [("POST", ""), ("GET", "/1"), ("PUT", "/1"), ("DELETE", "/1"), ("PATCH", "/1/complete")],
    )
    def test_unknown_parameter_of_an_operation_without_parameters_gets_422(
        self, user: User, method: str, path: str
    ) -> None:
        body: Json = {"json": {"title": "x"}} if method in ("POST", "PUT") else {}
        response = user.request(method, f"{path}?force=true", **body)
        assert error_of(response) == (*INVALID, ["query.force"])

    def test_long_parameter_name_is_truncated_in_the_answer(self, user: User) -> None:
        response = user.request("GET", "?" + "x" * 5000 + "=1")
        assert len(response.json()["details"][0]["location"]) == 300

    def test_parameter_name_with_invalid_utf8_is_escaped_in_the_answer(self, user: User) -> None:
        response = user.request("GET", "/1?%FF=1")
        assert error_of(response) == (*INVALID, ["query.\\udcff"])


class TestBodies:
    @pytest.mark.parametrize(
        ("body", "places"),
        [
            (b"", ["body"]),
            (b"{", ["body"]),
            (b'{"title": "x"} extra', ["body"]),
            (b'\xef\xbb\xbf{"title": "x"}', ["body"]),
            ('{"title": "x"}'.encode("utf-16"), ["body"]),
            (b'{"title": "\xff"}', ["body"]),
            (b'{"title": "x", "title": "x"}', ["body"]),
            (b'{"title": "x", "position": NaN}', ["body"]),
            (b'{"title": "x", "position": -Infinity}', ["body"]),
            (b"[" * 100_000, ["body"]),
            (b'{"title": ' + b'{"a":' * 50_000, ["body"]),
            (b'{"title": "x", "position": ' + b"9" * 5000 + b"}", ["body"]),
            (b"null", ["body"]),
            (b"[]", ["body"]),
            (b'"title"', ["body"]),
            (b"{}", ["body.title"]),
            (b'{"title": null}', ["body.title"]),
            (b'{"title": 5}', ["body.title"]),
            (b'{"title": ""}', ["body.title"]),
            (b'{"title": " \\t\\n\\u0001 "}', ["body.title"]),
            (b'{"title": "a\\u0000b"}', ["body.title"]),
            (b'{"title": "\\ud800"}', ["body.title"]),
            (b'{"title": "x", "\\ud800": 1}', ["body"]),
            (b'{"title": "x", "description": 5}', ["body.description"]),
            (b'{"title": "x", "description": "\\u0000"}', ["body.description"]),
            (b'{"title": "x", "completed": null}', ["body.completed"]),
            (b'{"title": "x", "completed": 1}', ["body.completed"]),
            (b'{"title": "x", "completed": "true"}', ["body.completed"]),
            (b'{"title": "x", "position": null}', ["body.position"]),
            (b'{"title": "x", "position": -1}', ["body.position"]),
            (b'{"title": "x", "position": true}', ["body.position"]),
            (b'{"title": "x", "position": "1"}', ["body.position"]),
            (b'{"title": "x", "position": 0.5}', ["body.position"]),
            (b'{"title": "x", "position": 1e400}', ["body.position"]),
            (b'{"title": "x", "position": 9007199254740992}', ["body.position"]),
            (b'{"title": "x", "id": 1, "user_id": "y"}', ["body.id", "body.user_id"]),
            (b'{"title": "", "position": -1, "x": 1}', ["body.title", "body.position", "body.x"]),
        ],
    )
    def test_invalid_body_gets_422_with_its_members_and_creates_nothing(
        self, user: User, body: bytes, places: list[str]
    ) -> None:
        response = user.request("POST", content=body, headers=JSON)
        assert error_of(response) == (*INVALID, places)
        assert user.page()["data"] == []

    @pytest.mark.parametrize("number", [b"1.0", b"1e0", b"10E-1", b"1.00"])
    def test_integer_in_any_json_notation_is_accepted(self, user: User, number: bytes) -> None:
        user.create()
        body = b'{"title": "x", "position": %s}' % number
        response = user.request("POST", content=body, headers=JSON)
        assert response.json()["position"] == 1

    @pytest.mark.parametrize(
        "content_type",
        [None, "", "text/plain", "application/x-www-form-urlencoded", "application/jsonx"]
        + ["application/merge-patch+json", "application/problem+json", "multipart/form-data"],
    )
    def test_body_with_another_content_type_gets_422(
        self, user: User, content_type: str | None
    ) -> None:
        headers = {} if content_type is None else {"Content-Type": content_type}
        response = user.request("POST", content=b'{"title": "x"}', headers=headers)
        assert error_of(response) == (*INVALID, ["header.content-type"])

    def test_two_content_type_headers_get_422(self, user: User) -> None:
        headers = [("Content-Type", kind) for kind in ("application/json", "text/plain")]
        response = user.request("POST", content=b'{"title": "x"}', headers=headers)
        assert error_of(response) == (*INVALID, ["header.content-type"])

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            (b"[]", "Input should be an object"),
            (b"{}", "This is required"),
            (b'{"title": "x", "y": 1}', "This is not in the contract"),
            (b'{"title": " "}', "This text is blank, or holds a character that is not allowed"),
            (b'{"title": "\\ud800"}', "Input should be text without lone surrogates"),
            (
                b'{"title": "x", "title": "y"}',
                "The body is not JSON: a member is given more than once",
            ),
            (b'{"title": NaN}', "The body is not JSON: NaN is not a number"),
            (b"\xff", "The body is not UTF-8"),
        ],
    )
    def test_message_describes_the_json_and_not_python_types(
        self, user: User, body: bytes, message: str
    ) -> None:
        response = user.request("POST", content=body, headers=JSON)
        assert [detail["message"] for detail in response.json()["details"]] == [message]

    @pytest.mark.parametrize(
        "content_type", ["application/json;charset=utf-8", "Application/JSON ; charset=UTF-8"]
    )
    def test_content_type_with_parameters_is_accepted(self, user: User, content_type: str) -> None:
        headers = {"Content-Type": content_type}
        response = user.request("POST", content=b'{"title": "x"}', headers=headers)
        assert response.status_code == 201

    def test_errors_of_path_query_and_body_are_reported_together(self, user: User) -> None:
        response = user.request("PUT", "/x?y=1", json={"title": 5, "position": "z"})
        places = ["path.task_id", "query.y", "body.title", "body.position"]
        assert error_of(response) == (*INVALID, places)

    def test_at_most_100_errors_are_reported(self, user: User) -> None:
        response = user.request("PUT", "/order", json={"task_ids": ["x"] * 500})
        assert len(error_of(response)[2]) == 100

    def test_invalid_update_changes_nothing(self, user: User) -> None:
        task = user.create()
        response = user.request("PUT", f"/{task['id']}", json={"title": "new", "position": -1})
        assert error_of(response) == (*INVALID, ["body.position"])
        assert user.get(task) == task

    # The nesting limit of Python depends on its version: 3.13 reads 2,000 levels.
    def test_escaped_characters_are_accepted(self, user: User) -> None:
        response = user.request("POST", content=r'{"title": "\u00e9\ud83d\ude00"}', headers=JSON)
        assert response.json()["title"] == "é\U0001f600"

    @pytest.mark.parametrize("depth", [10, 900, 2000, 100_000])
    @pytest.mark.parametrize("member", ["title", "description", "position", "unknown"])
    def test_nested_value_of_any_depth_gets_422(self, user: User, member: str, depth: int) -> None:
        members = {"title": '"x"', member: "[" * depth + "]" * depth}
        body = ", ".join(f'"{name}": {value}' for name, value in members.items())
        response = user.request("POST", content=f"{{{body}}}", headers=JSON)
        places = {10: {f"body.{member}"}, 900: {f"body.{member}"}, 100_000: {"body"}}
        *refused, (place,) = error_of(response)
        assert tuple(refused) == INVALID
        assert place in places.get(depth, {"body", f"body.{member}"})

    def test_ignored_member_beyond_the_nesting_limit_gets_422(self, user: User) -> None:
        task = user.create()
        # The nesting limit of Python is in this range, and no depth may cause a 500.
        for depth in [10, 500, *range(900, 1000, 3), 5000, 100_000]:
            body = f'{{"created_at": {"[" * depth}{"]" * depth}}}'
            response = user.request("PUT", f"/{task['id']}", content=body, headers=JSON)
            if depth <= 900:
                assert response.json() == task
            else:
                assert response.status_code in (200, 422)
        assert response.status_code == 422


class TestLargeBodies:
    def body(self, size: int) -> bytes:
        return json.dumps({"title": "x"}).encode().ljust(size)

    @pytest.mark.parametrize("pieces", [1, 2, 4096])
    def test_body_of_256_kib_is_accepted_with_and_without_content_length(
        self, user: User, pieces: int
    ) -> None:
        body, size = self.body(KIB_256), KIB_256 // pieces
        content = iter([body[begin : begin + size] for begin in range(0, KIB_256, size)])
        response = user.request("POST", content=body if pieces == 1 else content, headers=JSON)
        assert response.status_code == 201

    @pytest.mark.parametrize("announced", [True, False])
    @pytest.mark.parametrize("size", [KIB_256 + 1, 4 * KIB_256])
    def test_body_beyond_256_kib_gets_413_with_and_without_content_length(
        self, user: User, size: int, *, announced: bool
    ) -> None:
        body = self.body(size)
        content = body if announced else iter([body[:1000], body[1000:]])
        response = user.request("POST", content=content, headers=JSON)
        assert error_of(response) == (413, "payload_too_large", [])
        assert user.page()["data"] == []

    def test_content_length_beyond_the_limit_gets_413_before_the_body(self, user: User) -> None:
        head = f"POST {user.path} HTTP/1.1\r\nHost: x\r\nContent-Length: {KIB_256 + 1}\r\n"
        head += f"Authorization: {user.client.headers['Authorization']}\r\n\r\n"
        with connect_like(user.client) as connection:
            connection.sendall(head.encode())
            assert connection.recv(20).startswith(b"HTTP/1.1 413")

    def test_body_of_an_operation_without_a_body_is_ignored(self, user: User) -> None:
        response = user.request("GET", content=self.body(2 * KIB_256), headers=JSON)
        assert response.status_code == 200


class TestErrorPrecedence:
    """Each request has several errors. The first error in the order of checks is the answer."""

    BODY = b"{" + b" " * KIB_256

    def test_error_precedence_is_path_method_token_user_size_validation_task(
        self, user: User
    ) -> None:
        client, path = user.client, user.path
        bad: Json = {"content": self.BODY}
        anonymous: Json = {**bad, "headers": {"Authorization": "x"}}
        assert client.put("/nowhere?x=1", **anonymous).status_code == 404
        assert client.delete("/api/other/tasks/order?x=1", headers={}).status_code == 405
        assert client.put("/api/other/tasks/x?x=1", **anonymous).status_code == 401
        assert client.put("/api/other/tasks/x?x=1", **bad).status_code == 403
        assert client.put(f"{path}/x?x=1", **bad).status_code == 413
        assert client.put(f"{path}/1?x=1", json={"title": ""}).status_code == 422
        assert client.put(f"{path}/9007199254740991", json={"title": "x"}).status_code == 404

    @pytest.mark.parametrize(
        ("path", "token", "status"),
        [
            ("/nowhere", "", 404),
            ("/api/zoe/tasks/order", "", 401),
            ("/api/other/tasks/order", token_for("zoe"), 403),
        ],
    )
    def test_error_before_the_body_is_answered_without_reading_the_body(
        self, user: User, path: str, token: str, status: int
    ) -> None:
        head = (
            f"PUT {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
            "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n"
        )
        with connect_like(user.client) as connection:
            connection.sendall(head.encode())
            assert connection.recv(20).startswith(b"HTTP/1.1 %d" % status)
