"""The service itself with smaller numbers and a faster clock, for what takes minutes."""

import os
import time

from fastapi import FastAPI

from handlers import auth, connections, keys, log_writer

APP = ("tests.small:make", "--factory")

# Tokens that are kept in the token cache.
MOST_REMEMBERED = 50

# The same, with short limits for slow clients, and a small buffer for its log.
SHORT_TIMEOUTS = ("tests.small:make_with_short_timeouts", "--factory")
TIMEOUT = 2


class FastClock:
    """What the key set takes for the time: TEST_CLOCK seconds pass in each."""

    speed = float(os.environ.get("TEST_CLOCK", "1"))

    def monotonic(self) -> float:
        return time.monotonic() * self.speed


def make() -> FastAPI:
    vars(keys)["time"] = FastClock()
    auth.MOST_REMEMBERED = MOST_REMEMBERED
    # It starts when it is imported.
    from handlers.app import app

    return app


def make_with_short_timeouts() -> FastAPI:
    log_writer.MAX_BUFFERED = 64 * 1024
    connections.REQUEST_TIMEOUT = connections.ANSWER_TIMEOUT = TIMEOUT
    from handlers.app import app

    return app
