"""What responses carry. Made by scripts/generate from openapi/openapi.yaml; do not edit."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

UserId: TypeAlias = str


TaskId: TypeAlias = int


Title: TypeAlias = str


Description: TypeAlias = str | None


Position: TypeAlias = int


Timestamp: TypeAlias = str


class Task(TypedDict):
    id: TaskId
    user_id: UserId
    title: Title
    description: Description
    completed: bool
    position: Position
    created_at: Timestamp
    updated_at: Timestamp


class TaskCreate(TypedDict):
    title: Title
    description: NotRequired[Description]
    completed: NotRequired[bool]
    position: NotRequired[Position]


class TaskUpdate(TypedDict):
    id: NotRequired[Any]
    user_id: NotRequired[Any]
    title: NotRequired[Title]
    description: NotRequired[Description]
    completed: NotRequired[bool]
    position: NotRequired[Position]
    created_at: NotRequired[Any]
    updated_at: NotRequired[Any]


class TaskCompletion(TypedDict):
    completed: bool


class TaskOrder(TypedDict):
    task_ids: list[TaskId]


class Pagination(TypedDict):
    total: int
    limit: int
    offset: int
    has_more: bool


class Health(TypedDict):
    status: Literal["ok"]


class Readiness(TypedDict):
    status: Literal["ready"]


class ErrorDetail(TypedDict):
    location: str
    message: str


class TaskList(TypedDict):
    data: list[Task]
    pagination: Pagination


class Error(TypedDict):
    code: Literal[
        "unauthorized",
        "forbidden",
        "not_found",
        "method_not_allowed",
        "conflict",
        "payload_too_large",
        "validation_error",
        "internal_error",
        "unavailable",
    ]
    message: str
    details: list[ErrorDetail]


class Unauthorized(Error):
    code: Literal["unauthorized"]


class Forbidden(Error):
    code: Literal["forbidden"]


class NotFound(Error):
    code: Literal["not_found"]


class Conflict(Error):
    code: Literal["conflict"]


class PayloadTooLarge(Error):
    code: Literal["payload_too_large"]


class ValidationError(Error):
    code: Literal["validation_error"]


class InternalError(Error):
    code: Literal["internal_error"]


class Unavailable(Error):
    code: Literal["unavailable"]
