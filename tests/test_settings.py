"""Settings: which values are rejected at start with which message, and which are accepted."""

from functools import cache
from pathlib import Path

import httpx
import pytest

from tests.support import key_set, service
from tests.support.key_set import Signer
from tests.support.service import SECRET
from tests.support.startup import ADDRESS, GOOD, refused
from tests.support.users import User, token_for

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
TO = {ENDPOINT: "http://127.0.0.1:1"}


def start(**settings: str) -> str:
    return refused(settings)


def assert_served(database_url: str, dotenv: str = "", **settings: str) -> str:
    """Start with a database, a secret and these settings, and require an answer. Return the log."""
    given = {"DATABASE_URL": database_url, "BETTER_AUTH_SECRET": SECRET} | settings
    with service.running(dotenv=dotenv, **given) as running:
        user = User(
            running.address,
            token=token_for("user", given["BETTER_AUTH_SECRET"]),
            user_id="user",
        )
        with user.client:
            assert user.page()
        return running.whole_log()


ERRORS: list[tuple[dict[str, str], str]] = [
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
    ({"BETTER_AUTH_SECRET": "", "BETTER_AUTH_URL": ""}, "Set BETTER_AUTH_URL"),
    ({"BETTER_AUTH_SECRET": "hidden".ljust(31, "x")}, "BETTER_AUTH_SECRET must have at"),
    (
        {"BETTER_AUTH_SECRET": " " * 32 + "hidden"},
        "BETTER_AUTH_SECRET: begins or ends with white space",
    ),
    ({"BETTER_AUTH_SECRET": "hidden" * 9 + "\n"}, "BETTER_AUTH_SECRET: begins or ends"),
    ({"BETTER_AUTH_SECRET": "\ufeff" + "hidden" * 9}, "BETTER_AUTH_SECRET: begins or"),
    ({"BETTER_AUTH_SECRET": f"'{'hidden' * 9}'"}, "BETTER_AUTH_SECRET: is in quotes"),
    ({"BETTER_AUTH_SECRET": "hidden" * 9 + "\udcff"}, "BETTER_AUTH_SECRET: is not UTF-8"),
    ({"DATABASE_URL": ADDRESS + "\udcff"}, "DATABASE_URL: is not UTF-8"),
    ({"DATABASE_URL": f'"{ADDRESS}"'}, "DATABASE_URL: is in quotes"),
    ({"DATABASE_URL": ADDRESS + "\nhidden"}, "DATABASE_URL: has a control character"),
    ({"DATABASE_URL": f"{ADDRESS}?connect_timeout=\u00b2"}, "connect_timeout must be a"),
    ({"DATABASE_URL": "postgresql:///c?host=b&port=x"}, "DATABASE_URL: port must be a"),
    (
        {"DATABASE_URL": f"{ADDRESS}?target_session_attrs=x"},
        "DATABASE_URL: target_session_attrs must be one of any",
    ),
    ({"MIGRATION_DATABASE_URL": "hidden"}, "MIGRATION_DATABASE_URL must begin with"),
    (
        {"BETTER_AUTH_SECRET": "-----BEGIN PUBLIC KEY-----hidden"},
        "BETTER_AUTH_SECRET: The specified key is an asymmetric key",
    ),
    ({"BETTER_AUTH_URL": "app.example.com"}, "BETTER_AUTH_URL: must be an address"),
    ({"BETTER_AUTH_URL": "https://a.example.com/?x"}, "BETTER_AUTH_URL: must be an addr"),
    ({"BETTER_AUTH_URL": "https://a:hidden@a.example.com"}, "BETTER_AUTH_URL: must be an"),
    ({"BETTER_AUTH_URL": "https://a.example.com/#x"}, "BETTER_AUTH_URL: must be an addr"),
    ({"BETTER_AUTH_URL": "https://a.example.com:99999"}, "BETTER_AUTH_URL: must be an a"),
    ({"BETTER_AUTH_URL": "https://a.example.com:x"}, "BETTER_AUTH_URL: must be an addre"),
    ({"BETTER_AUTH_URL": "https://"}, "BETTER_AUTH_URL: must be an address"),
    ({"FRONTEND_URL": "*"}, "FRONTEND_URL: must be origins"),
    ({"FRONTEND_URL": "https://*.example.com"}, "FRONTEND_URL: must be origins"),
    ({"FRONTEND_URL": "https://a.example.com/app"}, "FRONTEND_URL: must be origins"),
    # No browser sends such an origin, so these would never match.
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
]


def combine(
    errors: list[tuple[dict[str, str], str]],
) -> tuple[list[dict[str, str]], list[tuple[int, str]]]:
    """Combine errors of different settings in one start, because all errors are reported together.

    Returns the settings of each start, and for each error the number of its start and its message.
    """
    starts: list[dict[str, str]] = []
    expected = []
    for settings, advice in errors:
        fits = (
            n
            for n, each in enumerate(starts)
            if all(each.get(k, v) == v for k, v in settings.items())
        )
        number = next(fits, len(starts))
        starts[number:] = starts[number:] or [{}]
        starts[number] |= settings
        expected.append((number, advice))
    return starts, expected


STARTS, EXPECTED_ADVICE = combine(ERRORS)


@cache
def output_of(number: int) -> str:
    return start(**(GOOD | STARTS[number]))


class TestInvalidSettings:
    @pytest.mark.parametrize(("number", "advice"), EXPECTED_ADVICE)
    def test_invalid_setting_is_reported_with_the_correction(
        self, number: int, advice: str
    ) -> None:
        assert advice in output_of(number)

    def test_all_invalid_settings_are_reported_together(self) -> None:
        """Errors of every kind: missing, unreadable, contradictory, inside an address."""
        output = start(
            ENVIRONMENT="staging",
            DATABASE_URL="mysql://a:hidden@b/c",
            MIGRATION_DATABASE_URL=f"{ADDRESS}?sslmode=on&hiden=1",
            BETTER_AUTH_SECRET="-----BEGIN PUBLIC KEY-----hidden",  # noqa: S106 - no key.
            BETTER_AUTH_URL="x",
            FRONTEND_URL="*",
            PORT="x",
            OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1",
            OTEL_TRACES_EXPORTER="console",
            OTEL_BSP_MAX_QUEUE_SIZE="1",
            DATABASE_CONECTIONS="5",
        )
        assert [line.split()[0].rstrip(":") for line in output.splitlines()[1:]] == [
            "ENVIRONMENT",
            "DATABASE_URL",
            *("MIGRATION_DATABASE_URL", "MIGRATION_DATABASE_URL"),
            "BETTER_AUTH_SECRET",
            "BETTER_AUTH_URL",
            "FRONTEND_URL",
            "PORT",
            "OTEL_TRACES_EXPORTER",
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
            "DATABASE_CONECTIONS",
        ]

    def test_missing_key_source_is_reported_beside_other_errors(self) -> None:
        output = start(DATABASE_URL="mysql://a:hidden@b/c", PORT="x")
        assert "Set BETTER_AUTH_URL" in output
        assert "DATABASE_URL must begin" in output
        assert "PORT: " in output

    def test_invalid_secret_is_not_reported_as_missing(self) -> None:
        output = start(**(GOOD | {"BETTER_AUTH_SECRET": "hidden"}))
        assert "Set BETTER_AUTH_URL" not in output


class TestUnusualValues:
    def test_white_space_around_a_value_is_ignored(self, database_url: str) -> None:
        assert_served(
            f" {database_url}\n",
            FRONTEND_URL="http://localhost:3000\n",
            DATABASE_CONNECTIONS=" 5\n",
            DATABASE_POOLED="false\n",
            ENVIRONMENT="production\n",
            MIGRATION_DATABASE_URL=" ",
        )

    @pytest.mark.parametrize("secret", ["\u00e9\u4e16" * 16, "a b$c'd\"e#f" * 4])
    def test_secret_of_any_characters_is_accepted(self, database_url: str, secret: str) -> None:
        assert_served(database_url, BETTER_AUTH_SECRET=secret)

    def test_white_space_around_an_opentelemetry_value_is_rejected(self) -> None:
        output = start(**GOOD, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1\n")
        assert "OTEL_EXPORTER_OTLP_ENDPOINT: begins or ends with white space" in output


class TestDotenv:
    GOOD = f"DATABASE_URL={ADDRESS}\nBETTER_AUTH_SECRET={SECRET}\nPORT=x\n"

    def test_byte_order_mark_is_ignored(self, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text(self.GOOD, "utf-8-sig")
        assert refused({}, folder=tmp_path).splitlines()[1:] == [
            "PORT: Input should be a valid integer, unable to parse string as an integer"
        ]

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
    def test_other_encoding_is_reported_and_no_setting_as_missing(
        self, tmp_path: Path, encoding: str
    ) -> None:
        (tmp_path / ".env").write_text(self.GOOD, encoding)
        output = refused({"FRONTEND_URL": "*"}, folder=tmp_path).splitlines()
        assert output[1] == ".env is not UTF-8 text: save it as such"
        assert [line.split()[0] for line in output[2:]] == ["FRONTEND_URL:"]

    def test_folder_named_dotenv_is_reported_beside_missing_settings(self, tmp_path: Path) -> None:
        (tmp_path / ".env").mkdir()
        output = refused({}, folder=tmp_path)
        assert ".env is a folder and is not read" in output
        assert "Set DATABASE_URL" in output

    def test_unreadable_file_is_reported(self, tmp_path: Path) -> None:
        # A file that even root cannot read.
        (tmp_path / ".env").symlink_to("/proc/self/mem")
        assert ".env cannot be read: Input/output error" in refused({}, folder=tmp_path)

    def test_file_with_invalid_text_is_reported_beside_valid_settings(self, tmp_path: Path) -> None:
        (tmp_path / ".env").write_bytes(b"\0")
        output = refused(GOOD, folder=tmp_path).splitlines()
        assert output[1:] == [".env is not UTF-8 text: save it as such"]


class TestMisspellings:
    def test_misspelled_setting_is_reported_with_the_correct_name(self) -> None:
        names = {
            "DATABASE_CONECTIONS": "DATABASE_CONNECTIONS",
            "DATABASE_POOL": "DATABASE_POOLED",
            "DATABASE_URI": "DATABASE_URL",
            "database_urls": "DATABASE_URL",
            "BETTER_AUTH_SECRETS": "BETTER_AUTH_SECRET",
            "FRONTEND_URLS": "FRONTEND_URL",
            "ENVIROMENT": "ENVIRONMENT",
            "OTEL_EXPORTER_OTLP_ENDPOIT": "OTEL_EXPORTER_OTLP_ENDPOINT",
        }
        output = start(**dict.fromkeys(names, "x"))
        for name, setting in names.items():
            assert f"{name.upper()} is not a setting: did you mean {setting}?" in output

    def test_misspelled_settings_in_environment_and_dotenv_are_logged_at_start(
        self, database_url: str
    ) -> None:
        log = assert_served(database_url, "FRONTEND_URLS=x\n", DATABASE_CONECTIONS="5")
        assert "FRONTEND_URLS is not a setting: did you mean FRONTEND_URL?" in log
        assert "DATABASE_CONECTIONS is not a setting: did you mean DATABASE_CONN" in log

    def test_variables_of_other_programs_are_not_reported(self) -> None:
        others = ["DATABASE_USER", "DATABASE_NAME", "DATABASE_PORT", "TEST_DATABASE_URL"]
        others += ["DATABASE_PASSWORD", "HOSTNAME", "PORTS", "BETTER_AUTH_TELEMETRY"]
        others += ["NEXT_PUBLIC_BETTER_AUTH_URL", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT"]
        others += ["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_METRIC_EXPORT_TIMEOUT", "ENV"]
        assert "did you mean" not in start(**dict.fromkeys(others, "x"))


class TestBetterAuthAddresses:
    """The issuer in the tokens of Better Auth is the origin of its address."""

    @pytest.mark.parametrize(
        ("address", "path"),
        [
            ("http://127.0.0.1:{}/", "/api/auth"),
            ("http://127.0.0.1:{}/api/auth", "/api/auth"),
            ("http://127.0.0.1:{}/api/auth/", "/api/auth"),
            ("HTTP://LOCALHOST:{}/api/auth//", "/api/auth"),
            ("http://127.0.0.1:{}/accounts", "/accounts"),
        ],
    )
    def test_path_of_better_auth_url_is_the_mount_path_and_not_in_the_issuer(
        self, database_url: str, address: str, path: str
    ) -> None:
        signer = Signer()
        with key_set.serving(signer) as keys:
            keys.path = f"{path}/jwks"
            address = address.format(keys.address.rpartition(":")[2])
            origin = "/".join(address.lower().split("/")[:3])
            with service.running(DATABASE_URL=database_url, BETTER_AUTH_URL=address) as running:
                user = User(running.address, "somebody", signer.token(origin))
                with user.client:
                    assert user.page()

    def test_default_port_is_not_in_the_issuer(self, database_url: str) -> None:
        signer = Signer()
        with key_set.serving(signer) as keys:
            settings = {"BETTER_AUTH_URL": "HTTP://App.Example.com:80", "http_proxy": keys.address}
            with service.running(DATABASE_URL=database_url, **settings) as running:
                token = signer.token("http://app.example.com")
                user = User(running.address, "somebody", token)
                with user.client:
                    assert user.page()
            assert keys.fetches == 1


class TestProxies:
    """Variables of other programs are used only for requests to the key server."""

    REMOTE = {"DATABASE_URL": ADDRESS, "BETTER_AUTH_URL": "https://app.example.com"}

    @pytest.mark.parametrize(
        ("settings", "advice"),
        [
            ({"ALL_PROXY": "socks5://hidden"}, "ALL_PROXY must be an HTTP proxy"),
            ({"https_proxy": "socks5h://hidden"}, "https_proxy must be an HTTP proxy"),
            ({"HTTPS_PROXY": "http://a:hidden@b:x"}, "HTTPS_PROXY must be an HTTP proxy"),
            ({"HTTPS_PROXY": "http://"}, "HTTPS_PROXY must be an HTTP proxy"),
            ({"HTTPS_PROXY": "://"}, "HTTPS_PROXY must be an HTTP proxy"),
            ({"SSL_CERT_FILE": "/nowhere"}, "SSL_CERT_FILE cannot be read as certificates"),
            ({"SSL_CERT_FILE": __file__}, "SSL_CERT_FILE cannot be read as certificates"),
            ({"SSL_CERT_FILE": "/"}, "SSL_CERT_FILE cannot be read as certificates"),
            ({"SSL_CERT_DIR": "/nowhere"}, "SSL_CERT_DIR is not a folder"),
        ],
    )
    def test_unusable_proxy_variable_is_reported(
        self, settings: dict[str, str], advice: str
    ) -> None:
        assert start(**(self.REMOTE | settings)).splitlines()[1].startswith(advice)

    def test_unreadable_certificates_are_reported_for_a_database_over_tls(self) -> None:
        url = "postgresql://b.example.com/c?sslmode=require"
        output = start(DATABASE_URL=url, BETTER_AUTH_SECRET=SECRET, SSL_CERT_FILE="/nowhere")
        assert "SSL_CERT_FILE cannot be read" in output

    @pytest.mark.parametrize(
        "settings",
        [
            {"NO_PROXY": "[::1]"},
            {"no_proxy": "::1,[::1]:3000,*.example.com,10.0.0.0/8,http://x,,[", "HTTP_PROXY": "x:"},
            {"ALL_PROXY": "socks5://127.0.0.1:1"},
            {"HTTP_PROXY": "http://127.0.0.1:1", "HTTPS_PROXY": "://"},
            {"SSL_CERT_FILE": "/nowhere", "SSL_CERT_DIR": "/nowhere"},
        ],
    )
    def test_local_key_server_ignores_the_proxy_variables(
        self, database_url: str, settings: dict[str, str]
    ) -> None:
        signer = Signer()
        with key_set.serving(signer) as keys:
            given = settings | {"DATABASE_URL": database_url, "BETTER_AUTH_URL": keys.address}
            with service.running(**given) as running:
                user = User(running.address, "somebody", signer.token(keys.address))
                with user.client:
                    assert user.page()

    def test_host_in_no_proxy_ignores_the_proxy(self) -> None:
        settings = {"ALL_PROXY": "socks5://x", "NO_PROXY": "example.com,[::1]", "PORT": "x"}
        assert "PROXY" not in start(**(self.REMOTE | settings))


class TestDatabaseAddresses:
    @pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
    def test_common_url_schemes_are_accepted(self, database_url: str, scheme: str) -> None:
        address = database_url.replace("postgresql", scheme, 1)
        with service.running(DATABASE_URL=address, BETTER_AUTH_SECRET=SECRET) as running:
            assert httpx.get(f"{running.address}/health/ready").status_code == 200

    def test_connection_string_of_neon_is_accepted(self, database_url: str) -> None:
        address = f"{database_url}&channel_binding=require&connect_timeout=15&sslmode=prefer"
        with service.running(DATABASE_URL=address, BETTER_AUTH_SECRET=SECRET) as running:
            assert httpx.get(f"{running.address}/health/ready").status_code == 200


class TestFrontendUrl:
    def test_several_origins_are_allowed(self, database_url: str) -> None:
        origins = "https://a.example.com, https://b.example.com/"
        settings = {"DATABASE_URL": database_url, "BETTER_AUTH_SECRET": SECRET}
        with service.running(**settings, FRONTEND_URL=origins) as running:
            for origin in ("https://a.example.com", "https://b.example.com"):
                answer = httpx.get(f"{running.address}/health", headers={"Origin": origin})
                assert answer.headers["Access-Control-Allow-Origin"] == origin

    def test_unset_frontend_url_allows_no_origin(self, database_url: str) -> None:
        with service.running(DATABASE_URL=database_url, BETTER_AUTH_SECRET=SECRET) as running:
            answer = httpx.get(f"{running.address}/health", headers={"Origin": service.ORIGIN})
            assert "access-control-allow-origin" not in answer.headers


def test_empty_variable_is_treated_as_unset(database_url: str) -> None:
    settings = {"DATABASE_URL": database_url, "BETTER_AUTH_SECRET": SECRET}
    with service.running(**settings, FRONTEND_URL="", DATABASE_CONNECTIONS="") as running:
        user = User(running.address)
        with user.client:
            assert user.page()["data"] == []
