"""Traces and metrics: what is exported for each request, and what is not."""

import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from generated.operations import OPERATIONS, Operation
from tests.support import service
from tests.support.collector import Attributes, Collector, attributes, eventually, listening
from tests.support.database import unusable_tables
from tests.support.users import User

MAX_PROMPT_SECONDS = 2.0
# A deployment waits no longer for the shutdown, whatever the state of the collector is.
MAX_SHUTDOWN_SECONDS = 6.0
SHORT_INTERVALS = {"OTEL_BSP_SCHEDULE_DELAY": "50", "OTEL_METRIC_EXPORT_INTERVAL": "100"}
TASKS = "/api/{user_id}/tasks"
TASK = "/api/{user_id}/tasks/{task_id}"
SECRETS = ("Very private", "hidden", "needle")


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with listening() as collector:
        yield collector


@pytest.fixture(scope="module")
def settings(database_url: str) -> dict[str, str]:
    return {"DATABASE_URL": database_url, "BETTER_AUTH_SECRET": service.SECRET}


@pytest.fixture(scope="module")
def traced_service(settings: dict[str, str], collector: Collector) -> Iterator[service.Service]:
    with service.running(
        **settings, **SHORT_INTERVALS, OTEL_EXPORTER_OTLP_ENDPOINT=collector.address
    ) as running:
        yield running


@pytest.fixture
def user(traced_service: service.Service) -> Iterator[User]:
    user = User(traced_service.address)
    with user.client:
        yield user


class Traced:
    """A caller with a trace, which searches the span of the service in this trace."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self.trace = secrets.token_hex(16)
        self.parent = secrets.token_hex(8)
        self.headers = {"traceparent": f"00-{self.trace}-{self.parent}-01"}

    def span(self) -> Span:
        return self._collector.span(self.trace)


@pytest.fixture
def traced(collector: Collector) -> Traced:
    return Traced(collector)


def request_line(running: service.Service, **members: object) -> Attributes:
    """Wait for the log line of a request."""

    def find() -> Attributes | None:
        lines = [line for line in running.log.read_text().splitlines() if '"status":' in line]
        entries: list[Attributes] = [json.loads(line) for line in lines]
        return next((entry for entry in entries if entry.items() >= members.items()), None)

    return eventually(find)


class TestSpans:
    @pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.operation_id)
    def test_span_has_the_route_of_the_operation(
        self, traced_service: service.Service, traced: Traced, operation: Operation
    ) -> None:
        path = operation.path.format(user_id="somebody", task_id=7)
        answer = httpx.request(
            operation.method, traced_service.address + path, headers=traced.headers
        )
        assert answer.status_code == (200 if operation.public else 401)
        span = traced.span()
        assert span.name == f"{operation.method} {operation.path}"
        assert span.kind == Span.SPAN_KIND_SERVER
        assert attributes(span)["http.route"] == operation.path
        assert attributes(span)["http.request.method"] == operation.method

    @pytest.mark.parametrize(
        ("sent", "status", "route"),
        [
            (("GET", ""), 200, TASKS),
            (("POST", "", {"title": "Buy milk"}), 201, TASKS),
            (("PUT", "/order", {"task_ids": []}), 204, f"{TASKS}/order"),
            (("GET", "/9007199254740991"), 404, TASK),
            (("DELETE", ""), 405, TASKS),
            (("PUT", "/order", {"task_ids": [1]}), 409, f"{TASKS}/order"),
            (("POST", "", {"title": "x" * 300_000}), 413, TASKS),
            (("POST", "", {"title": ""}), 422, TASKS),
            (("GET", "?limit=0"), 422, TASKS),
        ],
    )
    def test_span_of_2xx_and_4xx_is_not_an_error(
        self, user: User, traced: Traced, sent: tuple[Any, ...], status: int, route: str
    ) -> None:
        method, path, *body = sent
        content = {"json": body[0]} if body else {}
        response = user.request(method, path, headers=traced.headers, **content)
        assert response.status_code == status
        span = traced.span()
        assert span.name == f"{method} {route}"
        assert attributes(span)["http.response.status_code"] == status
        assert span.status.code == Status.STATUS_CODE_UNSET
        assert "error.type" not in attributes(span)

    def test_span_of_403_is_not_an_error(self, user: User, traced: Traced) -> None:
        response = user.client.get("/api/somebody/tasks", headers=traced.headers)
        assert response.status_code == 403
        assert attributes(traced.span())["http.response.status_code"] == 403
        assert traced.span().status.code == Status.STATUS_CODE_UNSET

    def test_span_of_an_unknown_path_has_no_route(self, user: User, traced: Traced) -> None:
        assert user.client.get("/nowhere", headers=traced.headers).status_code == 404
        assert traced.span().name == "GET"
        assert "http.route" not in attributes(traced.span())

    def test_span_of_500_is_an_error_without_the_exception(
        self, user: User, traced: Traced, database_url: str
    ) -> None:
        with unusable_tables(database_url):
            response = user.request("GET", headers=traced.headers)
        assert response.status_code == 500
        span = traced.span()
        assert span.name == f"GET {TASKS}"
        assert span.status.code == Status.STATUS_CODE_ERROR
        assert attributes(span)["error.type"] == "500"
        assert not span.status.message
        assert not span.events

    def test_span_of_503_is_an_error(
        self, collector: Collector, traced: Traced, unused_port: int
    ) -> None:
        unreachable_url = f"postgresql://nobody:hidden@127.0.0.1:{unused_port}/nothing"
        with service.running(
            DATABASE_URL=unreachable_url,
            BETTER_AUTH_SECRET=service.SECRET,
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.address,
        ) as running:
            answer = httpx.get(f"{running.address}/health/ready", headers=traced.headers)
            assert answer.status_code == 503
        assert traced.span().status.code == Status.STATUS_CODE_ERROR
        assert attributes(traced.span())["error.type"] == "503"

    def test_span_continues_the_trace_of_the_caller(self, user: User, traced: Traced) -> None:
        user.request("GET", headers=traced.headers)
        assert traced.span().parent_span_id.hex() == traced.parent

    def test_request_without_a_trace_starts_a_trace(
        self, user: User, traced_service: service.Service, collector: Collector
    ) -> None:
        user.request("GET", headers={"X-Request-Id": "no-trace"})
        trace = request_line(traced_service, request_id="no-trace")["trace_id"]
        assert not collector.span(trace).parent_span_id


class TestLog:
    def test_log_line_of_a_request_has_the_trace_id(
        self, user: User, traced_service: service.Service, traced: Traced
    ) -> None:
        user.request("GET", headers=traced.headers)
        assert request_line(traced_service, trace_id=traced.trace)["operation"] == "list_tasks"

    def test_log_line_of_an_exception_has_the_trace_id(
        self, user: User, traced_service: service.Service, traced: Traced, database_url: str
    ) -> None:
        with unusable_tables(database_url):
            user.request("GET", headers=traced.headers)
        request_line(traced_service, trace_id=traced.trace)
        found = [
            line for line in traced_service.log.read_text().splitlines() if traced.trace in line
        ]
        assert "Traceback" in json.loads(found[0])["exception"]


class TestMetrics:
    def test_durations_are_recorded_by_route_and_status(self, settings: dict[str, str]) -> None:
        with (
            listening() as collector,
            service.running(
                **settings, OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=f"{collector.address}/v1/metrics"
            ) as running,
        ):
            user = User(running.address)
            with user.client:
                user.create()
                for _ in range(3):
                    user.page()
                user.request("GET", "?limit=0")
            running.stop()
            names = ("http.request.method", "http.route", "http.response.status_code")
            counted = {
                tuple(attributes(point).get(name) for name in names): point.count
                for point in collector.durations()
            }
            del counted["GET", "/health", 200]
            assert counted == {
                ("POST", TASKS, 201): 1,
                ("GET", TASKS, 200): 3,
                ("GET", TASKS, 422): 1,
            }


class TestResource:
    def test_resource_has_service_name_and_instance_id(
        self, collector: Collector, traced_service: service.Service
    ) -> None:
        sender = eventually(collector.services)[-1]
        assert sender["service.name"] == "todo-backend"
        # The instance ID keeps the metrics of workers apart.
        assert sender["service.instance.id"]

    def test_resource_attributes_can_be_configured(self, settings: dict[str, str]) -> None:
        with (
            listening() as collector,
            service.running(
                **settings,
                OTEL_EXPORTER_OTLP_ENDPOINT=collector.address,
                OTEL_SERVICE_NAME="another",
                OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=staging",
            ) as running,
        ):
            running.stop()
            for sender in collector.services():
                assert sender["service.name"] == "another"
                assert sender["deployment.environment.name"] == "staging"
            assert collector.services()


class TestRedaction:
    def test_exported_data_contains_no_user_id_token_or_content(
        self, user: User, collector: Collector, traced: Traced
    ) -> None:
        task = user.create("Very private", description="Very private")
        user.request("GET", "?completed=true&access_token=needle")
        user.request("PATCH", f"/{task['id']}/complete", json={"completed": "needle"})
        user.client.get("/nowhere/needle", headers={"Cookie": "needle=needle"})
        user.client.get(f"{user.path}/needle%2Fneedle")
        user.client.get("/api/somebody/tasks", headers={"Authorization": "Bearer needle"})
        user.request("GET", headers=traced.headers)
        assert attributes(traced.span())["url.path"] == "REDACTED"
        sent = b"".join(body for _, body in collector.bodies)
        token = user.client.headers["Authorization"].removeprefix("Bearer ")
        for secret in (*SECRETS, user.user_id, service.SECRET, token, token.split(".")[1]):
            assert secret.encode() not in sent


class TestShutdown:
    def test_shutdown_exports_all_spans_and_metrics(
        self, settings: dict[str, str], traced: Traced
    ) -> None:
        # The export intervals are long, so only the shutdown exports.
        with (
            listening() as collector,
            service.running(**settings, OTEL_EXPORTER_OTLP_ENDPOINT=collector.address) as running,
        ):
            traces = [Traced(collector) for _ in range(600)]
            with httpx.Client(base_url=running.address) as client:
                for caller in traces:
                    client.get("/health", headers=caller.headers)
            running.stop()
            assert {caller.trace for caller in traces} <= {
                span.trace_id.hex() for span in collector.spans()
            }
            assert sum(point.count for point in collector.durations()) > 600
            assert "collector did not take" not in running.whole_log()


class TestFailingCollector:
    @pytest.fixture(params=["is away", "hangs", "refuses"])
    def address(self, request: pytest.FixtureRequest, unused_port: int) -> Iterator[str]:
        with listening() as collector:
            if request.param == "hangs":
                collector.answers.clear()
            collector.status = 503
            is_away = request.param == "is away"
            yield f"http://127.0.0.1:{unused_port}" if is_away else collector.address

    def test_failing_collector_delays_neither_requests_nor_shutdown(
        self, settings: dict[str, str], address: str
    ) -> None:
        with service.running(
            **settings, **SHORT_INTERVALS, OTEL_EXPORTER_OTLP_ENDPOINT=address
        ) as running:
            user = User(running.address)
            with user.client:
                until = time.monotonic() + 1
                while time.monotonic() < until:
                    began = time.monotonic()
                    user.create()
                    assert time.monotonic() - began < MAX_PROMPT_SECONDS
            began = time.monotonic()
            running.stop()
            assert time.monotonic() - began < MAX_SHUTDOWN_SECONDS
            assert "collector did not take the last" in running.whole_log()
            assert "Traceback" not in running.log.read_text()


class TestSettings:
    def test_sdk_is_not_imported_without_an_endpoint(self, settings: dict[str, str]) -> None:
        for given in (
            {},
            {"OTEL_SERVICE_NAME": "todo", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        ):
            assert not imported(settings | given) & {"opentelemetry.sdk", "handlers.telemetry"}

    def test_disabled_sdk_ignores_invalid_settings(self, settings: dict[str, str]) -> None:
        given = {"OTEL_SDK_DISABLED": "True", "OTEL_EXPORTER_OTLP_ENDPOINT": "nonsense"}
        assert "opentelemetry.sdk" not in imported(settings | given)

    @pytest.mark.parametrize(
        ("given", "paths"),
        [
            ({}, {"/v1/traces", "/v1/metrics"}),
            ({"OTEL_TRACES_EXPORTER": "none"}, {"/v1/metrics"}),
            ({"OTEL_METRICS_EXPORTER": "none"}, {"/v1/traces"}),
        ],
    )
    def test_traces_and_metrics_can_be_disabled_separately(
        self, settings: dict[str, str], given: dict[str, str], paths: set[str]
    ) -> None:
        with (
            listening() as collector,
            service.running(
                **settings, **given, OTEL_EXPORTER_OTLP_ENDPOINT=collector.address
            ) as running,
        ):
            running.stop()
            assert {path for path, _ in collector.bodies} == paths

    def test_settings_in_dotenv_are_used(self, settings: dict[str, str]) -> None:
        with listening() as collector:
            endpoint = f"OTEL_EXPORTER_OTLP_ENDPOINT={collector.address}\n"
            with service.running(
                **settings, dotenv=f"{endpoint}OTEL_SERVICE_NAME=from-a-file\n"
            ) as running:
                running.stop()
            assert {sender["service.name"] for sender in collector.services()} == {"from-a-file"}


def imported(settings: dict[str, str]) -> set[str]:
    """Return the modules that the application imports."""
    command = "import sys, handlers.app; print(*sys.modules)"
    started = subprocess.run(
        [sys.executable, "-c", command],
        cwd=service.ROOT / "tests",
        env=service.clean_environment() | settings | {"PYTHONPATH": str(service.ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return set(started.stdout.split())
