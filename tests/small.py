"""The service itself with smaller numbers, for what takes minutes or a great many requests."""

from fastapi import FastAPI

from handlers import auth, connections, keys

APP = ("tests.small:make", "--factory")

# Seconds that a key set is kept, and tokens that are remembered.
KEEP = 1
MOST_REMEMBERED = 50


# The same, with short limits for clients that are slow.
SHORT_TIMEOUTS = ("tests.small:make_with_short_timeouts", "--factory")
TIMEOUT = 2


def make() -> FastAPI:
    keys.KEEP = KEEP
    auth.MOST_REMEMBERED = MOST_REMEMBERED
    # It starts when it is imported.
    from handlers.app import app

    return app


def make_with_short_timeouts() -> FastAPI:
    connections.REQUEST_TIMEOUT = connections.ANSWER_TIMEOUT = TIMEOUT
    from handlers.app import app

    return app
