"""The requests that are sent: who sends them, with which tokens, and how the answers are known.

A thousand people take turns. One request in a hundred carries a token that was never seen before,
one in a hundred an expired one, which must be refused.
"""

import itertools
import json
import random
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from jose import jwt

from handlers.limits import CLOCK_LEEWAY as LEEWAY
from tests.support.service import ORIGIN, SECRET

PEOPLE = 1000
HOUR = 3600
OPERATIONS = ("list", "get", "create", "toggle")
NEW_TASK = json.dumps({"title": "Buy milk", "description": "Two litres."}).encode()


@dataclass(frozen=True)
class Exchange:
    """A request as bytes, the status it must get, and what must be in the answer so many times."""

    request: bytes
    status: bytes
    marker: bytes = b""
    times: int = 1


@dataclass(frozen=True)
class Crowd:
    """The people who send requests. Each has `tasks` tasks, numbered on from person to person."""

    people: int = PEOPLE
    tasks: int = 100

    def name(self, person: int) -> str:
        return f"bench-{person:07}"

    def first_task(self, person: int) -> int:
        return person * self.tasks + 1


def token(user: str, *, expires_in: float = HOUR) -> str:
    """Sign a token that nobody has seen before."""
    claims = {"sub": user, "exp": int(time.time() + expires_in), "jti": secrets.token_hex(8)}
    return jwt.encode(claims, SECRET, algorithm="HS256")


@cache
def _warm(user: str) -> str:
    return token(user)


@cache
def _expired(user: str) -> str:
    return token(user, expires_in=-LEEWAY - 10)


def exchanges(operation: str, crowd: Crowd, seed: int) -> Iterator[Exchange]:
    """Go on for ever, the same for each seed but for the tokens that must be new."""
    chosen = random.Random(seed)
    for count in itertools.count():
        person = chosen.randrange(crowd.people)
        user = crowd.name(person)
        task = crowd.first_task(person) + chosen.randrange(crowd.tasks)
        if count % 100 == 33:
            yield _exchange(operation, user, task, token(user), crowd)
        elif count % 100 == 66:
            refused = _exchange(operation, user, task, _expired(user), crowd)
            yield Exchange(refused.request, b"401")
        else:
            yield _exchange(operation, user, task, _warm(user), crowd)


def _exchange(operation: str, user: str, task: int, bearer: str, crowd: Crowd) -> Exchange:
    path = f"/api/{user}/tasks"
    match operation:
        case "list":
            request = message("GET", path, bearer)
            return Exchange(request, b"200", b'"created_at":', crowd.tasks)
        case "get":
            return Exchange(message("GET", f"{path}/{task}", bearer), b"200", b'"id":%d,' % task)
        case "create":
            return Exchange(message("POST", path, bearer, NEW_TASK), b"201", b'"title":"Buy milk"')
        case "toggle":
            request = message("PATCH", f"{path}/{task}/complete", bearer)
            return Exchange(request, b"200", b'"id":%d,' % task)
    raise ValueError(operation)


def message(method: str, path: str, bearer: str | None, body: bytes = b"") -> bytes:
    """Write a request as a frontend's fetch does, without what a browser adds of its own."""
    lines = [f"{method} {path} HTTP/1.1", "Host: bench", f"Origin: {ORIGIN}", "Accept: */*"]
    if bearer:
        lines.append(f"Authorization: Bearer {bearer}")
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    elif method != "GET":
        lines.append("Content-Length: 0")
    return "\r\n".join([*lines, "", ""]).encode() + body
