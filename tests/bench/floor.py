"""The floor in Python: bare ASGI, asyncpg and orjson, with nothing between them.

It runs the statements of handlers.statements and answers what the service answers, headers too,
but knows four operations only, and of mistakes only that they are some.
"""

import re
import uuid
from typing import Any

import asyncpg
import orjson
from starlette.types import Receive, Scope, Send

from handlers import statements
from handlers.postgres.statement import Statement
from tests.bench import peers

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
ORIGIN = peers.ORIGIN.encode()
CONSTANT = [
    (b"content-type", b"application/json"),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"vary", b"Origin"),
]
EXPOSED = b"Location, Retry-After, WWW-Authenticate, X-Request-Id"
ALL = 1000
LONGEST_TITLE = 255

Headers = list[tuple[bytes, bytes]]
Answer = tuple[int, object, Headers]


class Floor:
    _pool: peers.Pool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        request = dict(scope["headers"])
        status, content, headers = await self._answer(scope, request, receive)
        body = orjson.dumps(content, option=orjson.OPT_UTC_Z)
        headers += CONSTANT
        headers.append((b"content-length", b"%d" % len(body)))
        sent = request.get(b"x-request-id", b"")
        name = sent if REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex.encode()
        headers.append((b"x-request-id", name))
        if request.get(b"origin") == ORIGIN:
            headers.append((b"access-control-allow-origin", ORIGIN))
            headers.append((b"access-control-expose-headers", EXPOSED))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self._pool = await peers.pool()
        peers.settle()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._pool.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, scope: Scope, request: dict[bytes, bytes], receive: Receive) -> Answer:
        kind, _, token = request.get(b"authorization", b"").decode("latin-1").partition(" ")
        try:
            user = peers.user(token)
        except peers.Refused:
            return _refusal(401)
        _, _, owner, _, *rest = scope["path"].split("/")
        if owner != user or kind.lower() != "bearer":
            return _refusal(403)
        return await self._serve(scope["method"], user, rest, receive)

    async def _serve(self, method: str, user: str, rest: list[str], receive: Receive) -> Answer:
        if not rest:
            return await (self._list(user) if method == "GET" else self._create(user, receive))
        statement = statements.GET if method == "GET" else statements.TOGGLE
        values = {"user_id": user, "task_id": int(rest[0]), "completed": None}
        return await self._one(statement, values)

    async def _list(self, user: str) -> Answer:
        rows = await peers.fetch(self._pool, statements.LIST, {"user_id": user, "limit": ALL})
        data = [_task(row) for row in rows]
        for position, task in enumerate(data):
            task["position"] = position
        page = {"total": len(data), "limit": ALL, "offset": 0, "has_more": False}
        return 200, {"data": data, "pagination": page}, []

    async def _create(self, user: str, receive: Receive) -> Answer:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        sent = orjson.loads(body)
        title, description = sent["title"], sent.get("description")
        if not isinstance(title, str) or not 0 < len(title) <= LONGEST_TITLE:
            return _refusal(422)
        completed = sent.get("completed", False)
        values = {"title": title, "description": description, "completed": completed}
        task = _task(await peers.append(self._pool, {"user_id": user, **values}))
        location = f"/api/{user}/tasks/{task['id']}".encode()
        return 201, task, [(b"location", location)]

    async def _one(self, statement: Statement, values: peers.Values) -> Answer:
        rows = await peers.fetch(self._pool, statement, values)
        return (200, _task(rows[0]), []) if rows else _refusal(404)


def _task(row: asyncpg.Record) -> dict[str, Any]:
    task = dict(row)
    for name in ("created_at", "updated_at"):
        # orjson leaves out the fraction of a whole second, which the contract wants.
        if not task[name].microsecond:
            task[name] = task[name].strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    return task


def _refusal(status: int) -> Answer:
    return status, {"code": "refused", "message": "This is refused.", "details": []}, []


app = Floor()
