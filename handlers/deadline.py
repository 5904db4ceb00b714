"""Until when the request that is served must be answered, however often it has to wait."""

from contextvars import ContextVar
from time import monotonic

from handlers import limits

_until: ContextVar[float] = ContextVar("until")


def start(seconds: float = limits.HANDLER_TIMEOUT) -> None:
    _until.set(monotonic() + seconds)


def remaining(seconds: float) -> float:
    """Shorten a wait, so that it ends with the request; no time is left at 0 and below."""
    return min(seconds, _until.get() - monotonic())
