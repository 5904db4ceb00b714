"""Failures of the database: which exist, what each leaves open, and their lines of log."""

import logging
from time import monotonic

import asyncpg

from handlers.log import Throttle

log = logging.getLogger(__name__)


class CannotConnect(ConnectionError):
    """No connection could be made, so no statement was sent."""


class Starting(CannotConnect):
    """PostgreSQL answers that it starts up or recovers: it takes connections soon."""


# The driver raises these before it sends anything: to a connection that has ended, or that has
# been told to end and whose end is not here yet.
NOT_SENT = (CannotConnect, asyncpg.InterfaceError, asyncpg.InternalClientError)

GRANT = "GRANT SELECT, INSERT, UPDATE, DELETE ON tasks, task_lists TO role"

# The database answers, but cannot serve until an operator has changed something.
NOT_PROVISIONED = (
    asyncpg.InsufficientPrivilegeError,
    asyncpg.InvalidSchemaNameError,
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedTableError,
)

# What PostgreSQL, its driver and the network say when the database cannot be had right now.
TRANSIENT = (
    OSError,
    TimeoutError,
    *NOT_SENT,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.LockNotAvailableError,
    # The role or the database is not there, or its password has changed.
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    # What we reached is a standby, for as long as a failover takes.
    asyncpg.ReadOnlySQLTransactionError,
    # The tables have changed since a statement was prepared; on another connection it is anew.
    asyncpg.InvalidCachedStatementError,
    # PostgreSQL took everything back by itself.
    asyncpg.TransactionRollbackError,
)


def had_no_effect(error: Exception) -> bool:
    """Tell whether nothing was changed for certain: nothing was sent, or PostgreSQL refused it.

    After a FATAL error, such as being told to go, and after silence that is not certain.
    """
    if isinstance(error, asyncpg.PostgresError):
        return error.severity_en == "ERROR"
    return isinstance(error, NOT_SENT)


class FailureLog:
    """Writes a line when a failure begins and when it ends, and few while it lasts.

    Under load an outage fails thousands of requests a second, and each has its own line already.
    """

    def __init__(self) -> None:
        self._began_at: float | None = None
        self._throttle = Throttle()

    def failed(self, error: Exception) -> None:
        message = f"{explanation(error)}: {_cause(error)}"
        if self._throttle.warning(log, type(error).__name__, message):
            self._began_at = self._began_at or monotonic()

    def succeeded(self) -> None:
        """Write that the failure is over, if its beginning was written."""
        if self._began_at is not None:
            log.info("The database serves again, after %.1f s.", monotonic() - self._began_at)
            self._began_at = None


def explanation(error: Exception) -> str:
    """Describe a failure, with the command or statement that mends it where one does."""
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return f"The database refuses the service's role. As the owner, run: {_grant(error)}"
    if isinstance(error, NOT_PROVISIONED):
        return (
            "The database lacks tables of this release. Run scripts/migrate; if that was done, "
            "run as the owner: GRANT USAGE ON SCHEMA public TO role"
        )
    return "The database cannot be reached"


def _grant(error: asyncpg.InsufficientPrivilegeError) -> str:
    message = str(error)
    if "for database" in message:
        return "GRANT CONNECT ON DATABASE name TO role"
    return GRANT


def _cause(error: Exception) -> str:
    cause = error.__cause__ if isinstance(error, CannotConnect) else error
    return f"{type(cause).__name__}: {cause}"
