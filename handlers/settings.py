"""What can be set from outside: the environment first, then `.env`. Checked once, at start."""

import re
from typing import Annotated, Any, Literal, Self

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
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

SHORTEST_SECRET = 32

_ADDRESS = re.compile(r"https?://[^/?#@\s:]+(:[0-9]{1,5})?(/[^?#\s]*)?")
# As a browser writes an origin: in lower case, and without the port that goes without saying.
_ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?")
_SILENT_PORT = re.compile(r"http:.*:80|https:.*:443")

_Protocol = Literal["http/protobuf"]
_Exporter = Literal["otlp", "none"]
_ENDPOINTS = {f"otel_exporter_otlp_{signal}endpoint" for signal in ("", "traces_", "metrics_")}


class SettingsError(Exception):
    """Something is missing or wrong; the message says what to set."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        # Values are secrets: they never stand in a message.
        hide_input_in_errors=True,
    )

    environment: Literal["production", "development"] = "production"
    database_url: SecretStr
    database_pooled: bool | None = None
    database_connections: Annotated[int, Field(ge=1, le=1000)] = 10
    database_idle_seconds: Annotated[int, Field(ge=1, le=86_400)] = 60
    better_auth_secret: SecretStr | None = None
    better_auth_url: str | None = None
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
    otel_bsp_max_export_batch_size: PositiveInt = 512
    otel_metric_export_interval: PositiveFloat = 60_000

    @model_validator(mode="before")
    @classmethod
    def _is_asked_for_telemetry(cls, values: dict[str, Any]) -> dict[str, Any]:
        is_disabled = str(values.get("otel_sdk_disabled")).strip().lower() == "true"
        if not is_disabled and values.keys() & _ENDPOINTS:
            return values
        # What nobody asks for may be as wrong as it likes.
        return {name: value for name, value in values.items() if not name.startswith("otel_")}

    @field_validator("better_auth_url")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if not _ADDRESS.fullmatch(value):
            raise ValueError("must be an address such as https://app.example.com")
        return value.rstrip("/")

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

    @model_validator(mode="after")
    def _has_room_for_a_batch(self) -> Self:
        if self.otel_bsp_max_export_batch_size > self.otel_bsp_max_queue_size:
            raise ValueError(
                "OTEL_BSP_MAX_EXPORT_BATCH_SIZE must not be above OTEL_BSP_MAX_QUEUE_SIZE"
            )
        return self

    @model_validator(mode="after")
    def _is_trusting(self) -> Self:
        if not self.better_auth_secret and not self.better_auth_url:
            raise ValueError(
                "Set BETTER_AUTH_URL (the address of your Better Auth server, for its own tokens) "
                "or BETTER_AUTH_SECRET (the secret that your frontend signs tokens with), or both"
            )
        secret = self.better_auth_secret
        if secret and not self.is_development and _is_weak(secret.get_secret_value()):
            raise ValueError(
                f"BETTER_AUTH_SECRET must have at least {SHORTEST_SECRET} characters; "
                "make one with: openssl rand -base64 32"
            )
        return self

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


def _is_weak(secret: str) -> bool:
    return len(secret.strip()) < SHORTEST_SECRET


def load() -> Settings:
    """Read the settings. Raises SettingsError with one line for each thing to mend."""
    try:
        return Settings()
    except ValidationError as error:
        lines = [_advice(found["loc"], found["msg"]) for found in error.errors()]
        raise SettingsError("\n".join(lines)) from None


def _advice(location: tuple[int | str, ...], message: str) -> str:
    if not location:
        return message.removeprefix("Value error, ")
    name = str(location[0]).upper()
    if name == "DATABASE_URL":
        return (
            "Set DATABASE_URL to your PostgreSQL, such as postgresql://user:password@host/name; "
            "for development, scripts/serve brings one"
        )
    return f"{name}: {message.removeprefix('Value error, ')}"
