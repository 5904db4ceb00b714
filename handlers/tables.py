"""How tasks are stored. Bounds are the contract's; scripts/migrations makes the tables."""

from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Identity,
    Index,
    String,
    text,
)
from sqlmodel import Field, SQLModel

from generated import models


def _bound(schema: Any, keyword: str) -> int:
    """Look up a bound of one of the contract's schemas, such as its maxLength."""
    found = TypeAdapter(schema).json_schema()
    return int(found.get("anyOf", [found])[0][keyword])


_USER_ID = String(_bound(models.UserId, "maxLength"), collation="C")
_LARGEST_ID = _bound(models.TaskId, "maximum")
_NOW = text("statement_timestamp()")


class TaskList(SQLModel, table=True):
    """One row for each person who ever had a task.

    Whoever changes the order of a list takes the next version, so that there is one serial order.
    """

    __tablename__ = "task_lists"

    user_id: str = Field(sa_column=Column(_USER_ID, primary_key=True))
    version: int = Field(sa_column=Column(BigInteger, nullable=False, server_default="0"))


class Task(SQLModel, table=True):
    """A task. Its position is not stored: it is the number of tasks before it by (sort_key, id)."""

    __tablename__ = "tasks"
    __table_args__ = (
        CheckConstraint(f"id BETWEEN 1 AND {_LARGEST_ID}", name="tasks_id_range"),
        Index("tasks_order", "user_id", "sort_key", "id"),
    )

    user_id: str = Field(sa_column=Column(_USER_ID, primary_key=True))
    id: int = Field(
        sa_column=Column(
            BigInteger,
            Identity(always=True, minvalue=1, maxvalue=_LARGEST_ID),
            primary_key=True,
        )
    )
    title: str = Field(sa_column=Column(String(_bound(models.Title, "maxLength")), nullable=False))
    description: str | None = Field(
        sa_column=Column(String(_bound(models.Description, "maxLength")))
    )
    completed: bool = Field(sa_column=Column(Boolean, nullable=False))
    sort_key: int = Field(sa_column=Column(BigInteger, nullable=False))
    created_at: datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=_NOW)
    )
    updated_at: datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=_NOW)
    )


TASK_LISTS = SQLModel.metadata.tables["task_lists"]
TASKS = SQLModel.metadata.tables["tasks"]
