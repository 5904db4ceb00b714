"""Limits of client connections: how many, how long a client may take, and how much memory is held.

A timeout is an entry in a dictionary instead of a timer, and all entries are checked every second.
"""

import asyncio
import logging
import resource
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from handlers import errors, limits
from handlers.log import Throttle

log = logging.getLogger(__name__)


class Connection(Protocol):
    """A client connection."""

    def close_incomplete(self) -> None:
        """Close a connection whose request exceeds REQUEST_TIMEOUT."""

    def abort(self) -> None:
        """Close the connection at once, and free its memory."""


@dataclass(slots=True)
class _Entry:
    since: float
    size: int
    user_id: str | None


class PendingConnections:
    """Connections that wait for the client: since when, and how many bytes are held meanwhile."""

    def __init__(self) -> None:
        self._entries: dict[Connection, _Entry] = {}
        self.total = 0
        self.total_by_user: Counter[str | None] = Counter()

    def start(self, connection: Connection, size: int = 0, user_id: str | None = None) -> None:
        """Start or restart the wait for a connection."""
        self.stop(connection)
        self._entries[connection] = _Entry(asyncio.get_running_loop().time(), 0, user_id)
        self.resize(connection, size)

    def stop(self, connection: Connection) -> None:
        self.resize(connection, 0)
        self._entries.pop(connection, None)

    def resize(self, connection: Connection, size: int) -> None:
        """Change the number of bytes, without restarting the time."""
        entry = self._entries.get(connection)
        if entry and size != entry.size:
            self.total += size - entry.size
            self.total_by_user[entry.user_id] += size - entry.size
            entry.size = size
            if not self.total_by_user[entry.user_id]:
                del self.total_by_user[entry.user_id]

    def oldest(self, condition: Callable[[_Entry], bool]) -> Connection:
        """Return the connection that has waited longest and meets the condition."""
        return next(each for each, entry in self._entries.items() if condition(entry))

    def expired(self, timeout: float, *, user_id: str | None = None) -> list[Connection]:
        """Return the connections, or those of a user, that have waited longer than the timeout."""
        started_before = asyncio.get_running_loop().time() - timeout
        return [
            each
            for each, entry in self._entries.items()
            if entry.since <= started_before and user_id in (None, entry.user_id)
        ]


class ConnectionLimits:
    """Closes the connections that exceed a limit, beginning with the longest waiting."""

    def __init__(self) -> None:
        self.requests = PendingConnections()
        self.responses = PendingConnections()
        self._max_connections = _max_connections()
        self._throttle = Throttle()
        self._timer: asyncio.TimerHandle | None = None

    def connected(self, connection: Connection, count: int) -> None:
        """Start the time of the first request. `count` is the number of connections."""
        self.requests.start(connection)
        if self._timer is None:
            self._check()
        if count > self._max_connections:
            oldest = self.requests.oldest(lambda _: True)
            self._abort(oldest, "There are more connections than MAX_CONNECTIONS")

    def lost(self, connection: Connection) -> None:
        self.requests.stop(connection)
        self.responses.stop(connection)

    def incomplete(self, connection: Connection, size: int) -> None:
        """Count the bytes of an incomplete request."""
        self.requests.resize(connection, size)
        while self.requests.total > limits.MAX_INCOMPLETE:
            oldest = self.requests.oldest(lambda entry: entry.size > 0)
            self._abort(oldest, "Incomplete requests hold more than MAX_INCOMPLETE")

    def unread(self, connection: Connection, size: int, user_id: str | None) -> None:
        """Start the time of an unread response, and count its bytes."""
        self.responses.start(connection, size, user_id)
        while self.responses.total > limits.MAX_UNREAD:
            oldest = self.responses.oldest(lambda _: True)
            self._abort(oldest, "Unread responses hold more than MAX_UNREAD")

    def admit_response(self, user_id: str) -> None:
        """Allow a large response to a user. Raises errors.Unavailable.

        Responses that have not been read for STALL_TIMEOUT are discarded first.
        """
        if self.responses.total_by_user[user_id] <= limits.MAX_UNREAD_PER_USER:
            return
        for connection in self.responses.expired(limits.STALL_TIMEOUT, user_id=user_id):
            self._abort(connection, "Unread responses of a user hold more than MAX_UNREAD_PER_USER")
        if self.responses.total_by_user[user_id] > limits.MAX_UNREAD_PER_USER:
            raise errors.Unavailable("Earlier responses have not been read. Read them first.")

    def _check(self) -> None:
        for connection in self.requests.expired(limits.REQUEST_TIMEOUT):
            # Restarted, because the client may not read the error response.
            self.requests.start(connection)
            connection.close_incomplete()
        for connection in self.responses.expired(limits.RESPONSE_TIMEOUT):
            self._abort(connection, "A response was not read within RESPONSE_TIMEOUT")
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(limits.CONNECTION_CHECK_INTERVAL, self._check)

    def _abort(self, connection: Connection, reason: str) -> None:
        self.lost(connection)
        connection.abort()
        message = f"{reason} ({limits.__name__}): the connection is closed."
        self._throttle.warning(log, reason, message)


def _max_connections() -> int:
    """Return the number of connections, after raising the limit of open files where possible."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.MAX_CONNECTIONS + limits.RESERVED_FILES
    highest = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < highest:
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest, hard))
    return max(1, highest - limits.RESERVED_FILES)


# One process serves one application.
connection_limits = ConnectionLimits()
