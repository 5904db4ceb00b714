"""Faults in the values of timeouts and limits."""

from tests.mutation.fault import Fault

LIMITS = "handlers/limits.py"
DEADLINE = "handlers/deadline.py"

FAULTS = (
    Fault(
        "keys: the set is never renewed by age",
        LIMITS,
        "KEY_SET_MAX_AGE = 600",
        "KEY_SET_MAX_AGE = 10**9",
    ),
    Fault(
        "keys: the set is renewed too often",
        LIMITS,
        "KEY_SET_MAX_AGE = 600",
        "KEY_SET_MAX_AGE = 60",
    ),
    Fault(
        "keys: made-up ones fetch without a limit",
        LIMITS,
        "KEY_FETCH_BURST = 5",
        "KEY_FETCH_BURST = 10**9",
    ),
    Fault(
        "keys: made-up ones fetch a hundred times",
        LIMITS,
        "KEY_FETCH_BURST = 5",
        "KEY_FETCH_BURST = 100",
    ),
    Fault(
        "keys: after made-up ones none is fetched",
        LIMITS,
        "KEY_FETCH_INTERVAL = 10\n",
        "KEY_FETCH_INTERVAL = 10**9\n",
    ),
    Fault(
        "reading: only the first mistake",
        LIMITS,
        "MAX_ERROR_DETAILS = 100",
        "MAX_ERROR_DETAILS = 1",
    ),
    Fault(
        "route: large announced bodies",
        LIMITS,
        "MAX_BODY = 256 * KIB",
        "MAX_BODY = 255 * KIB",
    ),
    Fault(
        "pool: a statement is waited for as long as the request",
        LIMITS,
        "STATEMENT_TIMEOUT = 3",
        "STATEMENT_TIMEOUT = 60",
    ),
    Fault(
        "deadline: a request takes ten seconds",
        LIMITS,
        "HANDLER_TIMEOUT = 5",
        "HANDLER_TIMEOUT = 10",
    ),
    Fault("auth: clocks may not differ", LIMITS, "CLOCK_LEEWAY = 30", "CLOCK_LEEWAY = 0"),
    Fault("auth: clocks may differ by a minute", LIMITS, "CLOCK_LEEWAY = 30", "CLOCK_LEEWAY = 60"),
    Fault(
        "errors: one detail more than the limit",
        LIMITS,
        "MAX_ERROR_DETAILS = 100",
        "MAX_ERROR_DETAILS = 101",
    ),
    Fault(
        "telemetry: a hanging collector is waited for",
        LIMITS,
        "TELEMETRY_SHUTDOWN_TIMEOUT = 3",
        "TELEMETRY_SHUTDOWN_TIMEOUT = 60.0",
    ),
    Fault(
        "request: any number may be sent ahead",
        LIMITS,
        "MAX_PIPELINED = 32",
        "MAX_PIPELINED = 10**9",
    ),
    Fault(
        "connections: no files in reserve",
        LIMITS,
        "RESERVED_FILES = 100",
        "RESERVED_FILES = 0",
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
        "log: each failure is a line",
        LIMITS,
        "LOG_THROTTLE_INTERVAL = 30",
        "LOG_THROTTLE_INTERVAL = 0",
    ),
    Fault(
        "deadline: each wait has its own", DEADLINE, "return min(timeout, ", "return max(timeout, "
    ),
)
