"""What must be set, and what a person is told who has not."""

import subprocess

import httpx
import pytest

from tests import service
from tests.conftest import Person
from tests.service import SECRET

ADDRESS = "postgresql://someone:hidden@127.0.0.1:1/nothing"
GOOD = {"DATABASE_URL": ADDRESS, "BETTER_AUTH_SECRET": SECRET}
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
TO = {ENDPOINT: "http://127.0.0.1:1"}


def start(**settings: str) -> str:
    """Start as in production, and tell what a service says that does not start."""
    started = subprocess.run(
        service.command(port=1),
        cwd=service.ROOT / "tests",
        env=service.clean_environment() | settings,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert started.returncode == 1
    assert "hidden" not in started.stderr
    assert "Traceback" not in started.stderr
    return started.stderr


class TestRefusedAtStart:
    @pytest.mark.parametrize(
        ("settings", "advice"),
        [
            ({"DATABASE_URL": ""}, "Set DATABASE_URL to your PostgreSQL"),
            ({"DATABASE_URL": "mysql://a:hidden@b/c"}, "DATABASE_URL must begin with"),
            ({"DATABASE_URL": "hidden"}, "DATABASE_URL must begin with"),
            (
                {"DATABASE_URL": f"{ADDRESS}?hiden=1"},
                "DATABASE_URL has an unknown parameter: hiden",
            ),
            ({"DATABASE_URL": "postgresql://a:hidden@b:port/c"}, "DATABASE_URL is no address"),
            ({"DATABASE_URL": "postgresql://a:5/hidden@b/c"}, "Percent-encode the special"),
            ({"DATABASE_URL": "postgresql://a:5#hidden@b/c"}, "Percent-encode the special"),
            ({"DATABASE_URL": f"{ADDRESS}?connect_timeout=x"}, "connect_timeout must be a number"),
            ({"DATABASE_URL": f"{ADDRESS}?connect_timeout=0"}, "connect_timeout must be a number"),
            ({"DATABASE_URL": f"{ADDRESS}?sslmode=on"}, "sslmode must be one of disable, allow"),
            (
                {"DATABASE_URL": "postgresql://b/c?sslmode=verify-full&sslrootcert=/nowhere"},
                "sslrootcert cannot be read: [Errno 2] No such file",
            ),
            ({"BETTER_AUTH_SECRET": ""}, "Set BETTER_AUTH_URL"),
            ({"BETTER_AUTH_SECRET": "hidden".ljust(31, "x")}, "BETTER_AUTH_SECRET must have at"),
            ({"BETTER_AUTH_SECRET": " " * 32 + "hidden"}, "must have at least 32"),
            (
                {"BETTER_AUTH_SECRET": "-----BEGIN PUBLIC KEY-----hidden"},
                "BETTER_AUTH_SECRET: The specified key is an asymmetric key",
            ),
            ({"BETTER_AUTH_URL": "app.example.com"}, "BETTER_AUTH_URL: must be an address"),
            ({"BETTER_AUTH_URL": "https://a.example.com/?x"}, "BETTER_AUTH_URL: must be an addr"),
            ({"FRONTEND_URL": "*"}, "FRONTEND_URL: must be origins"),
            ({"FRONTEND_URL": "https://*.example.com"}, "FRONTEND_URL: must be origins"),
            ({"FRONTEND_URL": "https://a.example.com/app"}, "FRONTEND_URL: must be origins"),
            # No browser writes an origin like these: they would match nothing.
            ({"FRONTEND_URL": "https://A.example.com"}, "FRONTEND_URL: must be origins"),
            ({"FRONTEND_URL": "https://a.example.com:443"}, "FRONTEND_URL: must be origins"),
            ({"DATABASE_CONNECTIONS": "none"}, "DATABASE_CONNECTIONS: Input should be a valid int"),
            ({"DATABASE_CONNECTIONS": "0"}, "DATABASE_CONNECTIONS: Input should be greater"),
            ({"ENVIRONMENT": "staging"}, "ENVIRONMENT: Input should be 'production'"),
            ({ENDPOINT: "hidden:4317"}, f"{ENDPOINT}: URL scheme should be 'http' or 'https'"),
            ({ENDPOINT: "hidden"}, f"{ENDPOINT}: Input should be a valid URL"),
            (
                {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://:1/hidden"},
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: Input should be a valid URL",
            ),
            (
                {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "grpc://hidden"},
                "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: URL scheme should be 'http' or 'https'",
            ),
            (
                TO | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
                "OTEL_EXPORTER_OTLP_PROTOCOL: Input should be 'http/protobuf'",
            ),
            (
                TO | {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json"},
                "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: Input should be 'http/protobuf'",
            ),
            (
                TO | {"OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "grpc"},
                "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: Input should be 'http/protobuf'",
            ),
            (
                TO | {"OTEL_TRACES_EXPORTER": "console"},
                "OTEL_TRACES_EXPORTER: Input should be 'otlp' or 'none'",
            ),
            (
                TO | {"OTEL_METRICS_EXPORTER": "prometheus"},
                "OTEL_METRICS_EXPORTER: Input should be 'otlp' or 'none'",
            ),
            (
                TO | {"OTEL_EXPORTER_OTLP_TIMEOUT": "soon"},
                "OTEL_EXPORTER_OTLP_TIMEOUT: Input should be a valid number",
            ),
            (
                TO | {"OTEL_BSP_SCHEDULE_DELAY": "0"},
                "OTEL_BSP_SCHEDULE_DELAY: Input should be greater than 0",
            ),
            (
                TO | {"OTEL_BSP_MAX_QUEUE_SIZE": "100"},
                "OTEL_BSP_MAX_EXPORT_BATCH_SIZE must not be above",
            ),
            (
                TO | {"OTEL_METRIC_EXPORT_INTERVAL": "-1"},
                "OTEL_METRIC_EXPORT_INTERVAL: Input should be greater than 0",
            ),
        ],
    )
    def test_each_mistake_is_told_with_what_to_set(
        self, settings: dict[str, str], advice: str
    ) -> None:
        assert advice in start(**(GOOD | settings))

    def test_all_mistakes_are_told_at_once(self) -> None:
        told = start(DATABASE_URL="", FRONTEND_URL="*", BETTER_AUTH_URL="x")
        assert {"DATABASE_URL", "FRONTEND_URL", "BETTER_AUTH_URL"} <= set(
            told.replace(":", " ").split()
        )


class TestDatabaseAddresses:
    @pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
    def test_every_usual_scheme_works(self, database_url: str, scheme: str) -> None:
        address = database_url.replace("postgresql", scheme, 1)
        with service.running(DATABASE_URL=address, BETTER_AUTH_SECRET=SECRET) as running:
            assert httpx.get(f"{running.address}/health/ready").status_code == 200

    def test_what_neon_prints_works(self, database_url: str) -> None:
        address = f"{database_url}&channel_binding=require&connect_timeout=15&sslmode=prefer"
        with service.running(DATABASE_URL=address, BETTER_AUTH_SECRET=SECRET) as running:
            assert httpx.get(f"{running.address}/health/ready").status_code == 200


class TestFrontends:
    def test_several_may_call(self, database_url: str) -> None:
        origins = "https://a.example.com, https://b.example.com/"
        settings = {"DATABASE_URL": database_url, "BETTER_AUTH_SECRET": SECRET}
        with service.running(**settings, FRONTEND_URL=origins) as running:
            for origin in ("https://a.example.com", "https://b.example.com"):
                answer = httpx.get(f"{running.address}/health", headers={"Origin": origin})
                assert answer.headers["Access-Control-Allow-Origin"] == origin

    def test_none_may_call_unless_it_is_named(self, database_url: str) -> None:
        with service.running(DATABASE_URL=database_url, BETTER_AUTH_SECRET=SECRET) as running:
            answer = httpx.get(f"{running.address}/health", headers={"Origin": service.ORIGIN})
            assert "access-control-allow-origin" not in answer.headers


def test_a_variable_that_is_empty_counts_as_none(database_url: str) -> None:
    settings = {"DATABASE_URL": database_url, "BETTER_AUTH_SECRET": SECRET}
    with service.running(**settings, FRONTEND_URL="", DATABASE_CONNECTIONS="") as running:
        someone = Person(running.address)
        with someone.client:
            assert someone.page()["data"] == []
