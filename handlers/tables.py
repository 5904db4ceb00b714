"""The tables. Column lengths come from the contract; scripts/migrations creates the tables."""

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
    """Return a bound of a schema in the contract, such as maxLength."""
    json_schema = TypeAdapter(schema).json_schema()
    return int(json_schema.get("anyOf", [json_schema])[0][keyword])


_USER_ID = String(_bound(models.UserId, "maxLength"), collation="C")
_MAX_ID = _bound(models.TaskId, "maximum")
_NOW = text("statement_timestamp()")


class TaskList(SQLModel, table=True):
    """A row for each user who ever created a task.

    Every change of the order increments `version`, so that concurrent changes are serialized.
    """

    __tablename__ = "task_lists"

    user_id: str = Field(sa_column=Column(_USER_ID, primary_key=True))
    version: int = Field(sa_column=Column(BigInteger, nullable=False, server_default="0"))


class Task(SQLModel, table=True):
    """A task. The position is computed: the number of the user's tasks before it in the order."""

    __tablename__ = "tasks"
    __table_args__ = (
        CheckConstraint(f"id BETWEEN 1 AND {_MAX_ID}", name="tasks_id_range"),
        Index("tasks_order", "user_id", "sort_key", "id"),
    )

    user_id: str = Field(sa_column=Column(_USER_ID, primary_key=True))
    id: int = Field(
        sa_column=Column(
            BigInteger,
            Identity(always=True, minvalue=1, maxvalue=_MAX_ID),
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
