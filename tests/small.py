"""The service itself with smaller numbers, for what takes minutes or a great many requests."""

from fastapi import FastAPI

from handlers import auth, keys

APP = ("tests.small:make", "--factory")

# Seconds that a key set is kept, and tokens that are remembered.
KEEP = 1
MOST_REMEMBERED = 50


def make() -> FastAPI:
    keys.KEEP = KEEP
    auth.MOST_REMEMBERED = MOST_REMEMBERED
    # It starts when it is imported.
    from handlers.app import app

    return app
