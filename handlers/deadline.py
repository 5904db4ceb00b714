"""The deadline of the current request, which limits the sum of its waits."""

from contextvars import ContextVar
from time import monotonic

from handlers import limits

_deadline: ContextVar[float] = ContextVar("deadline")


def start(seconds: float = limits.HANDLER_TIMEOUT) -> None:
    _deadline.set(monotonic() + seconds)


def remaining(timeout: float) -> float:
    """Return the timeout, or the time until the deadline if that is shorter (0 or less: none)."""
    return min(timeout, _deadline.get() - monotonic())
