"""How Fastify and pg are started, and what stands in Python that they work by."""

import json
from pathlib import Path

from handlers import statements
from handlers.limits import CLOCK_LEEWAY as LEEWAY
from handlers.limits import STATEMENT_TIMEOUT
from handlers.postgres.pool import SESSION
from scripts.dev import node
from tests.bench import peers

FOLDER = Path(__file__).parent
PACKAGES: dict[str, str] = json.loads((FOLDER / "package.json").read_text())["dependencies"]
COMMAND = (str(node.NODE), str(FOLDER / "service.js"), "{port}")

_STATEMENTS = {
    "list": statements.LIST,
    "get": statements.GET,
    "append": statements.APPEND,
    "lock": statements.LOCK,
    "toggle": statements.TOGGLE,
}
_ARGUMENTS = ("user_id", "task_id", "title", "description", "completed", "limit")


def environment() -> dict[str, str]:
    """Tell it what the others import."""
    # Given their own names as values, the arguments tell in which order they are sent.
    names = {name: name for name in _ARGUMENTS}
    given = {
        "statements": {
            name: {"name": name, "text": statement.sql, "order": statement.arguments(names)}
            for name, statement in _STATEMENTS.items()
        },
        "session": SESSION,
        "tokens": peers.MAX_CACHED_TOKENS,
        "seconds": {"leeway": LEEWAY, "statement": STATEMENT_TIMEOUT},
    }
    return {"BENCH_GIVEN": json.dumps(given), "NODE_ENV": "production"}


def install() -> None:
    """Bring its packages, unless they are there."""
    node.install(FOLDER)
