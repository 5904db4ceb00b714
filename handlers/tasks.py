"""The operations on the tasks of a user."""

from collections.abc import Iterable
from typing import Any, TypeVar

import asyncpg
from pydantic import MISSING

from generated import models, operations, responses
from handlers import errors, statements
from handlers.postgres.database import Database
from handlers.postgres.pool import Connection
from handlers.postgres.statement import Statement

T = TypeVar("T")

# The contract declares the remaining members readOnly: clients may send them, without effect.
CHANGEABLE = {name for name, field in models.TaskUpdate.model_fields.items() if not field.frozen}


class Tasks(operations.Tasks):
    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_tasks(
        self, user_id: models.UserId, query: models.ListTasksParametersQuery
    ) -> responses.TaskList:
        tasks, total = await self._page(user_id, query)
        return {
            "data": tasks,
            "pagination": {
                "total": total,
                "limit": query.limit,
                "offset": query.offset,
                "has_more": query.offset + len(tasks) < total,
            },
        }

    async def _page(
        self, user_id: models.UserId, query: models.ListTasksParametersQuery
    ) -> tuple[list[responses.Task], int]:
        """Return the tasks of a page, and the number of all tasks that match the filter."""
        if query.completed is MISSING and not query.offset:
            tasks = await self._whole_list(user_id, query.limit)
            if tasks is not None:
                return tasks, len(tasks)
        completed = _or_none(query.completed)
        statement = statements.PAGE if completed is None else statements.PAGE_FILTERED
        rows = await self._database.fetch(
            statement, user_id, completed=completed, limit=query.limit, offset=query.offset
        )
        # Every row carries the total, but a page past the end has no rows.
        counted = rows or await self._database.fetch(
            statement, user_id, completed=completed, limit=1, offset=0
        )
        return [_task(row[:-1]) for row in rows], counted[0]["total"] if counted else 0

    async def _whole_list(self, user_id: models.UserId, limit: int) -> list[responses.Task] | None:
        """Return the whole list, or None if the limit is reached.

        Most lists are shorter than the limit. They need no count, which makes the statement faster.
        The rows of a longer list are freed on return, before the next statement waits.
        """
        rows = await self._database.fetch(statements.LIST, user_id, limit=limit)
        if len(rows) == limit:
            return None
        return [_task(row, index=index) for index, row in enumerate(rows)]

    async def create_task(
        self, user_id: models.UserId, body: models.TaskCreate
    ) -> operations.CreateTaskResult:
        position = _or_none(body.position)
        statement = statements.APPEND if position is None else statements.INSERT
        values = {
            "title": body.title,
            "description": _or_none(body.description),
            "completed": body.completed,
            "position": position,
        }
        row = await self._database.fetch_row(statement, user_id, **values)
        task = _task(row or await self._run_locked(statement, user_id, **values))
        location = operations.GET_TASK.url(user_id=user_id, task_id=task["id"])
        return operations.CreateTaskResult(task, location)

    async def get_task(self, user_id: models.UserId, task_id: models.TaskId) -> responses.Task:
        row = await self._database.fetch_row(statements.GET, user_id, task_id=task_id)
        return _task(row)

    async def update_task(
        self, user_id: models.UserId, task_id: models.TaskId, body: models.TaskUpdate
    ) -> responses.Task:
        if body.model_fields_set.isdisjoint(CHANGEABLE):
            return await self.get_task(user_id, task_id)
        position = _or_none(body.position)
        statement = statements.UPDATE if position is None else statements.MOVE
        values = {
            "task_id": task_id,
            "title": _or_none(body.title),
            "sets_description": body.description is not MISSING,
            "description": _or_none(body.description),
            "completed": _or_none(body.completed),
            "position": position,
        }
        row = await self._database.fetch_row(statement, user_id, **values)
        if row is None and position is not None:
            # Raises TaskNotFound, so that no lock is taken for a task that does not exist.
            await self.get_task(user_id, task_id)
            row = await self._run_locked(statement, user_id, **values)
        return _task(row)

    async def delete_task(self, user_id: models.UserId, task_id: models.TaskId) -> None:
        row = await self._database.fetch_row(statements.DELETE, user_id, task_id=task_id)
        if row is None:
            raise TaskNotFound

    async def toggle_task_completion(
        self,
        user_id: models.UserId,
        task_id: models.TaskId,
        body: models.TaskCompletion | None,
    ) -> responses.Task:
        row = await self._database.fetch_row(
            statements.COMPLETE if body else statements.TOGGLE,
            user_id,
            task_id=task_id,
            completed=body.completed if body else None,
        )
        return _task(row)

    async def reorder_tasks(self, user_id: models.UserId, body: models.TaskOrder) -> None:
        ids = body.task_ids
        row = await self._database.fetch_row(statements.REORDER, user_id, task_ids=ids)
        row = row or await self._run_locked(statements.REORDER, user_id, task_ids=ids)
        if not row or not row["is_current"]:
            raise OrderConflict

    async def _run_locked(
        self, statement: Statement, user_id: models.UserId, **values: Any
    ) -> asyncpg.Record | None:
        """Lock the list, and run a statement that failed the version check or found no gap.

        If it still returns no row, the list is respaced, and the statement runs again.
        """
        arguments = {"user_id": user_id, **values}

        async def locked(connection: Connection) -> list[asyncpg.Record]:
            await statements.LOCK.fetch(connection, arguments)
            rows = await statement.fetch(connection, arguments)
            if not rows:
                await statements.RESPACE.fetch(connection, arguments)
                rows = await statement.fetch(connection, arguments)
            return rows

        rows = await self._database.transaction(locked, user_id, statement.retry)
        return rows[0] if rows else None


class TaskNotFound(errors.NotFound):
    message = "There is no such task in your list."


class OrderConflict(errors.Conflict):
    message = "These are not exactly the tasks of your list. Read it and send the order again."


def _task(row: Iterable[Any] | None, *, index: int | None = None) -> responses.Task:
    """Convert a row with statements._columns. `index` replaces the position of the row."""
    if row is None:
        raise TaskNotFound
    task_id, user_id, title, description, completed, position, created_at, updated_at = row
    return {
        "id": task_id,
        "user_id": user_id,
        "title": title,
        "description": description,
        "completed": completed,
        "position": position if index is None else index,
        "created_at": created_at,
        "updated_at": updated_at,
    }


def _or_none(value: T | MISSING) -> T | None:
    return None if value is MISSING else value
