"""Every timeout and limit of the service. handlers/README.md explains how they work together.

Timeouts and intervals are in seconds, sizes in bytes. Limits apply to a worker process.
"""

KIB = 1024
MIB = 1024 * KIB

# From the end of request validation to the response. The timeouts of the steps below add up to
# more, which is intended: a step never gets more than the time that is left of HANDLER_TIMEOUT.
HANDLER_TIMEOUT = 5
# Waiting in the limiter for permission to run a statement.
ACQUIRE_TIMEOUT = 2
# Connecting to PostgreSQL. A connect_timeout in the connection string can only shorten this.
CONNECT_TIMEOUT = 4
# Running one statement, measured by the service.
STATEMENT_TIMEOUT = 3
# Terminating the session of an earlier attempt before the next attempt begins.
TERMINATE_TIMEOUT = 1

# A statement, and a transaction between two statements, measured by PostgreSQL. This ends the
# sessions of a worker that was killed. A pooler does not support it.
SESSION_TIMEOUT = 5
# Closing a connection of the pool, which may happen after the deadline of a request.
CLOSE_TIMEOUT = 0.5
# Replaces HANDLER_TIMEOUT for GET /health/ready.
PROBE_TIMEOUT = 1

# The pause before a retry: it doubles from MIN_BACKOFF to MAX_BACKOFF. Jitter shortens it by up to
# a half.
MIN_BACKOFF = 0.02
MAX_BACKOFF = 0.4

# Requests that may wait in the limiter, for each connection of the pool. More get 503 at once.
MAX_WAITING_PER_CONNECTION = 100
# A user gets at most 1/USER_SHARE of the connections (at least one), and of the waiting requests.
USER_SHARE = 3

# From connecting, or from the end of the last response, to a complete request.
REQUEST_TIMEOUT = 30
# From sending a response that exceeds the send buffers until the client has read most of it.
RESPONSE_TIMEOUT = 30
# How often these two timeouts are checked.
CONNECTION_CHECK_INTERVAL = 1

# Fewer if the limit of open files cannot be raised.
MAX_CONNECTIONS = 10_000
# File descriptors that are not available to client connections.
RESERVED_FILES = 100
# The request line and headers. The same value as in h11, uvicorn's other parser.
MAX_HEADERS = 64 * KIB
MAX_BODY = 256 * KIB
# Pipelined requests that wait on a connection.
MAX_PIPELINED = 32
# Incomplete requests of all connections together.
MAX_INCOMPLETE = 64 * MIB
# Responses that clients have not read: of all users together, and of a single user.
MAX_UNREAD = 64 * MIB
MAX_UNREAD_PER_USER = 16 * MIB
# An unread response may be discarded after this time, in favour of a new response to the same user.
STALL_TIMEOUT = 2
# MAX_UNREAD_PER_USER is checked before a response above this size.
LARGE_RESPONSE = 64 * KIB
# The kernel's send buffer of a connection. The default grows to 4 MB, and asyncio keeps a response
# in memory until the kernel has taken all of it.
SEND_BUFFER = 256 * KIB

# How long a browser may cache the response to a preflight request.
PREFLIGHT_MAX_AGE = 600
MAX_ERROR_DETAILS = 100
# Characters.
MAX_ERROR_LOCATION = 300

# Tolerance for `exp` and `nbf`: the clocks of issuer and service may differ.
CLOCK_LEEWAY = 30
MAX_CACHED_TOKENS = 10_000
# Length of an Authorization header. A token in a longer header is verified with every request.
MAX_CACHED_TOKEN_LENGTH = 4 * KIB

KEY_FETCH_TIMEOUT = 3
# An older key set is fetched again in the background.
KEY_SET_MAX_AGE = 600
# A token with an unknown key id causes a fetch: at most KEY_FETCH_BURST at once, then one in each
# KEY_FETCH_INTERVAL, and not twice for the same key id within KEY_FETCH_INTERVAL.
KEY_FETCH_BURST = 5
KEY_FETCH_INTERVAL = 10
# The pause after a failed fetch.
KEY_FETCH_RETRY_INTERVAL = 1
MAX_KEY_SET = MIB
MAX_KEYS = 100
# Characters of base64url for 8192 and 32 bits: larger RSA keys would make verification slow.
MAX_RSA_MODULUS = 1366
MAX_RSA_EXPONENT = 6

# Log lines that are not written yet. Further lines are dropped.
MAX_BUFFERED_LOG = MIB
# Between two writes, so that a busy service writes many lines at once.
LOG_WRITE_INTERVAL = 0.02
# At the end of the process.
LOG_FLUSH_TIMEOUT = 1
# A failure that may occur with every request is logged once in this time.
LOG_THROTTLE_INTERVAL = 30

# From SIGTERM until running requests are cancelled.
GRACEFUL_SHUTDOWN_TIMEOUT = 20
TELEMETRY_SHUTDOWN_TIMEOUT = 3
