"""The faults of the mutation test, a module for each part of the project."""

from tests.mutation.faults import (
    connections,
    contract,
    diff,
    generation,
    limits,
    postgres,
    requests,
    service,
    tasks,
    tokens,
)

FAULTS = (
    *contract.FAULTS,
    *tasks.FAULTS,
    *requests.FAULTS,
    *connections.FAULTS,
    *tokens.FAULTS,
    *postgres.FAULTS,
    *limits.FAULTS,
    *service.FAULTS,
    *diff.FAULTS,
    *generation.FAULTS,
)
