"""What all answers have in common: request ids, CORS, the one shape, also when the service fails."""

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.support import conformance, service
from tests.support.database import unusable_tables
from tests.support.service import ORIGIN, SECRET
from tests.support.users import Person, refusal

EXPOSED = {"location", "retry-after", "www-authenticate", "x-request-id"}
FOREIGN = ["http://evil.test", "null", ORIGIN + ".evil.test", ORIGIN + "/", "https://frontend.test"]


class TestRequestIds:
    @pytest.mark.parametrize("sent", ["a", "A-b_c.9", "x" * 128])
    def test_an_id_that_is_sent_is_kept(self, stranger: httpx.Client, sent: str) -> None:
        response = stranger.get("/health", headers={"X-Request-Id": sent})
        assert response.headers["X-Request-Id"] == sent

    @pytest.mark.parametrize("sent", ["", "x" * 129, "a b", "ä", "a\tb", "a/b"])
    def test_one_that_could_do_harm_is_replaced(self, stranger: httpx.Client, sent: str) -> None:
        response = stranger.get("/health", headers={b"X-Request-Id": sent.encode()})
        assert response.headers["X-Request-Id"] not in ("", sent)

    def test_each_request_has_another(self, stranger: httpx.Client) -> None:
        ids = {stranger.get("/health").headers["X-Request-Id"] for _ in range(10)}
        assert len(ids) == 10


class TestCors:
    PREFLIGHT = {"Access-Control-Request-Method": "PUT"}

    @pytest.mark.parametrize("path", ["/api/a/tasks", "/api/a/tasks/order", "/health", "/nowhere"])
    def test_a_preflight_from_the_frontend_is_granted(
        self, stranger: httpx.Client, path: str
    ) -> None:
        wanted = {"Access-Control-Request-Headers": "authorization,content-type,x-request-id"}
        headers = {"Origin": ORIGIN, **self.PREFLIGHT, **wanted}
        response = stranger.options(path, headers=headers)
        assert response.status_code == 204
        assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
        allowed = response.headers["Access-Control-Allow-Headers"]
        assert allowed == wanted["Access-Control-Request-Headers"]
        methods = response.headers["Access-Control-Allow-Methods"].split(", ")
        assert {"GET", "POST", "PUT", "PATCH", "DELETE"} <= set(methods)
        # A browser asks again before each request unless it is told for how long not to.
        assert int(response.headers["Access-Control-Max-Age"]) >= 600

    @pytest.mark.parametrize("origin", FOREIGN)
    def test_a_preflight_from_anywhere_else_is_refused(
        self, stranger: httpx.Client, origin: str
    ) -> None:
        headers = {**self.PREFLIGHT, "Origin": origin}
        response = stranger.options("/api/a/tasks", headers=headers)
        assert refusal(response) == (403, "forbidden", [])
        assert "access-control-allow-origin" not in response.headers

    @pytest.mark.parametrize("missing", ["Origin", "Access-Control-Request-Method"])
    def test_half_a_preflight_is_none(self, stranger: httpx.Client, missing: str) -> None:
        headers = {**self.PREFLIGHT, "Origin": ORIGIN}
        del headers[missing]
        assert refusal(stranger.options("/health", headers=headers))[0] == 405

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
    def test_every_answer_to_the_frontend_can_be_read_there(
        self, person: Person, method: str, path: str, status: int
    ) -> None:
        response = person.request(method, path, headers={"Origin": ORIGIN})
        assert response.status_code == status
        assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
        exposed = response.headers["Access-Control-Expose-Headers"].lower().split(", ")
        assert set(exposed) == EXPOSED
        assert response.headers["Vary"] == "Origin"
        assert "access-control-allow-credentials" not in response.headers

    def test_every_answer_says_that_it_depends_on_the_origin(self, stranger: httpx.Client) -> None:
        """Or somebody in between gives one frontend what another one was answered, or nobody."""
        for headers in ({}, {"Origin": FOREIGN[0]}):
            assert stranger.get("/health", headers=headers).headers["Vary"] == "Origin"

    @pytest.mark.parametrize("origin", FOREIGN)
    def test_no_answer_to_anybody_else_can(self, person: Person, origin: str) -> None:
        response = person.request("GET", headers={"Origin": origin})
        assert response.status_code == 200
        assert "access-control-allow-origin" not in response.headers


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


class TestWebSockets:
    HANDSHAKE = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }

    def test_a_handshake_is_a_request_like_any_other(
        self, running_service: service.Service, stranger: httpx.Client
    ) -> None:
        refused = stranger.get("/nowhere?token=secret", headers=self.HANDSHAKE)
        assert refusal(refused) == (404, "not_found", [])
        assert stranger.get("/health", headers=self.HANDSHAKE).json() == {"status": "ok"}
        assert "secret" not in running_service.log.read_text()


class TestFailures:
    @pytest.fixture
    def broken(self, database_url: str) -> Iterator[Person]:
        """A person whose service finds tables that it cannot use."""
        settings = {"DATABASE_URL": database_url, "BETTER_AUTH_SECRET": SECRET}
        with service.running(**settings, FRONTEND_URL=ORIGIN) as running:
            person = Person(running.address)
            with person.client, unusable_tables(database_url):
                yield person
            lines = running.whole_log().splitlines()
            found = [json.loads(line) for line in lines if "exception" in line]
            assert [line["request_id"] for line in found] == ["find-me"]
            assert found[0]["exception"].startswith("Traceback")
            assert "operator does not exist" in found[0]["exception"]

    def test_the_client_is_told_nothing_and_the_log_everything(self, broken: Person) -> None:
        headers = {"Origin": ORIGIN, "X-Request-Id": "find-me"}
        response = broken.request("GET", headers=headers)
        assert refusal(response) == (500, "internal_error", [])
        assert "tasks" not in response.text
        assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert response.headers["X-Request-Id"] == "find-me"

    def test_a_database_that_is_away_at_start_is_waited_for(self, unused_port: int) -> None:
        away = f"postgresql://nobody:hidden@127.0.0.1:{unused_port}/nothing"
        settings = {"DATABASE_URL": away, "BETTER_AUTH_SECRET": SECRET}
        with service.running(**settings) as running:
            someone = Person(running.address)
            with someone.client as client:
                for response in (someone.request("GET"), client.get("/health/ready")):
                    assert refusal(response) == (503, "unavailable", [])
                    assert int(response.headers["Retry-After"]) > 0
                assert client.get("/health").status_code == 200
            assert "hidden" not in running.log.read_text()
