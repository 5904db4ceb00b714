"""The service itself with smaller numbers and a faster clock, for what takes minutes."""

import os
import time

from fastapi import FastAPI

from handlers import limits
from handlers.auth import key_set

APP = ("tests.support.small_limits:make", "--factory")

# Tokens that are kept in the token cache.
MAX_CACHED_TOKENS = 50

# The same, with short limits for slow clients, and a small buffer for its log.
SHORT_TIMEOUTS = ("tests.support.small_limits:make_with_short_timeouts", "--factory")
TIMEOUT = 2


class FastClock:
    """What the key set takes for the time: TEST_CLOCK seconds pass in each."""

    speed = float(os.environ.get("TEST_CLOCK", "1"))

    def monotonic(self) -> float:
        return time.monotonic() * self.speed


def make() -> FastAPI:
    vars(key_set)["time"] = FastClock()
    limits.MAX_CACHED_TOKENS = MAX_CACHED_TOKENS
    # It starts when it is imported.
    from handlers.app import app

    return app


def make_with_short_timeouts() -> FastAPI:
    limits.MAX_BUFFERED_LOG = 64 * 1024
    limits.REQUEST_TIMEOUT = limits.RESPONSE_TIMEOUT = TIMEOUT
    from handlers.app import app

    return app
