"""Faults in settings, the start of the service, its log and telemetry."""

from tests.mutation.fault import Fault

LOG = "handlers/log.py"
VALIDATORS = "handlers/validators.py"
SETTINGS = "handlers/settings.py"
APP = "handlers/app.py"
SERVER = "handlers/server.py"
TELEMETRY = "handlers/telemetry.py"
LOG_WRITER = "handlers/log_writer.py"
HEALTH = "handlers/health.py"

FAULTS = (
    Fault("log: the user's name", LOG, "user_id and _hashed(user_id)", "user_id"),
    Fault("log: uvicorn's line, too", LOG, "access.handlers, access.propagate = [], False", "pass"),
    Fault("log: without the request's id", LOG, 'f"{line}  [{request_id.get()}]"', "line"),
    Fault("log: uvicorn writes by itself", LOG, '("uvicorn", "uvicorn.error")', "()"),
    Fault(
        "settings: a port that no browser sends",
        VALIDATORS,
        "_DEFAULT_PORT.fullmatch(origin)",
        "False",
    ),
    Fault(
        "settings: a shorter secret", VALIDATORS, "MIN_SECRET_LENGTH = 32", "MIN_SECRET_LENGTH = 31"
    ),
    Fault(
        "settings: white space in a secret",
        VALIDATORS,
        "if value != value.strip()",
        "if False and value",
    ),
    Fault("settings: quotes are kept", VALIDATORS, "_QUOTED.fullmatch(value)", "False"),
    Fault(
        "settings: a public key is a secret", VALIDATORS, 'jwk.construct(secret, "HS256")', "pass"
    ),
    Fault(
        "settings: a wrong secret is a missing one",
        VALIDATORS,
        'get("better_auth_secret", "invalid")',
        'get("better_auth_secret")',
    ),
    Fault("settings: a slash too many", VALIDATORS, '.rstrip("/") or BASE_PATH', " or BASE_PATH"),
    Fault(
        "settings: no source of trust is needed",
        VALIDATORS,
        'if info.data.get("better_auth_secret", "invalid") is None:',
        "if False:",
    ),
    Fault(
        "settings: white space around a secret",
        VALIDATORS,
        'if value != value.strip().strip("\\ufeff"):',
        "if False:",
    ),
    Fault(
        "settings: development needs a long secret",
        VALIDATORS,
        'if info.data.get("environment") != "development" and',
        "if",
    ),
    Fault("settings: an origin in capitals", VALIDATORS, "([a-z0-9.-]+|", "([A-Za-z0-9.-]+|"),
    Fault("settings: an address with a query", VALIDATORS, "([^?#@", "([^@"),
    Fault(
        "settings: a batch larger than its queue",
        VALIDATORS,
        'if value > info.data.get("otel_bsp_max_queue_size", value):',
        "if False:",
    ),
    Fault("settings: any OTLP address", SETTINGS, "values.keys() & _ENDPOINTS", "False"),
    Fault(
        "settings: the path is part of the issuer",
        SETTINGS,
        "(url, validators.origin_of(url))",
        "(url,)",
    ),
    Fault("settings: near misses are silent", SETTINGS, "*warnings()]", "]"),
    Fault("settings: any number of connections", SETTINGS, "Field(ge=1, le=1000)", "Field(ge=1)"),
    Fault(
        "settings: no connection is needed",
        SETTINGS,
        "Field(ge=1, le=1000)",
        "Field(ge=0, le=1000)",
    ),
    Fault(
        "settings: values are shown",
        SETTINGS,
        "hide_input_in_errors=True",
        "hide_input_in_errors=False",
    ),
    Fault(
        "settings: an empty variable counts",
        SETTINGS,
        "env_ignore_empty=True",
        "env_ignore_empty=False",
    ),
    Fault(
        "settings: OTEL_SDK_DISABLED is ignored",
        SETTINGS,
        "if not is_disabled and values",
        "if values",
    ),
    Fault(
        "settings: traces although none are asked for",
        SETTINGS,
        'self.otel_traces_exporter == "otlp"',
        "True",
    ),
    Fault("settings: near misses are not logged", APP, "settings.warnings()", "()"),
    Fault(
        "server: workers are restarted without end",
        APP,
        "sys.exit(STARTUP_FAILURE)",
        "sys.exit(1)",
    ),
    Fault("server: a failed start exits with 0", SERVER, "if any(process", "if not any(process"),
    Fault(
        "server: a taken port is uvicorn's to tell",
        SERVER,
        "if reason := PORT_ERRORS.get(error.errno or 0):",
        "if reason := None:",
    ),
    Fault(
        "telemetry: paths are sent",
        TELEMETRY,
        '_PRIVATE = {"url.path", "url.query"}',
        '_PRIVATE = {"url.query"}',
    ),
    Fault(
        "telemetry: queries are sent",
        TELEMETRY,
        '_PRIVATE = {"url.path", "url.query"}',
        '_PRIVATE = {"url.path"}',
    ),
    Fault(
        "telemetry: the trace is not in the log",
        TELEMETRY,
        "        log.trace_id.set(format_trace_id(context.trace_id))\n",
        "",
    ),
    Fault("telemetry: logs are sent, too", TELEMETRY, '"logs": False', '"logs": True'),
    Fault(
        "telemetry: the service's name is fixed",
        TELEMETRY,
        "{SERVICE_NAME: _SERVICE, **attributes}",
        "{**attributes, SERVICE_NAME: _SERVICE}",
    ),
    Fault(
        "log: the caller writes",
        LOG_WRITER,
        "            self._lines.append(line)\n",
        "            self._write(line)\n",
    ),
    Fault(
        "log: any number of lines is kept",
        LOG_WRITER,
        "self._size + len(line) > limits.MAX_BUFFERED_LOG",
        "False",
    ),
    Fault("log: lines are dropped without a word", LOG_WRITER, "if self._dropped:", "if False:"),
    Fault(
        "log: a reader that is gone ends the thread",
        LOG_WRITER,
        "except OSError:",
        "except FileNotFoundError:",
    ),
    Fault("ready: without a privilege", HEALTH, 'if not row["is_granted"]:', "if False:"),
)
