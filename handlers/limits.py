"""Every timeout and limit of the service: handlers/README.md explains how they work together.

Timeouts and intervals are in seconds, sizes in bytes.
"""

KIB = 1024
MIB = 1024 * KIB

# One request, after it has arrived. The timeouts of the single steps below add up to more than
# HANDLER_TIMEOUT, which is intended: each of them is also cut to the time that is left of it.
HANDLER_TIMEOUT = 5
# Waiting for a place among the statements that run at once.
ACQUIRE_TIMEOUT = 2
# Connecting to PostgreSQL, unless the connection string has a connect_timeout.
CONNECT_TIMEOUT = 4
# One statement, as the service waits for it.
STATEMENT_TIMEOUT = 3
# One statement, or a transaction that waits for the next, as PostgreSQL ends it: this is for the
# sessions of a worker that was killed.
SESSION_TIMEOUT = 5
# Terminating the session of an earlier attempt before the next attempt begins.
TERMINATE_TIMEOUT = 1
# Closing one connection of the pool.
CLOSE_TIMEOUT = 0.5
# GET /health/ready as a whole.
PROBE_TIMEOUT = 1

# The pause between two attempts doubles from the first of these to the second.
MIN_BACKOFF = 0.02
MAX_BACKOFF = 0.4

# Requests that may wait, for each connection of the pool. More get 503 at once.
MAX_WAITING_PER_CONNECTION = 100
# One user may use, and wait for, one in so many of the connections.
USER_SHARE = 3

# From connecting, or from the end of the last response, to a complete request.
REQUEST_TIMEOUT = 30
# Until a client has read a response, except what fits into the kernels' buffers.
RESPONSE_TIMEOUT = 30
# How often these two are checked.
CONNECTION_CHECK_INTERVAL = 1

MAX_CONNECTIONS = 10_000
# Open files other than clients' connections.
RESERVED_FILES = 100
# The request line and headers; the same as uvicorn's other parser, h11.
MAX_HEADERS = 64 * KIB
MAX_BODY = 256 * KIB
# Requests sent ahead on a connection, while another is answered.
MAX_PIPELINED = 32
# Requests that are incomplete, of all connections.
MAX_INCOMPLETE = 64 * MIB
# Responses that clients have not read: of all users, and of one.
MAX_UNREAD = 64 * MIB
MAX_UNREAD_PER_USER = 16 * MIB
# A response that is not read for this long may be discarded for a newer one of the same user.
STALL_TIMEOUT = 2
# Responses above this size are counted before they are sent.
LARGE_RESPONSE = 64 * KIB
# The kernel's buffer for each connection. Its default grows to 4 MB, and asyncio keeps a response
# in memory until the kernel has taken all of it.
SEND_BUFFER = 256 * KIB

MAX_ERROR_DETAILS = 100
# Characters.
MAX_ERROR_LOCATION = 300

# How far two clocks may differ.
CLOCK_LEEWAY = 30
MAX_CACHED_TOKENS = 10_000
MAX_CACHED_TOKEN_LENGTH = 4 * KIB

KEY_FETCH_TIMEOUT = 3
KEY_SET_MAX_AGE = 600
# An unknown key id causes a fetch. Invented ids may cause so many at once, then one an interval.
KEY_FETCH_BURST = 5
KEY_FETCH_INTERVAL = 10
KEY_FETCH_RETRY_INTERVAL = 1
MAX_KEY_SET = MIB
MAX_KEYS = 100

MAX_BUFFERED_LOG = MIB
LOG_FLUSH_TIMEOUT = 1
# A failure that may occur with every request is logged once in this time.
LOG_THROTTLE_INTERVAL = 30

# From SIGTERM until requests that are still running are cancelled.
GRACEFUL_SHUTDOWN_TIMEOUT = 20
TELEMETRY_SHUTDOWN_TIMEOUT = 3
