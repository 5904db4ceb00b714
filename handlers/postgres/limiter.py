"""Limits for statements that run and wait at the same time, in total and per user."""

import asyncio
import logging
from typing import NamedTuple

from handlers import deadline, errors, limits
from handlers.log import Throttle

log = logging.getLogger(__name__)

Waiter = asyncio.Future[None]


class Overloaded(errors.Unavailable):
    def __init__(self) -> None:
        super().__init__("The service is overloaded. Try again soon.")


class Usage(NamedTuple):
    """Current requests, and counts of 503 since the start: at once, and after ACQUIRE_TIMEOUT."""

    acquired: int
    waiting: int
    rejected: int
    timed_out: int


class FairLimiter:
    """Admits as many statements as there are connections, at most 1/USER_SHARE for the same user.

    Statements that wait for a lock thus delay only their own user. The same fraction limits the
    waiters of a user. Waiters are admitted round-robin by user.
    """

    def __init__(self, connections: int) -> None:
        self._connections = self._free = connections
        self._max_per_user = max(1, connections // limits.USER_SHARE)
        self._max_waiting = connections * limits.MAX_WAITING_PER_CONNECTION
        self._max_waiting_per_user = self._max_waiting // limits.USER_SHARE
        self._waiting = self._rejected = self._timed_out = 0
        self._throttle = Throttle()
        self._acquired: dict[str, int] = {}
        # The waiters with their timeouts: by user, in the order of admission.
        self._waiters: dict[str, dict[Waiter, asyncio.TimerHandle]] = {}

    def usage(self) -> Usage:
        acquired = self._connections - self._free
        return Usage(acquired, self._waiting, self._rejected, self._timed_out)

    def acquire_nowait(self, user_id: str) -> bool:
        """Return whether a permit was free for this user. If so, it is acquired."""
        acquired = self._acquired.get(user_id, 0)
        if not self._free or acquired == self._max_per_user:
            return False
        self._free -= 1
        self._acquired[user_id] = acquired + 1
        return True

    def release(self, user_id: str) -> None:
        self._free += 1
        self._acquired[user_id] -= 1
        if not self._acquired[user_id]:
            del self._acquired[user_id]
        while self._free and (next_user := self._next_user()):
            self._admit(next_user)

    async def acquire(self, user_id: str) -> None:
        """Wait for a permit. Raises Overloaded at once, or after ACQUIRE_TIMEOUT at most."""
        waiting = len(self._waiters.get(user_id, ()))
        if self._waiting >= self._max_waiting or waiting >= self._max_waiting_per_user:
            self._rejected += 1
            self._log_overload("A request finds too many others waiting")
            raise Overloaded
        loop = asyncio.get_running_loop()
        waiter: Waiter = loop.create_future()
        timeout = deadline.remaining(limits.ACQUIRE_TIMEOUT)
        timer = loop.call_later(timeout, self._time_out, user_id, waiter)
        self._waiters.setdefault(user_id, {})[waiter] = timer
        self._waiting += 1
        try:
            await waiter
        except asyncio.CancelledError:
            # The server cancels requests at shutdown.
            self._remove(user_id, waiter)
            raise
        finally:
            timer.cancel()
            self._waiting -= 1

    def _next_user(self) -> str | None:
        """Return the first waiting user who is below the per-user limit.

        The search is short, because few users can be at their limit.
        """
        users = (user for user in self._waiters if self._acquired.get(user, 0) < self._max_per_user)
        return next(users, None)

    def _admit(self, user_id: str) -> None:
        """Admit the first waiter of a user, and move the user to the end of the round."""
        waiters = self._waiters.pop(user_id)
        waiter = next(iter(waiters))
        timer = waiters.pop(waiter)
        if waiters:
            self._waiters[user_id] = waiters
        # A waiter that was cancelled at shutdown removes itself later.
        if not waiter.done():
            timer.cancel()
            self.acquire_nowait(user_id)
            waiter.set_result(None)

    def _time_out(self, user_id: str, waiter: Waiter) -> None:
        self._timed_out += 1
        self._log_overload("A request waited for a connection for too long")
        self._remove(user_id, waiter)
        waiter.set_exception(Overloaded())

    def _remove(self, user_id: str, waiter: Waiter) -> None:
        waiters = self._waiters.get(user_id, {})
        waiters.pop(waiter, None)
        if not waiters:
            self._waiters.pop(user_id, None)

    def _log_overload(self, reason: str) -> None:
        message = (
            f"{reason} and gets 503: {self._waiting} wait for {self._connections} connections. "
            "If this continues, add workers or raise DATABASE_CONNECTIONS."
        )
        self._throttle.warning(log, reason, message)
