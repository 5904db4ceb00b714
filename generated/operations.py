"""The operations. Made by scripts/generate from openapi/openapi.yaml; do not edit."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import quote

from pydantic import BaseModel, TypeAdapter

from generated import models, responses


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What the contract says of one operation, as far as a request can be judged by it."""

    tag: type[ABC]
    operation_id: str
    method: str
    path: str
    public: bool
    status: int
    # The success response's headers, in the order of the method's result.
    headers: tuple[str, ...] = ()
    # How the text of each path and query parameter is read: string, integer or boolean.
    types: Mapping[str, str] = field(default_factory=dict)
    path_parameters: Mapping[str, TypeAdapter[Any]] = field(default_factory=dict)
    query: type[BaseModel] | None = None
    body: TypeAdapter[Any] | None = None
    body_required: bool = False
    # Where the contract has the schema of the body and of each parameter, by error location.
    schemas: Mapping[str, str] = field(default_factory=dict)

    def url(self, **parameters: str | int) -> str:
        """Fill in the path, percent-encoded."""
        encoded = {name: quote(str(value), safe="") for name, value in parameters.items()}
        return self.path.format_map(encoded)


class CreateTaskResult(NamedTuple):
    body: responses.Task
    location: str


class Tasks(ABC):
    """The tasks of a user, in the user's order."""

    @abstractmethod
    async def list_tasks(
        self, user_id: models.UserId, query: models.ListTasksParametersQuery
    ) -> responses.TaskList:
        """List your tasks in their order."""

    @abstractmethod
    async def create_task(
        self, user_id: models.UserId, body: models.TaskCreate
    ) -> CreateTaskResult:
        """Create a task."""

    @abstractmethod
    async def reorder_tasks(self, user_id: models.UserId, body: models.TaskOrder) -> None:
        """Save a whole new order."""

    @abstractmethod
    async def get_task(self, user_id: models.UserId, task_id: models.TaskId) -> responses.Task:
        """Read one task."""

    @abstractmethod
    async def update_task(
        self, user_id: models.UserId, task_id: models.TaskId, body: models.TaskUpdate
    ) -> responses.Task:
        """Change or move a task."""

    @abstractmethod
    async def delete_task(self, user_id: models.UserId, task_id: models.TaskId) -> None:
        """Delete a task."""

    @abstractmethod
    async def toggle_task_completion(
        self, user_id: models.UserId, task_id: models.TaskId, body: models.TaskCompletion | None
    ) -> responses.Task:
        """Complete a task, or open it again."""


class Health(ABC):
    """Whether the service is alive, and whether it can work. For probes; no token needed."""

    @abstractmethod
    async def get_health(self) -> responses.Health:
        """Ask whether the service is alive."""

    @abstractmethod
    async def get_readiness(self) -> responses.Readiness:
        """Ask whether the service can work."""


LIST_TASKS = Operation(
    tag=Tasks,
    operation_id="list_tasks",
    method="GET",
    path="/api/{user_id}/tasks",
    public=False,
    status=200,
    types={"user_id": "string", "completed": "boolean", "limit": "integer", "offset": "integer"},
    path_parameters={"user_id": TypeAdapter(models.UserId)},
    query=models.ListTasksParametersQuery,
    schemas={
        "path.user_id": "#/components/parameters/UserId/schema",
        "query.completed": "#/paths/~1api~1%7Buser_id%7D~1tasks/get/parameters/0/schema",
        "query.limit": "#/paths/~1api~1%7Buser_id%7D~1tasks/get/parameters/1/schema",
        "query.offset": "#/paths/~1api~1%7Buser_id%7D~1tasks/get/parameters/2/schema",
    },
)

CREATE_TASK = Operation(
    tag=Tasks,
    operation_id="create_task",
    method="POST",
    path="/api/{user_id}/tasks",
    public=False,
    status=201,
    headers=("Location",),
    types={"user_id": "string"},
    path_parameters={"user_id": TypeAdapter(models.UserId)},
    body=TypeAdapter(models.TaskCreate),
    body_required=True,
    schemas={
        "body": "#/components/schemas/TaskCreate",
        "path.user_id": "#/components/parameters/UserId/schema",
    },
)

REORDER_TASKS = Operation(
    tag=Tasks,
    operation_id="reorder_tasks",
    method="PUT",
    path="/api/{user_id}/tasks/order",
    public=False,
    status=204,
    types={"user_id": "string"},
    path_parameters={"user_id": TypeAdapter(models.UserId)},
    body=TypeAdapter(models.TaskOrder),
    body_required=True,
    schemas={
        "body": "#/components/schemas/TaskOrder",
        "path.user_id": "#/components/parameters/UserId/schema",
    },
)

GET_TASK = Operation(
    tag=Tasks,
    operation_id="get_task",
    method="GET",
    path="/api/{user_id}/tasks/{task_id}",
    public=False,
    status=200,
    types={"user_id": "string", "task_id": "integer"},
    path_parameters={"user_id": TypeAdapter(models.UserId), "task_id": TypeAdapter(models.TaskId)},
    schemas={
        "path.user_id": "#/components/parameters/UserId/schema",
        "path.task_id": "#/components/parameters/TaskId/schema",
    },
)

UPDATE_TASK = Operation(
    tag=Tasks,
    operation_id="update_task",
    method="PUT",
    path="/api/{user_id}/tasks/{task_id}",
    public=False,
    status=200,
    types={"user_id": "string", "task_id": "integer"},
    path_parameters={"user_id": TypeAdapter(models.UserId), "task_id": TypeAdapter(models.TaskId)},
    body=TypeAdapter(models.TaskUpdate),
    body_required=True,
    schemas={
        "body": "#/components/schemas/TaskUpdate",
        "path.user_id": "#/components/parameters/UserId/schema",
        "path.task_id": "#/components/parameters/TaskId/schema",
    },
)

DELETE_TASK = Operation(
    tag=Tasks,
    operation_id="delete_task",
    method="DELETE",
    path="/api/{user_id}/tasks/{task_id}",
    public=False,
    status=204,
    types={"user_id": "string", "task_id": "integer"},
    path_parameters={"user_id": TypeAdapter(models.UserId), "task_id": TypeAdapter(models.TaskId)},
    schemas={
        "path.user_id": "#/components/parameters/UserId/schema",
        "path.task_id": "#/components/parameters/TaskId/schema",
    },
)

TOGGLE_TASK_COMPLETION = Operation(
    tag=Tasks,
    operation_id="toggle_task_completion",
    method="PATCH",
    path="/api/{user_id}/tasks/{task_id}/complete",
    public=False,
    status=200,
    types={"user_id": "string", "task_id": "integer"},
    path_parameters={"user_id": TypeAdapter(models.UserId), "task_id": TypeAdapter(models.TaskId)},
    body=TypeAdapter(models.TaskCompletion),
    body_required=False,
    schemas={
        "body": "#/components/schemas/TaskCompletion",
        "path.user_id": "#/components/parameters/UserId/schema",
        "path.task_id": "#/components/parameters/TaskId/schema",
    },
)

GET_HEALTH = Operation(
    tag=Health, operation_id="get_health", method="GET", path="/health", public=True, status=200
)

GET_READINESS = Operation(
    tag=Health,
    operation_id="get_readiness",
    method="GET",
    path="/health/ready",
    public=True,
    status=200,
)

OPERATIONS = (
    LIST_TASKS,
    CREATE_TASK,
    REORDER_TASKS,
    GET_TASK,
    UPDATE_TASK,
    DELETE_TASK,
    TOGGLE_TASK_COMPLETION,
    GET_HEALTH,
    GET_READINESS,
)
