"""Faults in the access to PostgreSQL."""

from tests.mutation.fault import Fault

DSN = "handlers/postgres/dsn.py"
TIMESTAMPS = "handlers/postgres/timestamps.py"
DATABASE = "handlers/postgres/database.py"
POOL = "handlers/postgres/pool.py"
RETRY = "handlers/postgres/retry.py"
LIMITER = "handlers/postgres/limiter.py"
FAILURES = "handlers/postgres/failures.py"

FAULTS = (
    Fault(
        "address: half a password is a host's",
        DSN,
        'if "@" in parts.path + parts.query or parts.fragment:',
        "if parts.fragment:",
    ),
    Fault(
        "address: any certificate will do",
        DSN,
        'arguments["ssl"] = _verifying',
        'arguments["ssl"] = "require" or _verifying',
    ),
    Fault(
        "address: a local server needs a certificate",
        DSN,
        "if not is_local and query",
        "if query",
    ),
    Fault(
        "address: unknown parameters are passed on",
        DSN,
        "if unknown := query.keys() - PARAMETERS:",
        "if unknown := set[str]():",
    ),
    Fault("address: no time to connect", DSN, "0*[1-9][0-9]{0,4}", "[0-9]{1,5}"),
    Fault(
        "address: Neon's pooler is not found",
        DSN,
        'is_pooled = "-pooler." in host',
        "is_pooled = False",
    ),
    Fault(
        "address: a pooler has a cache of statements",
        DSN,
        'arguments["statement_cache_size"] = 0',
        "pass",
    ),
    Fault(
        "times: shorter on a whole second",
        TIMESTAMPS,
        "{microseconds:06d}Z",
        "{microseconds}Z",
    ),
    Fault(
        "times: days are counted from 1970",
        TIMESTAMPS,
        "datetime(2000, 1, 1)",
        "datetime(1970, 1, 1)",
    ),
    Fault(
        "times: minutes and hours are swapped",
        TIMESTAMPS,
        "for hour in range(24) for minute in range(60)",
        "for minute in range(60) for hour in range(24)",
    ),
    Fault(
        "database: what failed is used again",
        DATABASE,
        "await self._pool.discard(connection)",
        "self._pool.release(connection)",
    ),
    Fault(
        "database: everything is repeated",
        DATABASE,
        "is_repeatable = may_repeat and",
        "is_repeatable = True and",
    ),
    Fault(
        "database: nothing is repeated",
        DATABASE,
        "may_retry = is_repeatable or had_no_effect(error)",
        "may_retry = False",
    ),
    Fault("database: a pooler is no obstacle", DATABASE, " and self._pool.is_direct)", ")"),
    Fault(
        "outage: its end is not logged", DATABASE, "            self._failure_log.succeeded()\n", ""
    ),
    Fault(
        "database: a transaction is not finished",
        POOL,
        'await self._connection.execute("COMMIT")',
        "pass",
    ),
    Fault("pool: closed connections are used", POOL, "if not connection.is_closed():", "if True:"),
    Fault("pool: idle connections stay", POOL, "monotonic() - self._max_idle", "monotonic() - 60"),
    Fault(
        "pool: nothing is asked of a session",
        POOL,
        '["server_settings"] = SESSION',
        '["ssl"] = None',
    ),
    Fault(
        "pool: stale connections are met one by one",
        POOL,
        "self._close_idle(since=connection.acquired_at)",
        "self._close_idle(since=0)",
    ),
    Fault(
        "pool: a statement has no time limit on the server",
        POOL,
        '    "statement_timeout": f"{limits.SESSION_TIMEOUT}s",\n',
        "",
    ),
    Fault(
        "pool: a transaction has no idle timeout",
        POOL,
        '    "idle_in_transaction_session_timeout": f"{limits.SESSION_TIMEOUT}s",\n',
        "",
    ),
    Fault(
        "pool: a session has any isolation",
        POOL,
        '    "default_transaction_isolation": "read committed",\n',
        "",
    ),
    Fault(
        "pool: a pooler gets session settings",
        POOL,
        "        if self.is_direct:",
        "        if True:",
    ),
    Fault(
        "pool: a transaction has the session's isolation",
        POOL,
        "BEGIN ISOLATION LEVEL READ COMMITTED",
        "BEGIN",
    ),
    Fault(
        "pool: a connection in use long ago is fresh",
        POOL,
        "                connection.acquired_at = monotonic()\n",
        "",
    ),
    Fault(
        "pool: the oldest connection is used first",
        POOL,
        "self._idle.pop()",
        "self._idle.popleft()",
    ),
    Fault("outage: recovery is an outage", POOL, "raise Starting(", "raise CannotConnect("),
    Fault(
        "database: an outage is not remembered",
        RETRY,
        "return since is not None and",
        "return False and",
    ),
    Fault(
        "database: the first try goes on",
        RETRY,
        "await connection.terminate(self._backend)",
        "pass",
    ),
    Fault(
        "outage: recovery does not close the breaker",
        RETRY,
        "            self._failing_since = None\n            return\n",
        "            pass\n",
    ),
    Fault("queue: one person takes all", LIMITER, "acquired == self._max_per_user", "False"),
    Fault("queue: as many wait as like to", LIMITER, "self._waiting >= self._max_waiting or ", ""),
    Fault(
        "queue: who waits is forgotten",
        LIMITER,
        "            self._admit(next_user)",
        "            break",
    ),
    Fault("queue: waiting takes long", LIMITER, "deadline.remaining(limits.ACQUIRE_TIMEOUT)", "4"),
    Fault(
        "queue: who sends more is served first",
        LIMITER,
        "self._waiters[user_id] = waiters",
        "self._waiters = {user_id: waiters, **self._waiters}",
    ),
    Fault(
        "queue: one person fills the room",
        LIMITER,
        "self._max_waiting // limits.USER_SHARE",
        "self._max_waiting",
    ),
    Fault("queue: those who are gone are called", LIMITER, "if not waiter.done():", "if True:"),
    Fault("queue: waiting requests are not counted", LIMITER, "        self._waiting += 1\n", ""),
    Fault(
        "queue: a waiter that is served still counts",
        LIMITER,
        "            self._waiting -= 1\n",
        "            pass\n",
    ),
    Fault(
        "queue: one user gets all connections but one",
        LIMITER,
        "max(1, connections // limits.USER_SHARE)",
        "max(1, connections - 1)",
    ),
    Fault(
        "queue: a single connection serves nobody",
        LIMITER,
        "max(1, connections // limits.USER_SHARE)",
        "connections // limits.USER_SHARE",
    ),
    Fault(
        "outage: missing tables are a failure", FAILURES, "    asyncpg.UndefinedTableError,\n", ""
    ),
    Fault(
        "outage: missing columns are a failure", FAILURES, "    asyncpg.UndefinedColumnError,\n", ""
    ),
    Fault(
        "outage: missing privileges are a failure",
        FAILURES,
        "    asyncpg.InsufficientPrivilegeError,\n",
        "",
    ),
)
