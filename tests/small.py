"""The service itself with smaller numbers, for what takes minutes or a great many requests."""

from fastapi import FastAPI

from handlers import auth, connections, keys, log_writer

APP = ("tests.small:make", "--factory")

# Seconds that a key set is kept, and tokens that are remembered.
KEEP = 1
MOST_REMEMBERED = 50


# The same, with short limits for slow clients, and a small buffer for its log.
SHORT_TIMEOUTS = ("tests.small:make_with_short_timeouts", "--factory")
TIMEOUT = 2


def make() -> FastAPI:
    keys.KEEP = KEEP
    auth.MOST_REMEMBERED = MOST_REMEMBERED
    # It starts when it is imported.
    from handlers.app import app

    return app


def make_with_short_timeouts() -> FastAPI:
    log_writer.MAX_BUFFERED = 64 * 1024
    connections.REQUEST_TIMEOUT = connections.ANSWER_TIMEOUT = TIMEOUT
    from handlers.app import app

    return app
