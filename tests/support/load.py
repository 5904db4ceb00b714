"""Simulated users, which send requests during faults and check every answer against a model.

A change that was answered with success must be in the list. A change that was answered with 503,
or not at all, may or may not be in the list.
"""

import asyncio
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from tests.support.users import Json, token_for

MAX_OUTAGE = 40
REPEATABLE = {"get", "list", "update", "move", "complete", "reorder"}
KINDS = ("create", "insert", "toggle", "delete", *sorted(REPEATABLE))


class ConnectionLost(Exception):
    """The connection was closed before an answer came."""


class HttpClient:
    """An HTTP client of low cost, so that few processes can load a service."""

    def __init__(self, address: str, user: str) -> None:
        self._address = urlsplit(address)
        self._head = f"Host: x\r\nAuthorization: Bearer {token_for(user)}\r\n"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def request(self, method: str, path: str, body: object = None) -> tuple[int, Json]:
        """Send a request on a persistent connection; return status and body. Raise ConnectionLost."""
        content = b"" if body is None else json.dumps(body).encode()
        kind = "Content-Type: application/json\r\n" if content else ""
        head = f"{method} {path} HTTP/1.1\r\n{self._head}{kind}Content-Length: {len(content)}\r\n"
        try:
            reader, writer = self._streams = self._streams or await self._connect()
            writer.write(head.encode() + b"\r\n" + content)
            return await self._answer(reader)
        except (OSError, asyncio.IncompleteReadError) as error:
            self.close()
            raise ConnectionLost from error

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self._address.hostname, self._address.port)

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[int, Json]:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        status = int(head[0].split()[1])
        answer: Json = json.loads(body) if body else {}
        if status >= 400:
            assert answer.keys() == {"code", "message", "details"}
        assert ("retry-after" in headers) == (status == 503)
        if headers.get("connection") == "close":
            self.close()
        return status, answer

    def close(self) -> None:
        if self._streams:
            self._streams[1].close()
            self._streams = None


@dataclass(frozen=True)
class Entry:
    title: str
    completed: bool = False


@dataclass
class Step:
    """A request, its expected status, and the expected list after it."""

    kind: str
    method: str
    path: str
    status: int
    after: list[Entry]
    body: object = None
    # The expected position of the task in the answer.
    place: int | None = None


@dataclass
class Figures:
    """Counts of all simulated users together."""

    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    longest: float = 0

    def __str__(self) -> str:
        return (
            f"{self.done.total()} done, {self.refused.total()} refused {dict(self.refused)}, "
            f"{self.lost.total()} lost, longest wait {self.longest:.2f} s"
        )


class SimulatedUser:
    """A user and a model of the list that the service must have."""

    def __init__(self, address: str, user: str, figures: Figures, seed: int) -> None:
        self.connection = HttpClient(address, user)
        self.path = f"/api/{user}/tasks"
        self.figures = figures
        self.random = random.Random(seed)
        self.entries: list[Entry] = []
        self.ids: dict[str, int] = {}
        self.created = 0

    async def use(self, until: float) -> None:
        try:
            while time.monotonic() < until:
                await self.execute(self.plan())
            await self.settle([self.entries])
        finally:
            self.connection.close()

    async def execute(self, step: Step) -> None:
        began = time.monotonic()
        try:
            status, answer = await self.connection.request(step.method, step.path, step.body)
        except ConnectionLost:
            self.figures.lost[step.kind] += 1
            await self.settle([self.entries, step.after])
            return
        self.figures.longest = max(self.figures.longest, time.monotonic() - began)
        if status == 503:
            self.figures.refused[step.kind] += 1
            await self.settle([self.entries, step.after])
            return
        assert status == step.status, (step, status, answer)
        self.figures.done[step.kind] += 1
        self.entries = step.after
        if step.place is not None:
            self.check(answer, step.place)
        if step.kind == "list":
            self.read(answer, [self.entries])

    def check(self, task: Json, place: int) -> None:
        entry = self.entries[place]
        assert (task["title"], task["completed"]) == (entry.title, entry.completed)
        assert task["position"] == place, (task, place)
        assert self.ids.setdefault(entry.title, task["id"]) == task["id"]

    async def settle(self, possible: list[list[Entry]]) -> None:
        """Read the list as soon as the service answers, and require one of these states."""
        until = time.monotonic() + MAX_OUTAGE
        while time.monotonic() < until:
            try:
                status, answer = await self.connection.request("GET", self.path)
            except ConnectionLost:
                status, answer = 0, {}
            if status == 200:
                self.read(answer, possible)
                return
            await asyncio.sleep(0.1)
        raise AssertionError("The service did not recover.")

    def read(self, page: Json, possible: list[list[Entry]]) -> None:
        tasks = page["data"]
        found = [Entry(task["title"], task["completed"]) for task in tasks]
        assert found in possible, (found, possible)
        assert [task["position"] for task in tasks] == list(range(len(tasks)))
        assert page["pagination"]["total"] == len(tasks)
        self.entries = found
        self.ids = {task["title"]: task["id"] for task in tasks}

    def plan(self) -> Step:
        count = len(self.entries)
        kind = self.random.choice(KINDS) if count else "create"
        if kind in ("create", "insert"):
            return self.creation(kind, count if kind == "create" else self.random.randint(0, count))
        if kind == "list" or count > 12:
            kind = "list" if kind == "list" else "delete"
        if kind == "list":
            return Step(kind, "GET", self.path, 200, self.entries)
        if kind == "reorder":
            order = self.random.sample(self.entries, count)
            ids = {"task_ids": [self.ids[entry.title] for entry in order]}
            return Step(kind, "PUT", f"{self.path}/order", 204, order, ids)
        return self.change(kind, self.random.randrange(count))

    def creation(self, kind: str, place: int) -> Step:
        self.created += 1
        entry = Entry(f"task {self.created}")
        after = [*self.entries[:place], entry, *self.entries[place:]]
        body: dict[str, Any] = {"title": entry.title}
        if kind == "insert":
            body["position"] = place
        return Step(kind, "POST", self.path, 201, after, body, place)

    def change(self, kind: str, place: int) -> Step:
        entry = self.entries[place]
        path = f"{self.path}/{self.ids[entry.title]}"
        rest = [*self.entries[:place], *self.entries[place + 1 :]]
        if kind == "get":
            return Step(kind, "GET", path, 200, self.entries, None, place)
        if kind == "delete":
            return Step(kind, "DELETE", path, 204, rest)
        if kind == "move":
            to = self.random.randint(0, len(rest))
            return Step(kind, "PUT", path, 200, _with(rest, to, entry), {"position": to}, to)
        if kind == "update":
            completed = self.random.random() < 0.5
            after = _with(rest, place, replace(entry, completed=completed))
            return Step(kind, "PUT", path, 200, after, {"completed": completed}, place)
        wanted = not entry.completed if kind == "toggle" else self.random.random() < 0.5
        after = _with(rest, place, replace(entry, completed=wanted))
        body = {"completed": wanted} if kind == "complete" else None
        return Step(kind, "PATCH", f"{path}/complete", 200, after, body, place)


def _with(entries: list[Entry], place: int, entry: Entry) -> list[Entry]:
    return [*entries[:place], entry, *entries[place:]]


async def run(address: str, users: int, seconds: float, name: str = "user") -> Figures:
    """Simulate users for some seconds. Raise AssertionError for a wrong answer."""
    figures = Figures()
    until = time.monotonic() + seconds
    async with asyncio.TaskGroup() as group:
        for number in range(users):
            simulated = SimulatedUser(address, f"{name}-{number}-{time.time_ns()}", figures, number)
            group.create_task(simulated.use(until))
    return figures
