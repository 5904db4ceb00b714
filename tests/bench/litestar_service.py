"""The same four operations on Litestar, asyncpg and msgspec, written as its documentation does.

It runs the statements of handlers.statements and sends the headers that the service sends.
"""

import uuid
from typing import Annotated, Any

import asyncpg
from litestar import Litestar, Request, Response, get, patch, post
from litestar.config.cors import CORSConfig
from litestar.datastructures import Headers, MutableScopeHeaders, ResponseHeader, State
from litestar.di import Provide
from litestar.exceptions import NotAuthorizedException, NotFoundException, PermissionDeniedException
from litestar.types import Message, Scope
from msgspec import Meta, Struct

from handlers import statements
from handlers.postgres.statement import Statement
from tests.bench import peers

ALL = 1000

Row = dict[str, Any]
Incoming = Request[None, None, State]


class TaskCreate(Struct, forbid_unknown_fields=True):
    title: Annotated[str, Meta(min_length=1, max_length=255)]
    description: Annotated[str, Meta(max_length=1000)] | None = None
    completed: bool = False


async def owner(request: Incoming, user_id: str) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    try:
        user = peers.user(token)
    except peers.Refused as error:
        raise NotAuthorizedException from error
    if user != user_id or kind.lower() != "bearer":
        raise PermissionDeniedException
    return user


@get("/api/{user_id:str}/tasks")
async def list_tasks(
    owner: str,
    state: State,
    limit: int = ALL,
    offset: int = 0,
) -> dict[str, object]:
    rows = await peers.fetch(state.pool, statements.LIST, {"user_id": owner, "limit": limit})
    data = [_task(row) for row in rows]
    for position, task in enumerate(data):
        task["position"] = position
    page = {"total": len(data), "limit": limit, "offset": offset, "has_more": False}
    return {"data": data, "pagination": page}


@post("/api/{user_id:str}/tasks")
async def create_task(owner: str, data: TaskCreate, state: State) -> Response[Row]:
    values = {"title": data.title, "description": data.description, "completed": data.completed}
    task = _task(await peers.append(state.pool, {"user_id": owner, **values}))
    return Response(task, headers={"location": f"/api/{owner}/tasks/{task['id']}"})


@get("/api/{user_id:str}/tasks/{task_id:int}")
async def get_task(owner: str, task_id: int, state: State) -> Row:
    return await _one(state, statements.GET, user_id=owner, task_id=task_id)


@patch("/api/{user_id:str}/tasks/{task_id:int}/complete")
async def toggle_task(owner: str, task_id: int, state: State) -> Row:
    return await _one(state, statements.TOGGLE, user_id=owner, task_id=task_id, completed=None)


async def _one(state: State, statement: Statement, **values: object) -> Row:
    rows = await peers.fetch(state.pool, statement, values)
    if not rows:
        raise NotFoundException
    return _task(rows[0])


def _task(row: asyncpg.Record) -> Row:
    task = dict(row)
    for name in ("created_at", "updated_at"):
        # msgspec leaves out the fraction of a whole second, which the contract wants.
        if not task[name].microsecond:
            task[name] = task[name].strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    return task


async def start(app: Litestar) -> None:
    app.state.pool = await peers.pool()
    peers.settle()


async def stop(app: Litestar) -> None:
    await app.state.pool.close()


async def name_request(message: Message, scope: Scope) -> None:
    if message["type"] == "http.response.start":
        sent = Headers.from_scope(scope).get("x-request-id")
        MutableScopeHeaders(message)["x-request-id"] = sent or uuid.uuid4().hex


app = Litestar(
    [list_tasks, create_task, get_task, toggle_task],
    dependencies={"owner": Provide(owner)},
    before_send=[name_request],
    cors_config=CORSConfig(
        allow_origins=[peers.ORIGIN],
        expose_headers=["Location", "Retry-After", "WWW-Authenticate", "X-Request-Id"],
    ),
    response_headers=[
        ResponseHeader(name="x-content-type-options", value="nosniff"),
        ResponseHeader(name="cache-control", value="no-store"),
    ],
    on_startup=[start],
    on_shutdown=[stop],
    openapi_config=None,
    logging_config=None,
)
