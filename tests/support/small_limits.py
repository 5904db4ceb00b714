"""The service with smaller limits and a faster clock, for tests that would take minutes."""

import os
import time

from fastapi import FastAPI

from handlers import limits
from handlers.auth import key_set

APP = ("tests.support.small_limits:make", "--factory")

# Tokens that are kept in the token cache.
MAX_CACHED_TOKENS = 50

# The service with short timeouts for slow clients, and a small buffer for its log.
SHORT_TIMEOUTS = ("tests.support.small_limits:make_with_short_timeouts", "--factory")
TIMEOUT = 2


class FastClock:
    """A clock for the key set that is faster by the factor TEST_CLOCK."""

    speed = float(os.environ.get("TEST_CLOCK", "1"))

    def monotonic(self) -> float:
        return time.monotonic() * self.speed


def make() -> FastAPI:
    vars(key_set)["time"] = FastClock()
    limits.MAX_CACHED_TOKENS = MAX_CACHED_TOKENS
    # Importing the module creates the application.
    from handlers.app import app

    return app


def make_with_short_timeouts() -> FastAPI:
    limits.MAX_BUFFERED_LOG = 64 * 1024
    limits.REQUEST_TIMEOUT = limits.RESPONSE_TIMEOUT = TIMEOUT
    from handlers.app import app

    return app
