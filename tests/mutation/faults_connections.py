"""Faults in what bounds clients, the log and outages, for scripts/mutate."""

from tests.mutation.faults import DATABASE, LIMITS, PROTOCOL, RETRY, ROUTE, Fault

CONNECTIONS = "handlers/http/connections.py"
HEALTH = "handlers/health.py"
LOG = "handlers/log.py"
OUTAGE = "handlers/postgres/failures.py"
POOL = "handlers/postgres/pool.py"
WRITER = "handlers/log_writer.py"

FAULTS = (
    # Hosts and offers of other protocols.
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
    # Requests that are slow, or too many.
    Fault(
        "request: no limit from connecting",
        CONNECTIONS,
        "        self.requests.start(connection)\n        if self._timer",
        "        if self._timer",
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
        "request: an incomplete one may have any size",
        CONNECTIONS,
        "self.requests.total > limits.MAX_INCOMPLETE",
        "False",
    ),
    Fault(
        "request: headers weigh their text alone", PROTOCOL, "HEADER_SIZE = 170", "HEADER_SIZE = 0"
    ),
    Fault(
        "request: any number may be sent ahead",
        LIMITS,
        "MAX_PIPELINED = 32",
        "MAX_PIPELINED = 10**9",
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
    Fault("connections: no limit", CONNECTIONS, "count > self._max_connections", "False"),
    Fault(
        "connections: no files in reserve",
        LIMITS,
        "RESERVED_FILES = 100",
        "RESERVED_FILES = 0",
    ),
    Fault(
        "connections: the newest is closed",
        CONNECTIONS,
        "self.requests.oldest(lambda _: True)",
        "connection",
    ),
    # Responses that are not read.
    Fault(
        "answer: no time limit",
        CONNECTIONS,
        "self.responses.expired(limits.RESPONSE_TIMEOUT)",
        "()",
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
        "answer: one user may leave any number",
        ROUTE,
        "connection_limits.admit_response(scope",
        "str(scope",
    ),
    Fault(
        "answer: stalled ones keep their user out",
        LIMITS,
        "STALL_TIMEOUT = 2",
        "STALL_TIMEOUT = 20",
    ),
    Fault(
        "answer: those that are being read are closed",
        LIMITS,
        "STALL_TIMEOUT = 2",
        "STALL_TIMEOUT = -1",
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
    # The log.
    Fault(
        "log: the caller writes",
        WRITER,
        "            self._lines.append(line)\n",
        "            self._write(line)\n",
    ),
    Fault(
        "log: any number of lines is kept",
        WRITER,
        "self._size + len(line) > limits.MAX_BUFFERED_LOG",
        "False",
    ),
    Fault("log: lines are dropped without a word", WRITER, "if self._dropped:", "if False:"),
    Fault(
        "log: a reader that is gone ends the thread",
        WRITER,
        "except OSError:",
        "except FileNotFoundError:",
    ),
    Fault("log: uvicorn writes by itself", LOG, '("uvicorn", "uvicorn.error")', "()"),
    Fault(
        "log: each failure is a line",
        LIMITS,
        "LOG_THROTTLE_INTERVAL = 30",
        "LOG_THROTTLE_INTERVAL = 0",
    ),
    # Outages.
    Fault("outage: recovery is an outage", POOL, "raise Starting(", "raise CannotConnect("),
    Fault(
        "outage: recovery does not close the breaker",
        RETRY,
        "            self._failing_since = None\n            return\n",
        "            pass\n",
    ),
    Fault("outage: missing tables are a failure", OUTAGE, "    asyncpg.UndefinedTableError,\n", ""),
    Fault(
        "outage: missing columns are a failure", OUTAGE, "    asyncpg.UndefinedColumnError,\n", ""
    ),
    Fault(
        "outage: missing privileges are a failure",
        OUTAGE,
        "    asyncpg.InsufficientPrivilegeError,\n",
        "",
    ),
    Fault(
        "outage: its end is not logged", DATABASE, "            self._failure_log.succeeded()\n", ""
    ),
    Fault("ready: without a privilege", HEALTH, 'if not row["is_granted"]:', "if False:"),
)
