"""How an outage looks from here, and what it leaves open."""

import asyncpg


class CannotConnect(ConnectionError):
    """There is no connection to be had; so nothing was sent."""


# The driver raises these before it sends anything: to a connection that has ended, or that has
# been told to end and whose end is not here yet.
NOT_SENT = (CannotConnect, asyncpg.InterfaceError, asyncpg.InternalClientError)

# What PostgreSQL, its driver and the network say when the database cannot be had right now.
AWAY = (
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


def is_undone(error: Exception) -> bool:
    """Tell whether nothing was changed for certain: nothing was sent, or PostgreSQL refused it.

    After a FATAL error, such as being told to go, and after silence that is not certain.
    """
    if isinstance(error, asyncpg.PostgresError):
        return error.severity_en == "ERROR"
    return isinstance(error, NOT_SENT)
