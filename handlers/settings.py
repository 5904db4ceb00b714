"""What can be set from outside: the environment first, then `.env`. Checked once, at start."""

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, LiteralString
from urllib.parse import urlsplit

import httpx
from dotenv import dotenv_values
from jose import jwk
from jose.exceptions import JWKError
from pydantic import (
    Field,
    HttpUrl,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from handlers import misspellings
from handlers.auth import key_server
from handlers.postgres import dsn

MIN_SECRET_LENGTH = 32
ENV_FILE = Path(".env")
# Editors on Windows begin a file with a byte order mark.
ENCODING = "utf-8-sig"

# Where Better Auth is mounted if its address has no path.
BASE_PATH = "/api/auth"
LAST_PORT = 65535

# Better Auth is addressed without credentials, a query or a fragment.
_BASE_URL = re.compile(r"(https?)://([^?#@\s\\]+)", re.IGNORECASE)
# As a browser writes an origin: in lower case, and without the port that goes without saying.
_ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?")
_SILENT_PORT = re.compile(r"http:.*:80|https:.*:443")
_CONTROL = re.compile("[\0-\x1f\x7f]")
_UNDECODABLE = re.compile("[\ud800-\udfff]")
_QUOTED = re.compile(r"(['\"]).*\1", re.DOTALL)

_Protocol = Literal["http/protobuf"]
_Exporter = Literal["otlp", "none"]
_ENDPOINTS = {f"otel_exporter_otlp_{signal}endpoint" for signal in ("", "traces_", "metrics_")}

# The types of errors that say what is not there.
_MISSING = ("missing", "untrusting")


class SettingsError(Exception):
    """Something is missing or wrong; the message says what to set."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_file=ENV_FILE,
        env_file_encoding=ENCODING,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        # Values are secrets: they never stand in a message.
        hide_input_in_errors=True,
    )

    environment: Literal["production", "development"] = "production"
    database_url: SecretStr
    # For scripts/migrate alone, and checked here so that all mistakes are told at once.
    migration_database_url: SecretStr | None = None
    database_pooled: bool | None = None
    database_connections: Annotated[int, Field(ge=1, le=1000)] = 10
    database_idle_seconds: Annotated[int, Field(ge=1, le=86_400)] = 60
    better_auth_secret: SecretStr | None = None
    # Validated when it is unset, too: see _is_base_url.
    better_auth_url: Annotated[str | None, Field(validate_default=True)] = None
    frontend_url: Annotated[tuple[str, ...], NoDecode] = ()
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    # OpenTelemetry's own library reads these, and many more. Here they are only checked: it would
    # go on without telemetry, or with something else than what was asked for.
    otel_sdk_disabled: str = "false"
    otel_exporter_otlp_endpoint: HttpUrl | None = None
    otel_exporter_otlp_traces_endpoint: HttpUrl | None = None
    otel_exporter_otlp_metrics_endpoint: HttpUrl | None = None
    otel_exporter_otlp_protocol: _Protocol = "http/protobuf"
    otel_exporter_otlp_traces_protocol: _Protocol = "http/protobuf"
    otel_exporter_otlp_metrics_protocol: _Protocol = "http/protobuf"
    otel_exporter_otlp_timeout: PositiveFloat = 10
    otel_traces_exporter: _Exporter = "otlp"
    otel_metrics_exporter: _Exporter = "otlp"
    otel_bsp_schedule_delay: PositiveInt = 5000
    otel_bsp_max_queue_size: PositiveInt = 2048
    otel_bsp_max_export_batch_size: Annotated[PositiveInt, Field(validate_default=True)] = 512
    otel_metric_export_interval: PositiveFloat = 60_000

    @model_validator(mode="before")
    @classmethod
    def _is_asked_for_telemetry(cls, values: dict[str, Any]) -> dict[str, Any]:
        is_disabled = str(values.get("otel_sdk_disabled")).strip().lower() == "true"
        if not is_disabled and values.keys() & _ENDPOINTS:
            return values
        # What nobody asks for may be as wrong as it likes.
        return {name: value for name, value in values.items() if not name.startswith("otel_")}

    @model_validator(mode="before")
    @classmethod
    def _strip(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Remove the line end that files and `echo` add, where no other program reads the value."""
        stripped = {
            name: value if _is_shared(name) or not isinstance(value, str) else value.strip()
            for name, value in values.items()
        }
        return {name: value for name, value in stripped.items() if value != ""}

    @field_validator("*", mode="before")
    @classmethod
    def _is_plain(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        if value != value.strip().strip("\ufeff"):
            raise ValueError(
                "begins or ends with white space, which is part of the value: "
                "write it without a line end, as printf does and echo does not"
            )
        if _QUOTED.fullmatch(value):
            raise ValueError("is in quotes, which are part of the value: remove them")
        if _UNDECODABLE.search(value):
            raise ValueError("is not UTF-8")
        return value

    @field_validator("database_url", "migration_database_url")
    @classmethod
    def _is_database(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is None:
            return None
        text, name = value.get_secret_value(), str(info.field_name).upper()
        if _CONTROL.search(text):
            raise ValueError("has a control character in it")
        try:
            dsn.connection_arguments(text, name=name)
        except dsn.DsnError as error:
            raise _complete(str(error)) from None
        return value

    @field_validator("better_auth_secret")
    @classmethod
    def _is_secret(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is None:
            return None
        secret = value.get_secret_value()
        try:
            jwk.construct(secret, "HS256")
        except JWKError as error:
            raise ValueError(str(error)) from None
        if info.data.get("environment") != "development" and len(secret) < MIN_SECRET_LENGTH:
            raise _complete(
                f"BETTER_AUTH_SECRET must have at least {MIN_SECRET_LENGTH} characters; "
                "make one with: openssl rand -base64 32"
            )
        return value

    @field_validator("better_auth_url")
    @classmethod
    def _is_base_url(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            # A secret that is there and wrong is told as such, and is not in the data.
            if info.data.get("better_auth_secret", "wrong") is None:
                raise _complete(
                    "Set BETTER_AUTH_URL (the address of your Better Auth server, for its own "
                    "tokens) or BETTER_AUTH_SECRET (the secret that your frontend signs tokens "
                    "with), or both",
                    kind="untrusting",
                )
            return None
        url = _base_url(value)
        if problems := list(key_server.problems(url)):
            raise _complete("\n".join(problems))
        return url

    @field_validator("frontend_url", mode="before")
    @classmethod
    def _are_origins(cls, value: str | tuple[str, ...]) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        origins = tuple(origin.strip().rstrip("/") for origin in value.split(",") if origin.strip())
        for origin in origins:
            if not _ORIGIN.fullmatch(origin) or _SILENT_PORT.fullmatch(origin):
                raise ValueError(
                    "must be origins such as https://app.example.com, separated by commas; never *"
                )
        return origins

    @field_validator("otel_bsp_max_export_batch_size")
    @classmethod
    def _fits_the_queue(cls, value: int, info: ValidationInfo) -> int:
        if value > info.data.get("otel_bsp_max_queue_size", value):
            raise _complete(
                "OTEL_BSP_MAX_EXPORT_BATCH_SIZE must not be above OTEL_BSP_MAX_QUEUE_SIZE"
            )
        return value

    @property
    def issuers(self) -> frozenset[str]:
        """What Better Auth's tokens say they are from and for: by default the address's origin."""
        url = self.better_auth_url
        return frozenset((url, _origin(url))) if url else frozenset()

    @property
    def is_traced(self) -> bool:
        endpoint = self.otel_exporter_otlp_traces_endpoint or self.otel_exporter_otlp_endpoint
        return bool(endpoint) and self.otel_traces_exporter == "otlp"

    @property
    def is_measured(self) -> bool:
        endpoint = self.otel_exporter_otlp_metrics_endpoint or self.otel_exporter_otlp_endpoint
        return bool(endpoint) and self.otel_metrics_exporter == "otlp"

    @property
    def is_development(self) -> bool:
        return self.environment == "development"


def load() -> Settings:
    """Read the settings. Raises SettingsError with one line for each thing to mend."""
    wrong = _file_problem()
    try:
        given = Settings(_env_file=None if wrong else ENV_FILE)
    except ValidationError as error:
        # What an unreadable file would have set is not missing.
        found = [each for each in error.errors() if not (wrong and each["type"] in _MISSING)]
        raise SettingsError("\n".join([*wrong, *map(_advice, found), *warnings()])) from None
    if wrong:
        raise SettingsError("\n".join([*wrong, *warnings()]))
    return given


def warnings() -> list[str]:
    """Return a line for each thing that is probably a mistake."""
    known = {field.upper() for field in Settings.model_fields}
    found = list(misspellings.find(_names(), known))
    if ENV_FILE.is_dir():
        found.append(".env is a folder and is not read: settings come from the environment alone")
    return found


def _names() -> set[str]:
    """Return the names of all variables, in the environment and in `.env`."""
    names = set(os.environ)
    if ENV_FILE.is_file() and not _file_problem():
        names |= set(dotenv_values(ENV_FILE, encoding=ENCODING, interpolate=False))
    return {name.upper() for name in names}


def _file_problem() -> list[str]:
    if not ENV_FILE.is_file():
        return []
    try:
        text = ENV_FILE.read_text(ENCODING)
    except OSError as error:
        return [f".env cannot be read: {error.strerror}"]
    except UnicodeDecodeError:
        text = "\0"
    return [".env is not UTF-8 text: save it as such"] if "\0" in text else []


def _is_shared(name: str) -> bool:
    """Return whether another program reads the same value, as it is."""
    return name == "better_auth_secret" or name.startswith("otel_")


def _base_url(value: str) -> str:
    """Return Better Auth's base URL in its canonical form, with the path that it is mounted at."""
    match = _BASE_URL.fullmatch(value)
    try:
        url = httpx.URL(f"{match[1].lower()}://{match[2]}") if match else None
    except httpx.InvalidURL:
        url = None
    if url is None or not url.host or "%" in url.host or (url.port or 0) > LAST_PORT:
        raise ValueError("must be an address such as https://app.example.com")
    path = url.raw_path.decode("ascii").rstrip("/") or BASE_PATH
    return f"{url.scheme}://{url.netloc.decode('ascii')}{path}"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _complete(line: str, kind: LiteralString = "complete") -> PydanticCustomError:
    """Make an error whose message names its settings itself."""
    return PydanticCustomError(kind, "{line}", {"line": line})


def _advice(found: ErrorDetails) -> str:
    name = str(found["loc"][0]).upper()
    if found["type"] in ("complete", "untrusting"):
        return found["msg"]
    if found["type"] == "missing":
        return (
            f"Set {name} to your PostgreSQL, such as postgresql://user:password@host/name; "
            "for development, scripts/serve brings one"
        )
    return f"{name}: {found['msg'].removeprefix('Value error, ')}"
