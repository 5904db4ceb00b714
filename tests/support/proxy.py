"""A proxy between service and database that counts round trips, drops answers and cuts connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

# The message by which the driver executes a prepared statement: nine bytes, for a portal
# without a name.
EXECUTE = b"E\x00\x00\x00\x09\x00"


class Proxy:
    """With `loses_answers`, answers to executed statements are dropped, but not to prepared statements.

    `trips` counts the round trips: requests that waited for the answer to the previous request.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.loses_answers = False
        self.trips = 0
        self._runs = False
        self._is_answered = True
        self._open: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_database, to_database = await asyncio.open_connection("127.0.0.1", self.target)
        self._open += [writer, to_database]
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass_on(reader, to_database, is_answer=False))
                group.create_task(self._pass_on(from_database, writer, is_answer=True))
        except* OSError:
            self.cut()

    async def _pass_on(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, is_answer: bool
    ) -> None:
        while data := await source.read(65536):
            self.trips += self._is_answered and not is_answer
            self._is_answered = is_answer
            self._runs = self._runs if is_answer else EXECUTE in data
            if not (is_answer and self._runs and self.loses_answers):
                target.write(data)
                await target.drain()
        target.close()

    def cut(self) -> None:
        while self._open:
            self._open.pop().transport.abort()


@asynccontextmanager
async def between(port: int, target: int) -> AsyncIterator[Proxy]:
    """Listen on a port in front of the database."""
    proxy = Proxy(target)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", port)
    try:
        yield proxy
    finally:
        server.close()
        proxy.cut()
