"""HTTP as uvicorn reads it, with an end to what it keeps before there is a request to judge.

uvicorn --http handlers.protocol:Bounded
"""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# As of uvicorn's other parser, h11; httptools itself keeps whatever comes.
LARGEST_HEAD = 64 * 1024
TOO_LARGE = "The request line and headers are larger than 64 KiB."


class Bounded(HttpToolsProtocol):
    """Refuses a request line, headers or trailers that go on for longer than that.

    Only whole reads are counted, so that it costs next to nothing: up to two more may be kept.
    """

    _kept = 0

    def data_received(self, data: bytes) -> None:
        self._kept += len(data)
        super().data_received(data)
        if self._kept > LARGEST_HEAD and not self.transport.is_closing():
            self.logger.warning(TOO_LARGE)
            self.send_400_response(TOO_LARGE)

    def on_message_begin(self) -> None:
        self._kept = 0
        super().on_message_begin()

    def on_body(self, body: bytes) -> None:
        self._kept = 0
        super().on_body(body)
