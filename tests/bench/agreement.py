"""Whether all services answer the same: a comparison of services that do not is worth nothing."""

import re
import time
from collections.abc import Iterator
from typing import Any

import httpx

from handlers.limits import CLOCK_LEEWAY as LEEWAY
from tests.bench import processes, workload
from tests.bench.ground import Ground
from tests.bench.processes import Failure, Running
from tests.bench.workload import Crowd
from tests.support.service import ORIGIN

# What must differ from one request to the next is only looked at for its form.
FORMS = {
    "id": re.compile(r"[1-9][0-9]*"),
    "created_at": re.compile(r"[0-9-]{10}T[0-9:]{8}\.[0-9]{6}Z"),
    "updated_at": re.compile(r"[0-9-]{10}T[0-9:]{8}\.[0-9]{6}Z"),
}
# What the server adds by itself.
NOT_OURS = {"date", "connection"}
# How long a token is still good when it is first sent, in seconds.
LAST_SECONDS = 2
MOST_SHOWN = 1000

Answer = tuple[str, int, Any, frozenset[str]]


def check(services: list[Running], ground: Ground, crowd: Crowd) -> None:
    """Raise Failure if one of these services answers otherwise than the first."""
    first, *others = services
    wanted = list(_answers(first, crowd))
    for other in others:
        ground.restore(crowd)
        for expected, found in zip(wanted, _answers(other, crowd), strict=True):
            if expected[:3] != found[:3]:
                raise _disagreement(first, other, expected[:3], found[:3])
            # Some headers more cost their sender a little; some less would be less work.
            if not expected[3] <= found[3] and other.contender.name != processes.TUTORIAL:
                raise _disagreement(first, other, sorted(expected[3]), sorted(found[3]))
    ground.restore(crowd)


def _disagreement(first: Running, other: Running, *answers: object) -> Failure:
    names = f"{first.contender.name} and {other.contender.name}"
    shown = (str(answer)[:MOST_SHOWN] for answer in answers)
    return Failure("\n".join([f"{names} do not answer the same:", *shown]))


def check_expiry(services: list[Running], crowd: Crowd) -> None:
    """Raise Failure if one of these services goes on believing a token that it remembers."""
    user = crowd.name(0)
    token = workload.token(user, expires_in=LAST_SECONDS - LEEWAY)
    for wanted in (httpx.codes.OK, httpx.codes.UNAUTHORIZED):
        if wanted == httpx.codes.UNAUTHORIZED:
            time.sleep(LAST_SECONDS + 1)
        for service in services:
            with _client(service, token) as client:
                found = client.get(f"/api/{user}/tasks/{crowd.first_task(0)}").status_code
            if found != wanted:
                raise Failure(
                    f"{service.contender.name} answers {found} instead of {wanted} to a token "
                    f"that is good for {LAST_SECONDS} seconds only."
                )


def _client(service: Running, token: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}", "Origin": ORIGIN}
    return httpx.Client(base_url=f"http://127.0.0.1:{service.port}", headers=headers)


def _answers(service: Running, crowd: Crowd) -> Iterator[Answer]:
    """Read one person's tasks and change another's, so that all services read the same."""
    user, path, task = _person(crowd, 1)
    expired = workload.token(user, expires_in=-LEEWAY - 10)
    with _client(service, workload.token(user)) as client:
        yield _answer("list", client.get(path))
        yield _answer("get", client.get(f"{path}/{task}"))
        yield _status("another's list", client.get(_person(crowd, 2)[1]))
        yield _status("no such task", client.get(f"{path}/{2**40}"))
        for bearer in ("", "Bearer a.b.c", f"Bearer {expired}"):
            yield _status("a bad token", client.get(path, headers={"Authorization": bearer}))
    user, path, task = _person(crowd, 2)
    with _client(service, workload.token(user)) as client:
        for _ in range(2):
            yield _answer("toggle", client.patch(f"{path}/{task}/complete"), "updated_at")
        kind = {"Content-Type": "application/json"}
        created = client.post(path, content=workload.NEW_TASK, headers=kind)
        if created.headers["location"] != f"{path}/{created.json()['id']}":
            raise Failure(f"{service.contender.name}: Location is {created.headers['location']}")
        yield _answer("create", created, *FORMS)


def _person(crowd: Crowd, number: int) -> tuple[str, str, int]:
    """Tell a person's name, path, and a task in the middle of their list."""
    name = crowd.name(number)
    return name, f"/api/{name}/tasks", crowd.first_task(number) + crowd.tasks // 2


def _status(name: str, response: httpx.Response) -> Answer:
    return name, response.status_code, None, frozenset()


def _answer(name: str, response: httpx.Response, *free: str) -> Answer:
    content = response.json()
    for member in free:
        if not FORMS[member].fullmatch(str(content[member])):
            raise Failure(f"{name}: {member} is {content[member]!r}")
        del content[member]
    return name, response.status_code, content, frozenset(response.headers.keys() - NOT_OURS)
