"""All statements of the service, and values for their parameters."""

from typing import Any

from handlers import statements
from handlers.postgres.statement import Statement

STATEMENTS = {
    name: found for name, found in vars(statements).items() if isinstance(found, Statement)
}

VALUES: dict[str, Any] = {
    "user_id": "explain-7",
    "task_id": 700,
    "title": "x",
    "sets_description": False,
    "completed": True,
    "position": 3,
    "limit": 10,
    "offset": 0,
    "task_ids": [1, 2, 3],
}
