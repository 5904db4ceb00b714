"""Who may use a connection now: waiting has an end, and nobody takes them all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from handlers import errors

# Seconds.
LONGEST_WAIT = 2

# Requests that may wait, for each connection; whoever comes then is refused at once.
MOST_WAITING = 100


class Busy(errors.Unavailable):
    def __init__(self) -> None:
        super().__init__("The service has more to do than it can. Try again soon.")


class Queue:
    """Lets in as many at once as there are connections, and of one person no more than a third.

    So a list that something has locked holds up its owner, not everybody.
    """

    def __init__(self, connections: int) -> None:
        self._places = asyncio.Semaphore(connections)
        self._share = max(1, connections // 3)
        # A lane is forgotten with the last request that is in it.
        self._lanes: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._room = connections * MOST_WAITING

    @asynccontextmanager
    async def place(self, person: str) -> AsyncIterator[None]:
        """Wait for a place and hold it. Raises Busy when that would take too long."""
        lane = self._lanes.get(person)
        if lane is None:
            lane = self._lanes[person] = asyncio.Semaphore(self._share)
        if lane.locked() or self._places.locked():
            await self._wait(lane)
        else:
            # Neither of these waits.
            await lane.acquire()
            await self._places.acquire()
        try:
            yield
        finally:
            self._places.release()
            lane.release()

    async def _wait(self, lane: asyncio.Semaphore) -> None:
        if not self._room:
            raise Busy
        self._room -= 1
        try:
            async with asyncio.timeout(LONGEST_WAIT):
                await _acquire(lane, self._places)
        except TimeoutError:
            raise Busy from None
        finally:
            self._room += 1


async def _acquire(first: asyncio.Semaphore, second: asyncio.Semaphore) -> None:
    await first.acquire()
    try:
        await second.acquire()
    except BaseException:
        first.release()
        raise
