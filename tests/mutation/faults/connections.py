"""Faults in the HTTP protocol and in the limits of clients."""

from tests.mutation.fault import Fault

PROTOCOL = "handlers/http/protocol.py"
CONNECTIONS = "handlers/http/connections.py"

FAULTS = (
    Fault("protocol: a head has no end", PROTOCOL, "self._head += self._read", "pass"),
    Fault(
        "protocol: all heads of a connection are one",
        PROTOCOL,
        "        self._head = 0\n        self._received",
        "        self._received",
    ),
    Fault(
        "protocol: a body is a head",
        PROTOCOL,
        "        self._head = 0\n        super().on_body(body)",
        "        super().on_body(body)",
    ),
    Fault("host: none is needed", PROTOCOL, "is_missing or len", "len"),
    Fault("host: two are taken", PROTOCOL, " or len(hosts) > 1", ""),
    Fault("host: any value is taken", PROTOCOL, " or not all(map(_HOST.fullmatch, hosts))", ""),
    Fault("host: HTTP/1.0 needs one", PROTOCOL, ' and self.parser.get_http_version() == "1.1"', ""),
    Fault("upgrade: the offer stays", PROTOCOL, " if name not in _UPGRADE_HEADERS", ""),
    Fault("upgrade: the body is lost", PROTOCOL, '[*lines, b"", rest]', '[*lines, b"", b""]'),
    Fault("upgrade: CONNECT is parsed again", PROTOCOL, 'method == "CONNECT"', 'method == "X"'),
    Fault(
        "upgrade: uvicorn takes the head", PROTOCOL, "        return True", "        return False"
    ),
    Fault(
        "request: no limit from the last answer",
        PROTOCOL,
        "connection_limits.requests.start(self, self._held_bytes())",
        "pass",
    ),
    Fault(
        "request: no limit after an early answer",
        PROTOCOL,
        "            connection_limits.requests.start(self)\n",
        "            pass\n",
    ),
    Fault(
        "request: the limit goes on while it is served",
        PROTOCOL,
        "            connection_limits.requests.stop(self)",
        "            pass",
    ),
    Fault(
        "request: a queued one has no limit",
        PROTOCOL,
        "following is None or following.more_body",
        "following is None",
    ),
    Fault(
        "request: what is late gets no answer", PROTOCOL, "elif self._held_bytes():", "elif False:"
    ),
    Fault(
        "request: a blank line counts as one",
        PROTOCOL,
        "        if self._received:\n            self._received",
        "        if True:\n            self._received",
    ),
    Fault(
        "request: headers weigh their text alone", PROTOCOL, "HEADER_SIZE = 170", "HEADER_SIZE = 0"
    ),
    Fault(
        "request: a bad one takes the answer of a good one",
        PROTOCOL,
        "if self.pipeline or not (has_ended or cycle.more_body):",
        "if False:",
    ),
    Fault(
        "request: a bad one behind a good one leaves it open",
        PROTOCOL,
        "if awaits_request and self._is_closing:",
        "if False:",
    ),
    Fault(
        "answer: taken slowly is not taken",
        PROTOCOL,
        "connection_limits.responses.stop(self)",
        "pass",
    ),
    Fault(
        "answer: a small one may stay",
        PROTOCOL,
        "if self.transport.is_closing():\n            # The client",
        "if False:\n            # The client",
    ),
    Fault(
        "request: no limit from connecting",
        CONNECTIONS,
        "        self.requests.start(connection)\n        if self._timer",
        "        if self._timer",
    ),
    Fault(
        "request: an incomplete one may have any size",
        CONNECTIONS,
        "self.requests.total > limits.MAX_INCOMPLETE",
        "False",
    ),
    Fault("connections: no limit", CONNECTIONS, "count > self._max_connections", "False"),
    Fault(
        "connections: the newest is closed",
        CONNECTIONS,
        "self.requests.oldest(lambda _: True)",
        "connection",
    ),
    Fault(
        "answer: no time limit",
        CONNECTIONS,
        "self.responses.expired(limits.RESPONSE_TIMEOUT)",
        "()",
    ),
    Fault(
        "answer: all users may leave any number",
        CONNECTIONS,
        "while self.responses.total > limits.MAX_UNREAD:",
        "while False:",
    ),
    Fault(
        "answer: a released one still counts",
        CONNECTIONS,
        "        self.resize(connection, 0)\n        self._entries.pop",
        "        self._entries.pop",
    ),
    Fault(
        "answer: a small unread rest keeps its connection",
        PROTOCOL,
        "        if self.transport.is_closing():",
        "        if False:",
    ),
)
