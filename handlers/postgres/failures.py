"""Failures of the database: their classes, whether a statement had an effect, and their log."""

import logging
from time import monotonic

import asyncpg

from handlers.log import Throttle

log = logging.getLogger(__name__)


class CannotConnect(ConnectionError):
    """No connection could be made, so no statement was sent."""


class Starting(CannotConnect):
    """PostgreSQL is starting up or recovering, and will accept connections soon."""


# asyncpg raises these before a statement is sent: the connection is closed, or is being closed.
NOT_SENT = (CannotConnect, asyncpg.InterfaceError, asyncpg.InternalClientError)

GRANT = "GRANT SELECT, INSERT, UPDATE, DELETE ON tasks, task_lists TO role"

# The database is reachable, but an operator must create tables or grant privileges.
NOT_PROVISIONED = (
    asyncpg.InsufficientPrivilegeError,
    asyncpg.InvalidSchemaNameError,
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedTableError,
)

# Temporary failures of PostgreSQL, asyncpg and the network.
TRANSIENT = (
    OSError,
    TimeoutError,
    *NOT_SENT,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.LockNotAvailableError,
    # The role or the database does not exist, or the password has changed.
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    # During a failover, the address may lead to a standby.
    asyncpg.ReadOnlySQLTransactionError,
    # The tables have changed since the statement was prepared. A new connection prepares it again.
    asyncpg.InvalidCachedStatementError,
    # PostgreSQL has rolled the transaction back.
    asyncpg.TransactionRollbackError,
)


def had_no_effect(error: Exception) -> bool:
    """Return whether the statement certainly had no effect: it was not sent, or was rolled back.

    After a FATAL error, such as a terminated session, and after a timeout the outcome is unknown.
    """
    if isinstance(error, asyncpg.PostgresError):
        return error.severity_en == "ERROR"
    return isinstance(error, NOT_SENT)


class FailureLog:
    """Logs the beginning and the end of a failure, and few lines between them.

    Under load, thousands of requests fail per second, and the access log has a line for each.
    """

    def __init__(self) -> None:
        self._began_at: float | None = None
        self._throttle = Throttle()

    def failed(self, error: Exception) -> None:
        message = f"{explanation(error)}: {_cause(error)}"
        if self._throttle.warning(log, type(error).__name__, message):
            self._began_at = self._began_at or monotonic()

    def succeeded(self) -> None:
        """Log the end of a failure whose beginning was logged."""
        if self._began_at is not None:
            log.info("The database is available again after %.1f s.", monotonic() - self._began_at)
            self._began_at = None


def explanation(error: Exception) -> str:
    """Return a description of a failure, with the command or SQL statement that repairs it."""
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return f"The service's role lacks a privilege. As the owner, run: {_grant(error)}"
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
