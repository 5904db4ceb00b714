"""The deadline of the current request, by which every wait must end."""

from contextvars import ContextVar
from time import monotonic

from handlers import limits

_deadline: ContextVar[float] = ContextVar("deadline")


def start(seconds: float = limits.HANDLER_TIMEOUT) -> None:
    _deadline.set(monotonic() + seconds)


def remaining(timeout: float) -> float:
    """Return the timeout, or the time until the deadline if less is left, which may be below 0."""
    return min(timeout, _deadline.get() - monotonic())
