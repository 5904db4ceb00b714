"""Until when the request that is served must be answered, however often it has to wait."""

from contextvars import ContextVar
from time import monotonic

# Seconds, from the moment that the whole request is there.
LONGEST = 5

_until: ContextVar[float] = ContextVar("until")


def begin(seconds: float = LONGEST) -> None:
    _until.set(monotonic() + seconds)


def within(seconds: float) -> float:
    """Shorten a wait, so that it ends with the request; no time is left at 0 and below."""
    return min(seconds, _until.get() - monotonic())
