"""Settings from environment variables and `.env`, validated once at start-up."""

import os
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    HttpUrl,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from handlers import env_file, misspellings, validators

_Protocol = Literal["http/protobuf"]
_Exporter = Literal["otlp", "none"]
_ENDPOINTS = {f"otel_exporter_otlp_{signal}endpoint" for signal in ("", "traces_", "metrics_")}

# Types of errors for a setting without a value.
_MISSING = ("missing", "no_key_source")


class SettingsError(Exception):
    """A setting is missing or invalid. The message has a line for each setting to correct."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_file=env_file.PATH,
        env_file_encoding=env_file.ENCODING,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        # Values may be secrets, which must not occur in messages.
        hide_input_in_errors=True,
    )

    environment: Literal["production", "development"] = "production"
    database_url: SecretStr
    # Used only by scripts/migrate. Validated here, so that all mistakes are reported together.
    migration_database_url: SecretStr | None = None
    database_pooled: bool | None = None
    database_connections: Annotated[int, Field(ge=1, le=1000)] = 10
    database_idle_seconds: Annotated[int, Field(ge=1, le=86_400)] = 60
    better_auth_secret: SecretStr | None = None
    # The validator also requires a secret if the URL is unset.
    better_auth_url: Annotated[str | None, Field(validate_default=True)] = None
    frontend_url: Annotated[tuple[str, ...], NoDecode] = ()
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=validators.MAX_PORT)] = 8000
    # OpenTelemetry's library reads these variables, and many more. It ignores invalid values, or
    # runs without telemetry, so they are validated here.
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
    def _ignore_unused_telemetry(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Remove the variables of OpenTelemetry, valid or not, unless telemetry is enabled."""
        is_disabled = str(values.get("otel_sdk_disabled")).strip().lower() == "true"
        if not is_disabled and values.keys() & _ENDPOINTS:
            return values
        return {name: value for name, value in values.items() if not name.startswith("otel_")}

    @model_validator(mode="before")
    @classmethod
    def _strip(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Remove the newline that files and `echo` add, unless other programs read the value."""
        stripped = {
            name: value if _is_shared(name) or not isinstance(value, str) else value.strip()
            for name, value in values.items()
        }
        return {name: value for name, value in stripped.items() if value != ""}

    _text = field_validator("*", mode="before")(validators.text)
    _database_url = field_validator("database_url", "migration_database_url")(
        validators.database_url
    )
    _shared_secret = field_validator("better_auth_secret")(validators.shared_secret)
    _better_auth_url = field_validator("better_auth_url")(validators.better_auth_url)
    _origins = field_validator("frontend_url", mode="before")(validators.origins)
    _batch_size = field_validator("otel_bsp_max_export_batch_size")(validators.batch_size)

    @property
    def issuers(self) -> frozenset[str]:
        """The accepted values of `iss` and `aud`. By default, Better Auth uses its origin."""
        url = self.better_auth_url
        return frozenset((url, validators.origin_of(url))) if url else frozenset()

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
    """Return the settings. Raises SettingsError."""
    file_problem = env_file.problem()
    problems = [file_problem] if file_problem else []
    try:
        settings = Settings(_env_file=None if file_problem else env_file.PATH)
    except ValidationError as error:
        # A setting that seems to be missing may be in the unreadable file.
        invalid = [each for each in error.errors() if not problems or each["type"] not in _MISSING]
        raise SettingsError("\n".join([*problems, *map(_message, invalid), *warnings()])) from None
    if problems:
        raise SettingsError("\n".join([*problems, *warnings()]))
    return settings


def warnings() -> list[str]:
    """Return a line for each probable mistake that does not prevent the start."""
    names = {name.upper() for name in os.environ.keys() | env_file.names()}
    found = list(misspellings.find(names, {field.upper() for field in Settings.model_fields}))
    if env_file.PATH.is_dir():
        found.append(".env is a folder and is not read: settings come from the environment alone")
    return found


def _is_shared(name: str) -> bool:
    """Return whether other programs read the same variable, without removing white space."""
    return name == "better_auth_secret" or name.startswith("otel_")


def _message(error: ErrorDetails) -> str:
    name = str(error["loc"][0]).upper()
    if error["type"] in ("complete", "no_key_source"):
        return error["msg"]
    if error["type"] == "missing":
        return (
            f"Set {name} to your PostgreSQL, such as postgresql://user:password@host/name; "
            "for development, scripts/serve brings one"
        )
    return f"{name}: {error['msg'].removeprefix('Value error, ')}"
