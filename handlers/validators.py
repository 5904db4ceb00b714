"""Validators of single settings. SettingsError puts the name of the setting before a message."""

import re
from typing import LiteralString
from urllib.parse import urlsplit

import httpx
from jose import jwk
from jose.exceptions import JWKError
from pydantic import SecretStr, ValidationInfo
from pydantic_core import PydanticCustomError

from handlers.auth import key_server
from handlers.postgres import dsn

MIN_SECRET_LENGTH = 32
MAX_PORT = 65535
# Where Better Auth is mounted if the URL has no path.
BASE_PATH = "/api/auth"

# Without credentials, query and fragment.
_BASE_URL = re.compile(r"(https?)://([^?#@\s\\]+)", re.IGNORECASE)
# As browsers send an origin: in lower case, and without the default port.
_ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?")
_DEFAULT_PORT = re.compile(r"http:.*:80|https:.*:443")
_CONTROL = re.compile("[\0-\x1f\x7f]")
_UNDECODABLE = re.compile("[\ud800-\udfff]")
_QUOTED = re.compile(r"(['\"]).*\1", re.DOTALL)


def complete_message(line: str, kind: LiteralString = "complete") -> PydanticCustomError:
    """Return an error for a message that already has the name of the setting."""
    return PydanticCustomError(kind, "{line}", {"line": line})


def text(value: object) -> object:
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


def database_url(value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
    if value is None:
        return None
    url, name = value.get_secret_value(), str(info.field_name).upper()
    if _CONTROL.search(url):
        raise ValueError("has a control character in it")
    try:
        dsn.connection_arguments(url, name=name)
    except dsn.DsnError as error:
        raise complete_message(str(error)) from None
    return value


def shared_secret(value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
    if value is None:
        return None
    secret = value.get_secret_value()
    try:
        jwk.construct(secret, "HS256")
    except JWKError as error:
        raise ValueError(str(error)) from None
    if info.data.get("environment") != "development" and len(secret) < MIN_SECRET_LENGTH:
        raise complete_message(
            f"BETTER_AUTH_SECRET must have at least {MIN_SECRET_LENGTH} characters; "
            "make one with: openssl rand -base64 32"
        )
    return value


def better_auth_url(value: str | None, info: ValidationInfo) -> str | None:
    if value is None:
        # An invalid secret has an error of its own, and is absent from info.data.
        if info.data.get("better_auth_secret", "invalid") is None:
            raise complete_message(
                "Set BETTER_AUTH_URL (the address of your Better Auth server, for its own "
                "tokens) or BETTER_AUTH_SECRET (the secret that your frontend signs tokens "
                "with), or both",
                kind="no_key_source",
            )
        return None
    url = _base_url(value)
    if problems := list(key_server.problems(url)):
        raise complete_message("\n".join(problems))
    return url


def _base_url(value: str) -> str:
    """Return the canonical form of Better Auth's base URL, with the path where it is mounted."""
    match = _BASE_URL.fullmatch(value)
    try:
        url = httpx.URL(f"{match[1].lower()}://{match[2]}") if match else None
    except httpx.InvalidURL:
        url = None
    if url is None or not url.host or "%" in url.host or (url.port or 0) > MAX_PORT:
        raise ValueError("must be an address such as https://app.example.com")
    path = url.raw_path.decode("ascii").rstrip("/") or BASE_PATH
    return f"{url.scheme}://{url.netloc.decode('ascii')}{path}"


def origins(value: str | tuple[str, ...]) -> tuple[str, ...]:
    if isinstance(value, tuple):
        return value
    found = tuple(origin.strip().rstrip("/") for origin in value.split(",") if origin.strip())
    for origin in found:
        if not _ORIGIN.fullmatch(origin) or _DEFAULT_PORT.fullmatch(origin):
            raise ValueError(
                "must be origins such as https://app.example.com, separated by commas; never *"
            )
    return found


def batch_size(value: int, info: ValidationInfo) -> int:
    if value > info.data.get("otel_bsp_max_queue_size", value):
        raise complete_message(
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE must not be above OTEL_BSP_MAX_QUEUE_SIZE"
        )
    return value


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
