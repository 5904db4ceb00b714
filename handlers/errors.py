"""The errors of the API. The middleware renders them as the schema Error of the contract."""

from collections.abc import Iterable

import orjson

from generated import responses
from handlers import limits


class ApiError(Exception):
    """Base class of the errors. Raise a subclass from any layer of a request."""

    status: int
    code: str
    message: str

    def __init__(
        self,
        message: str | None = None,
        *,
        details: Iterable[responses.ErrorDetail] = (),
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        self.message = message or self.message
        self.details = list(details)[: limits.MAX_ERROR_DETAILS]
        self.headers = tuple(headers)
        super().__init__(self.message)

    def body(self) -> bytes:
        return orjson.dumps({"code": self.code, "message": self.message, "details": self.details})


class Unauthorized(ApiError):
    status = 401
    code = "unauthorized"
    message = 'Send a valid token, as in "Authorization: Bearer <token>".'

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message, headers=[("WWW-Authenticate", "Bearer")])


class Forbidden(ApiError):
    status = 403
    code = "forbidden"
    message = "This path belongs to another user than your token."


class NotFound(ApiError):
    status = 404
    code = "not_found"
    message = "There is no such path. The contract is at /openapi.yaml."


class MethodNotAllowed(ApiError):
    status = 405
    code = "method_not_allowed"

    def __init__(self, allowed: Iterable[str]) -> None:
        allow = ", ".join(sorted(allowed))
        super().__init__(f"This path allows {allow}.", headers=[("Allow", allow)])


class Conflict(ApiError):
    status = 409
    code = "conflict"


class PayloadTooLarge(ApiError):
    status = 413
    code = "payload_too_large"
    message = "The body is larger than 256 KiB."


class Invalid(ApiError):
    status = 422
    code = "validation_error"
    message = "The request does not match the contract: see details."


class InternalError(ApiError):
    status = 500
    code = "internal_error"
    message = "Something went wrong here. Try again, and quote the X-Request-Id if it stays so."


class Unavailable(ApiError):
    status = 503
    code = "unavailable"

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        super().__init__(message, headers=[("Retry-After", str(retry_after))])
