"""What requests bring. Made by scripts/generate from openapi/openapi.yaml; do not edit."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import MISSING, BaseModel, ConfigDict, Field
from typing_extensions import TypeAliasType

UserId = TypeAliasType(
    "UserId",
    Annotated[
        str,
        Field(
            description="The id of a user in Better Auth.",
            examples=["kN3mUq8sVxT1"],
            max_length=255,
            min_length=1,
            pattern="^[^/\\u0000-\\u001F\\u007F-\\u009F]+$",
        ),
    ],
)


TaskId = TypeAliasType(
    "TaskId",
    Annotated[
        int,
        Field(
            description="Unique over all users; never used again. JavaScript can hold every one exactly.",
            examples=[7],
            ge=1,
            le=9007199254740991,
        ),
    ],
)


Title = TypeAliasType(
    "Title",
    Annotated[
        str,
        Field(
            description="The text of the task. It must contain a character that is not a space or a control character.",
            examples=["Buy milk"],
            max_length=255,
            min_length=1,
            pattern="^[^\\u0000]*[^\\u0000-\\u0020][^\\u0000]*$",
        ),
    ],
)


Description = TypeAliasType(
    "Description",
    Annotated[
        str | None,
        Field(
            description="Anything more to say about the task, or null.",
            examples=["Two litres.", None],
            max_length=1000,
            pattern="^[^\\u0000]*$",
        ),
    ],
)


Position = TypeAliasType(
    "Position",
    Annotated[
        int,
        Field(
            description="The index in the owner's whole list, from zero. When sent, anything past the end means last.",
            examples=[0],
            ge=0,
            le=9007199254740991,
        ),
    ],
)


Timestamp = TypeAliasType(
    "Timestamp",
    Annotated[
        str,
        Field(
            description="UTC, with six fractional digits and a `Z`.",
            examples=["2026-11-23T08:30:00.000000Z"],
            max_length=27,
            min_length=27,
            pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{6}Z$",
        ),
    ],
)


class Task(BaseModel):
    """
    A task, with everything there is to know about it.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    id: TaskId
    user_id: UserId
    title: Title
    description: Description
    completed: Annotated[bool, Field(description="Whether it is done.")]
    position: Position
    created_at: Timestamp
    updated_at: Annotated[
        Timestamp,
        Field(
            description="When this task was last updated or toggled. Moves of other tasks and `reorder_tasks` do not count."
        ),
    ]


class TaskCreate(BaseModel):
    """
    Request to create a task. Only the title is required.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    title: Title
    description: Description | MISSING = MISSING
    completed: Annotated[bool, Field(description="Whether it is done already.")] = False
    position: Position | MISSING = MISSING


class TaskUpdate(BaseModel):
    """
    What changes in a task.
    A whole task may be sent back: the members that cannot be changed are ignored, whatever they hold.

    """

    model_config = ConfigDict(
        extra="forbid",
    )
    id: Annotated[Any | MISSING, Field(description="Ignored.", frozen=True)] = MISSING
    user_id: Annotated[Any | MISSING, Field(description="Ignored.", frozen=True)] = (
        MISSING
    )
    title: Title | MISSING = MISSING
    description: Description | MISSING = MISSING
    completed: Annotated[bool | MISSING, Field(description="Whether it is done.")] = (
        MISSING
    )
    position: Position | MISSING = MISSING
    created_at: Annotated[Any | MISSING, Field(description="Ignored.", frozen=True)] = (
        MISSING
    )
    updated_at: Annotated[Any | MISSING, Field(description="Ignored.", frozen=True)] = (
        MISSING
    )


class TaskCompletion(BaseModel):
    """
    The state that a task shall have.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    completed: Annotated[bool, Field(description="Whether it is done.")]


class TaskOrder(BaseModel):
    """
    A whole list's new order.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    task_ids: Annotated[
        list[TaskId],
        Field(
            description="The ids of all the tasks, each once, first to last.",
            max_length=10000,
            min_length=0,
        ),
    ]


class Pagination(BaseModel):
    """
    Where a page stands in what the filter matches.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    total: Annotated[
        int, Field(description="How many tasks match.", ge=0, le=9007199254740991)
    ]
    limit: Annotated[
        int,
        Field(
            description="The limit that was asked for, or its default.", ge=1, le=1000
        ),
    ]
    offset: Annotated[
        int,
        Field(
            description="The offset that was asked for, or its default.",
            ge=0,
            le=9007199254740991,
        ),
    ]
    has_more: Annotated[
        bool, Field(description="Whether more tasks match behind this page.")
    ]


class Health(BaseModel):
    """
    Liveness.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    status: Annotated[Literal["ok"], Field(description="Always `ok`.")]


class Readiness(BaseModel):
    """
    The database is available.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    status: Annotated[Literal["ready"], Field(description="Always `ready`.")]


class ErrorDetail(BaseModel):
    """
    One mistake in a request.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    location: Annotated[
        str,
        Field(
            description="Where it is, such as `body.task_ids.3`, `query.limit` or `header.content-type`.",
            max_length=300,
            min_length=4,
            pattern="^(body|query|path|header)(\\.[\\s\\S]*)?$",
        ),
    ]
    message: Annotated[
        str, Field(description="What is wrong there.", max_length=500, min_length=1)
    ]


class ListTasksParametersQuery(BaseModel):
    completed: bool | MISSING = MISSING
    limit: Annotated[int, Field(ge=1, le=1000)] = 1000
    offset: Annotated[int, Field(ge=0, le=9007199254740991)] = 0


class TaskList(BaseModel):
    """
    One page of a list.
    """

    model_config = ConfigDict(
        extra="forbid",
    )
    data: Annotated[
        list[Task],
        Field(
            description="The tasks of this page, ordered by position.", max_length=1000
        ),
    ]
    pagination: Pagination


class Error(BaseModel):
    """
    An error. All errors have this shape.
    """

    code: Annotated[
        Literal[
            "unauthorized",
            "forbidden",
            "not_found",
            "method_not_allowed",
            "conflict",
            "payload_too_large",
            "validation_error",
            "internal_error",
            "unavailable",
        ],
        Field(description="The kind of the error, for programs."),
    ]
    message: Annotated[
        str,
        Field(
            description="What is wrong, and how to correct it, for a reader.",
            max_length=500,
            min_length=1,
        ),
    ]
    details: Annotated[
        list[ErrorDetail],
        Field(
            description="What is wrong, place by place. Often empty.", max_length=100
        ),
    ]


class Unauthorized(Error):
    """
    The token is missing or no good.
    """

    code: Annotated[
        Literal["unauthorized"],
        Field(description="The kind of the error, for programs."),
    ]


class Forbidden(Error):
    """
    The path names another user.
    """

    code: Annotated[
        Literal["forbidden"], Field(description="The kind of the error, for programs.")
    ]


class NotFound(Error):
    """
    There is no such task, or no such path.
    """

    code: Annotated[
        Literal["not_found"], Field(description="The kind of the error, for programs.")
    ]


class Conflict(Error):
    """
    The list has changed.
    """

    code: Annotated[
        Literal["conflict"], Field(description="The kind of the error, for programs.")
    ]


class PayloadTooLarge(Error):
    """
    The body is larger than 256 KiB.
    """

    code: Annotated[
        Literal["payload_too_large"],
        Field(description="The kind of the error, for programs."),
    ]


class ValidationError(Error):
    """
    The request does not fit this document.
    """

    code: Annotated[
        Literal["validation_error"],
        Field(description="The kind of the error, for programs."),
    ]


class InternalError(Error):
    """
    The service failed. It never says why; its log does.
    """

    code: Annotated[
        Literal["internal_error"],
        Field(description="The kind of the error, for programs."),
    ]


class Unavailable(Error):
    """
    The service cannot work right now.
    """

    code: Annotated[
        Literal["unavailable"],
        Field(description="The kind of the error, for programs."),
    ]
