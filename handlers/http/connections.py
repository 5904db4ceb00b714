"""Limits of a process's connections: how many, for how long, and how much memory they may hold.

A time limit costs an entry in a dictionary, not a timer: all entries have the same limit, so the
first is the next to end, and one check a second is enough.
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
    """A client's connection, as the limits see it."""

    def close_incomplete(self) -> None:
        """Close a connection whose request did not arrive in time."""

    def abort(self) -> None:
        """Close a connection at once, and release what it holds."""


@dataclass(slots=True)
class _Entry:
    since: float
    size: int
    user: str | None


class Waiting:
    """Connections whose client is waited for, the longest first, and the bytes held meanwhile."""

    def __init__(self) -> None:
        self._entries: dict[Connection, _Entry] = {}
        self.total = 0
        self.total_of: Counter[str | None] = Counter()

    def start(self, connection: Connection, size: int = 0, user: str | None = None) -> None:
        """Begin to wait, or begin anew."""
        self.stop(connection)
        self._entries[connection] = _Entry(asyncio.get_running_loop().time(), 0, user)
        self.resize(connection, size)

    def stop(self, connection: Connection) -> None:
        self.resize(connection, 0)
        self._entries.pop(connection, None)

    def resize(self, connection: Connection, size: int) -> None:
        """Change the bytes that are held; the time goes on."""
        entry = self._entries.get(connection)
        if entry and size != entry.size:
            self.total += size - entry.size
            self.total_of[entry.user] += size - entry.size
            entry.size = size
            if not self.total_of[entry.user]:
                del self.total_of[entry.user]

    def oldest(self, condition: Callable[[_Entry], bool]) -> Connection:
        """Find the one that has waited longest of those that meet the condition."""
        return next(each for each, entry in self._entries.items() if condition(entry))

    def expired(self, seconds: float, *, user: str | None = None) -> list[Connection]:
        """Find those, or those of a user, that have waited longer than this."""
        until = asyncio.get_running_loop().time() - seconds
        return [
            each
            for each, entry in self._entries.items()
            if entry.since <= until and user in (None, entry.user)
        ]


class ConnectionLimits:
    """Closes connections that go beyond a limit, those that have waited longest first."""

    def __init__(self) -> None:
        self.requests = Waiting()
        self.answers = Waiting()
        self._max_connections = _max_connections()
        self._throttle = Throttle()
        self._timer: asyncio.TimerHandle | None = None

    def connected(self, connection: Connection, count: int) -> None:
        """Begin to wait for a request; `count` is the number of all connections."""
        self.requests.start(connection)
        if self._timer is None:
            self._check()
        if count > self._max_connections:
            oldest = self.requests.oldest(lambda _: True)
            self._abort(oldest, "There are more connections than MAX_CONNECTIONS")

    def lost(self, connection: Connection) -> None:
        self.requests.stop(connection)
        self.answers.stop(connection)

    def incomplete(self, connection: Connection, size: int) -> None:
        """Count the bytes of a request that is not complete yet."""
        self.requests.resize(connection, size)
        while self.requests.total > limits.MAX_INCOMPLETE:
            oldest = self.requests.oldest(lambda entry: entry.size > 0)
            self._abort(oldest, "Incomplete requests hold more than MAX_INCOMPLETE")

    def unread(self, connection: Connection, size: int, user: str | None) -> None:
        """Begin to wait until an answer to this user is taken; count the bytes that are not."""
        self.answers.start(connection, size, user)
        while self.answers.total > limits.MAX_UNREAD:
            oldest = self.answers.oldest(lambda _: True)
            self._abort(oldest, "Unread answers hold more than MAX_UNREAD")

    def admit_answer(self, user: str) -> None:
        """Allow another large answer to this user. Raises errors.Unavailable.

        It takes the place of those whose client has stopped reading. A client that reads loses
        none, however many it has asked for at once.
        """
        if self.answers.total_of[user] <= limits.MAX_UNREAD_PER_USER:
            return
        for connection in self.answers.expired(limits.STALL_TIMEOUT, user=user):
            self._abort(connection, "Unread answers of a user hold more than MAX_UNREAD_PER_USER")
        if self.answers.total_of[user] > limits.MAX_UNREAD_PER_USER:
            raise errors.Unavailable("Earlier answers have not been read. Read them first.")

    def _check(self) -> None:
        for connection in self.requests.expired(limits.REQUEST_TIMEOUT):
            # Its last bytes have a time limit, too.
            self.requests.start(connection)
            connection.close_incomplete()
        for connection in self.answers.expired(limits.RESPONSE_TIMEOUT):
            self._abort(connection, "An answer was not taken in RESPONSE_TIMEOUT")
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(limits.CONNECTION_CHECK_INTERVAL, self._check)

    def _abort(self, connection: Connection, reason: str) -> None:
        self.lost(connection)
        connection.abort()
        self._throttle.warning(log, reason, f"{reason} ({__name__}): the connection is closed.")


def _max_connections() -> int:
    """Raise the limit of open files if it may be raised, and reserve some for other purposes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.MAX_CONNECTIONS + limits.RESERVED_FILES
    highest = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < highest:
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest, hard))
    return max(1, highest - limits.RESERVED_FILES)


# One process serves one application.
connection_limits = ConnectionLimits()
