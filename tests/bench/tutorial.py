"""A service as tutorials show it: FastAPI, SQLModel's AsyncSession, Depends and response_model.

It takes no turn when it appends, sends no request id and writes no log: what it leaves out speaks
for it in a comparison of costs.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import Field, SQLModel, col, func, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from handlers.postgres.pool import SESSION
from handlers.statements import SORT_KEY_STEP
from handlers.tables import Task
from tests.bench import peers

engine = create_async_engine(
    f"postgresql+asyncpg:{peers.URL.partition(':')[2]}",
    pool_size=peers.CONNECTIONS,
    max_overflow=0,
    connect_args={"server_settings": SESSION},
)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    peers.settle()
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)
app.add_middleware(
    CORSMiddleware,
    allow_origins=[peers.ORIGIN],
    allow_methods=["*"],
    allow_headers=["*"],
    expose_headers=["Location"],
)


class TaskCreate(SQLModel):
    title: str = Field(min_length=1, max_length=255)
    description: str | None = Field(default=None, max_length=1000)
    completed: bool = False


class TaskPublic(SQLModel):
    id: int
    user_id: str
    title: str
    description: str | None
    completed: bool
    position: int
    created_at: datetime
    updated_at: datetime


class Pagination(SQLModel):
    total: int
    limit: int
    offset: int
    has_more: bool


class TaskList(SQLModel):
    data: list[TaskPublic]
    pagination: Pagination


async def get_session() -> AsyncIterator[AsyncSession]:
    async with AsyncSession(engine, expire_on_commit=False) as session:
        yield session


Credentials = Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]
Session = Annotated[AsyncSession, Depends(get_session)]


async def get_owner(user_id: str, credentials: Credentials) -> str:
    try:
        user = peers.user(credentials.credentials)
    except peers.Refused as error:
        raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"}) from error
    if user != user_id:
        raise HTTPException(403)
    return user


Owner = Annotated[str, Depends(get_owner)]


async def find(session: AsyncSession, owner: str, task_id: int) -> Task:
    found = await session.exec(select(Task).where(Task.user_id == owner, Task.id == task_id))
    task = found.one_or_none()
    if task is None:
        raise HTTPException(404)
    return task


async def public(session: AsyncSession, task: Task) -> TaskPublic:
    """Count the position, which the table does not hold."""
    key, same = col(Task.sort_key), col(Task.sort_key) == task.sort_key
    earlier = or_(key < task.sort_key, same & (col(Task.id) < task.id))
    count = select(func.count()).select_from(Task).where(Task.user_id == task.user_id, earlier)
    position = (await session.exec(count)).one()
    return TaskPublic.model_validate(task, update={"position": position})


@app.get("/api/{user_id}/tasks", response_model=TaskList)
async def list_tasks(
    owner: Owner, session: Session, limit: int = 1000, offset: int = 0
) -> TaskList:
    own = Task.user_id == owner
    total = (await session.exec(select(func.count()).select_from(Task).where(own))).one()
    ordered = select(Task).where(own).order_by(col(Task.sort_key), col(Task.id))
    tasks = (await session.exec(ordered.limit(limit).offset(offset))).all()
    data = [
        TaskPublic.model_validate(task, update={"position": index})
        for index, task in enumerate(tasks, start=offset)
    ]
    page = Pagination(total=total, limit=limit, offset=offset, has_more=offset + len(data) < total)
    return TaskList(data=data, pagination=page)


@app.post("/api/{user_id}/tasks", response_model=TaskPublic, status_code=201)
async def create_task(
    owner: Owner, session: Session, body: TaskCreate, response: Response
) -> TaskPublic:
    last = select(func.max(Task.sort_key)).where(Task.user_id == owner)
    key = ((await session.exec(last)).one() or 0) + SORT_KEY_STEP
    task = Task(user_id=owner, sort_key=key, **body.model_dump())
    session.add(task)
    await session.commit()
    await session.refresh(task)
    response.headers["Location"] = f"/api/{owner}/tasks/{task.id}"
    return await public(session, task)


@app.get("/api/{user_id}/tasks/{task_id}", response_model=TaskPublic)
async def get_task(owner: Owner, session: Session, task_id: int) -> TaskPublic:
    return await public(session, await find(session, owner, task_id))


@app.patch("/api/{user_id}/tasks/{task_id}/complete", response_model=TaskPublic)
async def toggle_task(owner: Owner, session: Session, task_id: int) -> TaskPublic:
    task = await find(session, owner, task_id)
    task.completed = not task.completed
    task.updated_at = datetime.now(UTC)
    session.add(task)
    await session.commit()
    await session.refresh(task)
    return await public(session, task)
