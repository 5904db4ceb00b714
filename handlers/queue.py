"""Who may use a connection now: waiting has an end, and nobody takes them all."""

import asyncio

from handlers import deadline, errors

# Seconds.
LONGEST_WAIT = 2

# Requests that may wait, for each connection; whoever comes then is refused at once.
MOST_WAITING = 100

Turn = asyncio.Future[None]


class Busy(errors.Unavailable):
    def __init__(self) -> None:
        super().__init__("The service has more to do than it can. Try again soon.")


class Queue:
    """Lets in as many at once as there are connections, and of one person no more than a third.

    So a list that something has locked holds up its owner, not everybody. Of those who wait, no
    more than a third are one person's either, and one request of each person is let in in turn.
    """

    def __init__(self, connections: int) -> None:
        self._places = connections
        self._share = max(1, connections // 3)
        self._room = connections * MOST_WAITING
        self._longest_lane = self._room // 3
        self._held: dict[str, int] = {}
        # Those who wait, each with the end of their patience.
        self._lanes: dict[str, dict[Turn, asyncio.TimerHandle]] = {}

    def enter(self, person: str) -> bool:
        """Take a place, if there is one for this person."""
        held = self._held.get(person, 0)
        if not self._places or held == self._share:
            return False
        self._places -= 1
        self._held[person] = held + 1
        return True

    def leave(self, person: str) -> None:
        """Give a place back."""
        self._places += 1
        self._held[person] -= 1
        if not self._held[person]:
            del self._held[person]
        while self._places and (following := self._following()):
            self._call(following)

    async def wait(self, person: str) -> None:
        """Wait for a place and take it. Raises Busy when that would take too long."""
        if not self._room or len(self._lanes.get(person, ())) >= self._longest_lane:
            raise Busy
        loop = asyncio.get_running_loop()
        turn: Turn = loop.create_future()
        patience = deadline.within(LONGEST_WAIT)
        timer = loop.call_later(patience, self._refuse, person, turn)
        self._lanes.setdefault(person, {})[turn] = timer
        self._room -= 1
        try:
            await turn
        except asyncio.CancelledError:
            # The service is made to end.
            self._forget(person, turn)
            raise
        finally:
            timer.cancel()
            self._room += 1

    def _following(self) -> str | None:
        """Find whose turn it is. Few are passed over: only so many can hold their whole share."""
        return next((name for name in self._lanes if self._held.get(name, 0) < self._share), None)

    def _call(self, person: str) -> None:
        """Let in this person's first request; others of theirs wait behind everybody else's."""
        lane = self._lanes.pop(person)
        turn = next(iter(lane))
        timer = lane.pop(turn)
        if lane:
            self._lanes[person] = lane
        # When the service is made to end, all requests are ended at once.
        if not turn.done():
            timer.cancel()
            self.enter(person)
            turn.set_result(None)

    def _refuse(self, person: str, turn: Turn) -> None:
        self._forget(person, turn)
        turn.set_exception(Busy())

    def _forget(self, person: str, turn: Turn) -> None:
        lane = self._lanes.get(person, {})
        lane.pop(turn, None)
        if not lane:
            self._lanes.pop(person, None)
