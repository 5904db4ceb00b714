"""Faults that scripts/mutate plants, one at a time, to see that the checks find them."""

from dataclasses import dataclass

CONTRACT = "openapi/openapi.yaml"
TASKS = "handlers/tasks.py"
STATEMENTS = "handlers/statements.py"
ROUTE = "handlers/http/routing.py"
SCHEMAS = "handlers/http/schemas.py"
READING = "handlers/http/validation.py"
ADDRESS = "handlers/postgres/dsn.py"
AUTH = "handlers/auth/bearer.py"
KEYS = "handlers/auth/key_set.py"
PROTOCOL = "handlers/http/protocol.py"
SETTINGS = "handlers/settings.py"
VALIDATORS = "handlers/validators.py"
LOG = "handlers/log.py"
ENVELOPE = "handlers/http/middleware.py"
ERRORS = "handlers/errors.py"
RETRY = "handlers/postgres/retry.py"
LIMITS = "handlers/limits.py"
DATABASE = "handlers/postgres/database.py"
POOL = "handlers/postgres/pool.py"
TIMES = "handlers/postgres/timestamps.py"
QUEUE = "handlers/postgres/limiter.py"
DEADLINE = "handlers/deadline.py"
TABLES = "handlers/tables.py"
APP = "handlers/app.py"
OUTBOUND = "handlers/auth/key_server.py"
SERVER = "handlers/server.py"
OPERATIONS = "generated/operations.py"


@dataclass(frozen=True)
class Fault:
    """In this file, the first of the old text is replaced by the new."""

    name: str
    file: str
    old: str
    new: str
    # Generated code that is not current.
    generates: bool = False


def contract(name: str, old: str, new: str) -> Fault:
    """A change of the contract that was generated from, but that the handlers do not know of."""
    return Fault(f"contract: {name}", CONTRACT, old, new, generates=True)


FAULTS = (
    # The contract and the service differ.
    contract("create answers 200", "        '201':", "        '200':"),
    contract(
        "delete answers 200 with nothing",
        "        '204':\n          description: The task is gone.",
        "        '200':\n          description: The task is gone.",
    ),
    contract(
        "a task has one more member",
        "        completed:\n          type: boolean\n          description: Whether it is done.\n        position:",
        "        completed:\n          type: boolean\n          description: Whether it is done.\n"
        "        starred:\n          type: boolean\n        position:",
    ),
    contract(
        "the title may be longer",
        "      maxLength: 255\n      pattern: '^[^\\u0000]*[^",
        "      maxLength: 300\n      pattern: '^[^\\u0000]*[^",
    ),
    contract(
        "the title may be shorter",
        "      maxLength: 255\n      pattern: '^[^\\u0000]*[^",
        "      maxLength: 100\n      pattern: '^[^\\u0000]*[^",
    ),
    contract("the description may be longer", "maxLength: 1000", "maxLength: 2000"),
    contract(
        "the title may be blank", "'^[^\\u0000]*[^\\u0000-\\u0020][^\\u0000]*$'", "'^[^\\u0000]*$'"
    ),
    contract("a user may have control characters", "\\u001F\\u007F-\\u009F]+$", "\\u001F]+$"),
    contract(
        "the limit ends elsewhere",
        "            maximum: 1000\n            default: 1000",
        "            maximum: 500\n            default: 500",
    ),
    contract("the limit has another default", "default: 1000", "default: 100"),
    contract(
        "ids end elsewhere",
        "      maximum: 9007199254740991\n      examples: [7]",
        "      maximum: 4294967296\n      examples: [7]",
    ),
    contract(
        "an operation has another path",
        "/tasks/{task_id}/complete:",
        "/tasks/{task_id}/completion:",
    ),
    contract("an operation has another verb", "    patch:", "    post:"),
    contract(
        "an operation is public",
        "      operationId: get_task\n",
        "      operationId: get_task\n      security: []\n",
    ),
    contract("an operation is private", "      security: []\n", ""),
    contract(
        "an operation has another name", "operationId: delete_task\n", "operationId: remove_task\n"
    ),
    contract(
        "an operation is added",
        "\n  /health:\n",
        "\n  /tasks/count:\n    get:\n      operationId: count_tasks\n      summary: Count.\n      tags: [tasks]\n      responses:\n        '204':\n          description: Counted.\n\n  /health:\n",
    ),
    contract(
        "a header is added",
        "            Location:\n",
        "            ETag:\n              description: x\n              required: true\n              schema: {type: string, minLength: 1, maxLength: 9}\n            Location:\n",
    ),
    contract("the toggle needs a body", "        required: false\n", "        required: true\n"),
    contract(
        "the reorder answers 412 instead of 409",
        "        '409':\n          $ref: '#/components/responses/Conflict'",
        "        '412':\n          $ref: '#/components/responses/Conflict'",
    ),
    contract(
        "a refusal has another code",
        "              const: conflict",
        "              const: outdated",
    ),
    contract(
        "a parameter is gone",
        "        - name: offset\n          in: query\n",
        "        - name: skip\n          in: query\n",
    ),
    contract("duplicates are allowed", "          uniqueItems: true\n", ""),
    contract("an order may be longer", "maxItems: 10000", "maxItems: 20000"),
    contract("times are written in another way", "[0-9]{6}Z$'", "[0-9]{3}Z$'"),
    Fault("contract: nobody generated", CONTRACT, "maxLength: 1000", "maxLength: 999"),
    Fault("generated: a hand edit of a status", OPERATIONS, "status=204", "status=200"),
    Fault("generated: a hand edit of a bound", "generated/models.py", "le=1000", "le=100"),
    # Tasks of other users.
    Fault(
        "get: no ownership",
        STATEMENTS,
        "select(*_columns(_position())).where(OWN_TASK)",
        "select(*_columns(_position())).where(TASKS.c.id == TASK)",
    ),
    Fault(
        "update: no ownership",
        STATEMENTS,
        "update(TASKS).where(OWN_TASK).values(_CHANGES)",
        "update(TASKS).where(TASKS.c.id == TASK).values(_CHANGES)",
    ),
    Fault(
        "delete: no ownership",
        STATEMENTS,
        "DELETE = Statement(delete(TASKS).where(OWN_TASK)",
        "DELETE = Statement(delete(TASKS).where(TASKS.c.id == TASK)",
    ),
    Fault(
        "toggle: no ownership",
        STATEMENTS,
        "update(TASKS).where(OWN_TASK).values(_TOGGLED)",
        "update(TASKS).where(TASKS.c.id == TASK).values(_TOGGLED)",
    ),
    Fault(
        "complete: no ownership",
        STATEMENTS,
        "update(TASKS).where(OWN_TASK).values(_COMPLETED)",
        "update(TASKS).where(TASKS.c.id == TASK).values(_COMPLETED)",
    ),
    Fault(
        "move: no ownership",
        STATEMENTS,
        "        .where(OWN_TASK, slot.c.sort_key",
        "        .where(TASKS.c.id == TASK, slot.c.sort_key",
    ),
    Fault(
        "list: everybody's tasks",
        STATEMENTS,
        'TASKS.c.sort_key).where(OWN).subquery("numbered")',
        'TASKS.c.sort_key).subquery("numbered")',
    ),
    Fault(
        "list: everybody's total",
        STATEMENTS,
        "select_from(TASKS).where(OWN, *conditions)",
        "select_from(TASKS).where(*conditions)",
    ),
    Fault(
        "reorder: anybody's ids",
        STATEMENTS,
        "found = count.where(OWN, TASKS",
        "found = count.where(TASKS",
    ),
    # Tokens.
    Fault("auth: the path's user is not compared", ROUTE, "!= user_id:", "== '':"),
    Fault("auth: no token is needed", ROUTE, "if not operation.public:", "if operation.public:"),
    Fault("auth: BEARER is no scheme", AUTH, 'rb"bearer +', 'rb"(?-i:[Bb]earer|bEARER) +'),
    Fault("paths: invalid UTF-8 is left out", ENVELOPE, '"surrogateescape"', '"ignore"'),
    Fault("paths: invalid UTF-8 is replaced", ENVELOPE, '"surrogateescape"', '"replace"'),
    Fault(
        "paths: invalid UTF-8 is another encoding",
        ENVELOPE,
        'errors="surrogateescape"',
        'encoding="latin-1"',
    ),
    Fault(
        "auth: expired tokens are good", AUTH, '"leeway": limits.CLOCK_LEEWAY', '"leeway": 10**9'
    ),
    Fault("auth: exp is not needed", AUTH, '    "require_exp": True,\n', ""),
    Fault("auth: a critical extension is ignored", AUTH, 'or "crit" in header', ""),
    Fault("auth: the second claim wins", AUTH, "present[0]", "present[-1]"),
    Fault(
        "auth: an address is a user",
        AUTH,
        '("sub", "user_id", "id")',
        '("sub", "user_id", "id", "email")',
    ),
    Fault("auth: spare bits may differ", AUTH, "        _require_canonical(token)\n", ""),
    Fault("auth: a key's tokens outlive it", AUTH, "and self.revision == self.source.revision", ""),
    Fault(
        "auth: a key set's tokens may be for anybody",
        AUTH,
        "not in claims and not requires_audience",
        "not in claims",
    ),
    Fault(
        "auth: every token is remembered",
        AUTH,
        "del self._token_cache[next(iter(self._token_cache))]",
        "pass",
    ),
    Fault("keys: those for encryption sign", KEYS, 'or found.get("use", "sig") != "sig"', ""),
    Fault("keys: any curve will do", KEYS, 'found.get("crv") != CURVES[kind]', "False"),
    Fault(
        "keys: one for another algorithm will do",
        KEYS,
        'if found.get("alg", name) in names:',
        "if True:",
    ),
    Fault(
        "keys: an odd one spoils the set",
        KEYS,
        "except (JOSEError, LookupError, AttributeError,",
        "except (JOSEError,",
    ),
    Fault("keys: a failure's set is a set", KEYS, "response.raise_for_status()", "pass"),
    Fault(
        "keys: a failure discards them",
        KEYS,
        "            self._failed_at = time.monotonic()\n",
        "            self._failed_at, self._keys = time.monotonic(), {}\n",
    ),
    Fault(
        "keys: who fails is asked without a pause",
        KEYS,
        "self._may_retry() and self._spend",
        "self._spend",
    ),
    Fault("keys: a made-up one asks again", KEYS, "name in self._unknown or ", ""),
    Fault("keys: everybody fetches", KEYS, "fetches == self._fetches and ", ""),
    Fault("keys: a nameless one is fetched", KEYS, "not isinstance(name, str)", "False"),
    Fault(
        "keys: they never expire",
        KEYS,
        "self._fetched_at > limits.KEY_SET_MAX_AGE",
        "self._fetched_at < 0",
    ),
    Fault(
        "keys: who drips is waited for", KEYS, "timeout(limits.KEY_FETCH_TIMEOUT)", "timeout(None)"
    ),
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
        "keys: an answer of any size is read", KEYS, "len(content) > limits.MAX_KEY_SET", "False"
    ),
    Fault(
        "keys: a compressed answer is read", KEYS, 'get("Content-Encoding", "identity")', 'get("X")'
    ),
    Fault("keys: a set of any number is used", KEYS, "len(found) > limits.MAX_KEYS", "False"),
    Fault(
        "keys: a modulus of any size is used",
        KEYS,
        'len(found["n"]) > limits.MAX_RSA_MODULUS or',
        "",
    ),
    Fault(
        "keys: an exponent of any size is used",
        KEYS,
        'or len(found["e"]) > limits.MAX_RSA_EXPONENT',
        "",
    ),
    Fault(
        "keys: an outage is a line for each fetch",
        KEYS,
        "self._throttle.warning(log, type(error).__name__, message)",
        "log.warning(message)",
    ),
    Fault("keys: the next outage is not logged", KEYS, "            self._throttle.reset()\n", ""),
    # What operations do.
    Fault(
        "create: the description is forgotten",
        TASKS,
        '"description": _or_none(body.description),\n            "completed": body.completed,',
        '"description": None,\n            "completed": body.completed,',
    ),
    Fault(
        "create: completed is forgotten",
        TASKS,
        '"completed": body.completed,',
        '"completed": False,',
    ),
    Fault(
        "create: the position is forgotten",
        TASKS,
        "statement = statements.APPEND if position is None else statements.INSERT",
        "statement = statements.APPEND",
    ),
    Fault("create: the location leads nowhere", TASKS, 'task_id=task["id"])', "task_id=0)"),
    Fault(
        "create: at the top",
        STATEMENTS,
        "func.coalesce(func.max(TASKS.c.sort_key), _ZERO) + _SORT_KEY_STEP",
        "func.coalesce(func.min(TASKS.c.sort_key), _ZERO) - _SORT_KEY_STEP",
    ),
    Fault(
        "list: not in order",
        STATEMENTS,
        "order_by(numbered.c.sort_key, numbered.c.id)",
        "order_by(numbered.c.id)",
    ),
    Fault(
        "list: the filter is ignored",
        TASKS,
        "statements.PAGE if completed is None else statements.PAGE_FILTERED",
        "statements.PAGE",
    ),
    Fault("list: the offset is ignored", TASKS, "offset=query.offset\n", "offset=0\n"),
    Fault(
        "list: has_more at the end",
        TASKS,
        "query.offset + len(tasks) < total",
        "query.offset + len(tasks) <= total",
    ),
    Fault(
        "list: no total past the end",
        TASKS,
        "counted = rows or await",
        "counted = rows or [] and await",
    ),
    Fault(
        "update: the title is ignored",
        STATEMENTS,
        '"title": func.coalesce(TITLE, TASKS.c.title)',
        '"title": TASKS.c.title',
    ),
    Fault(
        "update: the description cannot be cleared",
        TASKS,
        '"sets_description": body.description is not MISSING',
        '"sets_description": _or_none(body.description) is not None',
    ),
    Fault(
        "update: omitted members are wiped",
        TASKS,
        '"sets_description": body.description is not MISSING',
        '"sets_description": True',
    ),
    Fault(
        "update: nothing to change is a change",
        TASKS,
        "body.model_fields_set.isdisjoint(CHANGEABLE)",
        "False",
    ),
    Fault("update: updated_at stands still", STATEMENTS, '    "updated_at": _NOW,\n}', "}"),
    Fault(
        "update: updated_at is only the clock",
        STATEMENTS,
        "_NOW = func.greatest(",
        "_NOW = func.least(",
    ),
    Fault(
        "update: updated_at follows a clock that is set back",
        STATEMENTS,
        "func.greatest(func.clock_timestamp(), TASKS.c.updated_at + text(\"interval '1 microsecond'\"))",
        "func.clock_timestamp()",
    ),
    Fault(
        "position: equal keys are one place",
        STATEMENTS,
        "tuple_(before.c.sort_key, before.c.id) < key.scalar_subquery()",
        "before.c.sort_key < key.with_only_columns(this.c.sort_key).scalar_subquery()",
    ),
    Fault(
        "position: equal keys have room between them",
        STATEMENTS,
        "gap.c.high - gap.c.low > _ONE",
        "gap.c.high - gap.c.low >= _ZERO",
    ),
    Fault(
        "move: one place too far",
        STATEMENTS,
        "func.greatest(position - _ONE, _ZERO)",
        "position",
    ),
    Fault(
        "move: counts itself",
        STATEMENTS,
        "_version_check(), _slot_at_position(TASKS.c.id != TASK)",
        "_version_check(), _slot_at_position()",
    ),
    Fault(
        "move: no room is ever made",
        TASKS,
        "await statements.RESPACE.fetch(connection, arguments)",
        "pass",
    ),
    Fault(
        "move: the turn is not checked",
        STATEMENTS,
        "TASK_LISTS.c.version == version)",
        "TASK_LISTS.c.version >= version)",
    ),
    Fault(
        "move: nobody waits for a turn",
        TASKS,
        "row = await self._run_locked(statement, user_id, **values)\n        return _task(row)",
        "return _task(row)",
    ),
    Fault(
        "delete: always done",
        TASKS,
        "        if row is None:\n            raise TaskNotFound\n\n    async def toggle",
        "\n    async def toggle",
    ),
    Fault(
        "toggle: sets only",
        STATEMENTS,
        "~TASKS.c.completed",
        "true()",
    ),
    Fault(
        "toggle: flips only",
        TASKS,
        "statements.COMPLETE if body else statements.TOGGLE",
        "statements.TOGGLE",
    ),
    Fault("reorder: any ids will do", TASKS, 'if not row or not row["is_current"]:', "if not row:"),
    Fault(
        "reorder: backwards",
        STATEMENTS,
        "new_order.c.number * _SORT_KEY_STEP",
        "new_order.c.number * -_SORT_KEY_STEP",
    ),
    Fault("position: counts from one", STATEMENTS, "- _ONE\n", "\n"),
    # Requests and responses.
    Fault("reading: bodies are lax", READING, "strict=True", "strict=False"),
    Fault("reading: any content type", READING, "elif not _is_json(content_type):", "elif False:"),
    Fault(
        "reading: one content type of two is enough",
        READING,
        'for value in content_type] == [b"application/json"]',
        'for value in content_type][:1] == [b"application/json"]',
    ),
    Fault("reading: duplicates of members", READING, "if len(members) < len(pairs):", "if False:"),
    Fault("reading: duplicates of parameters", READING, "if name in found:", "if False:"),
    Fault("schemas: duplicates are accepted", SCHEMAS, "if text in seen:", "if False:"),
    Fault("reading: odd integers", READING, 'r"0|-?[1-9][0-9]*"', 'r".*"'),
    Fault("reading: unknown parameters", READING, "elif name not in known:", "elif False:"),
    Fault(
        "reading: 1.0 is no integer",
        READING,
        "int(number) if number.is_integer() else number",
        "number",
    ),
    Fault(
        "reading: only the first mistake",
        LIMITS,
        "MAX_ERROR_DETAILS = 100",
        "MAX_ERROR_DETAILS = 1",
    ),
    Fault("route: large bodies", ROUTE, "if len(body) > limits.MAX_BODY:", "if False:"),
    Fault(
        "route: large announced bodies",
        LIMITS,
        "MAX_BODY = 256 * KIB",
        "MAX_BODY = 255 * KIB",
    ),
    Fault(
        "route: a large body is read first",
        ROUTE,
        "int(declared[0]) > limits.MAX_BODY",
        "False",
    ),
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
    Fault(
        "route: the body before the token",
        ROUTE,
        "        if not operation.public:\n",
        "        await _read_body(scope, receive)\n        if not operation.public:\n",
    ),
    Fault("route: no HEAD", ROUTE, 'if "GET" in self.endpoints:', "if False:"),
    Fault(
        "route: other methods fall through",
        ROUTE,
        "        self.methods = None\n",
        "        self.methods = set(self.endpoints)\n",
    ),
    Fault("route: Allow is not complete", ERRORS, "sorted(allowed)", "sorted(allowed)[:1]"),
    Fault("auth: a verified token never expires", AUTH, "time.time() <= self.expires_at and", ""),
    Fault(
        "answers: no WWW-Authenticate",
        ERRORS,
        'headers=[("WWW-Authenticate", "Bearer")]',
        "headers=[]",
    ),
    Fault(
        "answers: no Retry-After",
        ERRORS,
        'headers=[("Retry-After", str(retry_after))]',
        "headers=[]",
    ),
    Fault("answers: no nosniff", ENVELOPE, '(b"x-content-type-options", b"nosniff"), ', ""),
    Fault(
        "answers: may be cached",
        ENVELOPE,
        '(b"cache-control", b"no-store")',
        '(b"cache-control", b"public")',
    ),
    Fault("answers: any request id", ENVELOPE, "if _REQUEST_ID.fullmatch(text)", "if text"),
    Fault("answers: any origin", ENVELOPE, "if origin in self._origins:", "if origin:"),
    Fault(
        "answers: the reason of a failure",
        ENVELOPE,
        "errors.InternalError()",
        "errors.InternalError(str(scope))",
    ),
    Fault(
        "answers: encoded slashes split", ENVELOPE, 'replace("%2F", "%00")', 'replace("%2F", "/")'
    ),
    Fault("answers: only the frontend's vary", ENVELOPE, "if self._origins:", "if origin:"),
    Fault(
        "answers: a preflight for each request",
        ENVELOPE,
        '            (b"access-control-max-age", str(limits.PREFLIGHT_MAX_AGE).encode()),\n',
        "",
    ),
    Fault(
        "answers: who goes is a failure",
        ENVELOPE,
        "        except ClientDisconnect:\n            pass\n",
        "",
    ),
    Fault(
        "address: half a password is a host's",
        ADDRESS,
        'if "@" in parts.path + parts.query or parts.fragment:',
        "if parts.fragment:",
    ),
    Fault("log: the user's name", LOG, "user_id and _hashed(user_id)", "user_id"),
    Fault("log: uvicorn's line, too", LOG, "access.handlers, access.propagate = [], False", "pass"),
    Fault("log: without the request's id", LOG, 'f"{line}  [{request_id.get()}]"', "line"),
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
    Fault("settings: any OTLP address", SETTINGS, "values.keys() & _ENDPOINTS", "False"),
    Fault(
        "settings: a public key is a secret", VALIDATORS, 'jwk.construct(secret, "HS256")', "pass"
    ),
    Fault(
        "settings: a wrong secret is a missing one",
        VALIDATORS,
        'get("better_auth_secret", "invalid")',
        'get("better_auth_secret")',
    ),
    Fault(
        "settings: the path is part of the issuer",
        SETTINGS,
        "(url, validators.origin_of(url))",
        "(url,)",
    ),
    Fault("settings: near misses are silent", SETTINGS, "*warnings()]", "]"),
    Fault("settings: near misses are not logged", APP, "settings.warnings()", "()"),
    Fault("settings: what TLS needs is not checked", OUTBOUND, "is_encrypted and", "False and"),
    Fault("settings: any proxy will do", OUTBOUND, "not _is_http_proxy(_value(variable))", "False"),
    Fault("settings: this machine is behind the proxy", OUTBOUND, "_is_loopback(url.host) or", ""),
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
    Fault("settings: a slash too many", VALIDATORS, '.rstrip("/") or BASE_PATH', " or BASE_PATH"),
    Fault("answers: details are missing", ERRORS, '"details": self.details', '"details": None'),
    # Storage.
    Fault(
        "tables: a title is shorter",
        TABLES,
        'models.Title, "maxLength"))',
        'models.Title, "minLength"))',
    ),
    Fault(
        "tables: a description is needed",
        TABLES,
        'models.Description, "maxLength")))',
        'models.Description, "maxLength")), nullable=False)',
    ),
    Fault(
        "tables: a migration is forgotten",
        TABLES,
        "    sort_key: int",
        "    starred: bool = Field(sa_column=Column(Boolean))\n    sort_key: int",
    ),
    Fault(
        "times: shorter on a whole second",
        TIMES,
        "{microseconds:06d}Z",
        "{microseconds}Z",
    ),
    # Timeouts and limits of waiting.
    Fault(
        "database: what failed is used again",
        DATABASE,
        "await self._pool.discard(connection)",
        "self._pool.release(connection)",
    ),
    Fault(
        "database: a transaction is not finished",
        POOL,
        'await self._connection.execute("COMMIT")',
        "pass",
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
    Fault(
        "database: an outage is not remembered",
        RETRY,
        "return since is not None and",
        "return False and",
    ),
    Fault("pool: closed connections are used", POOL, "if not connection.is_closed():", "if True:"),
    Fault("pool: idle connections stay", POOL, "monotonic() - self._max_idle", "monotonic() - 60"),
    Fault(
        "pool: nothing is asked of a session",
        POOL,
        '["server_settings"] = SESSION',
        '["ssl"] = None',
    ),
    Fault("queue: one person takes all", QUEUE, "acquired == self._max_per_user", "False"),
    Fault("queue: as many wait as like to", QUEUE, "self._waiting >= self._max_waiting or ", ""),
    Fault(
        "queue: who waits is forgotten",
        QUEUE,
        "            self._admit(next_user)",
        "            break",
    ),
    Fault("queue: waiting takes long", QUEUE, "deadline.remaining(limits.ACQUIRE_TIMEOUT)", "4"),
    Fault(
        "queue: who sends more is served first",
        QUEUE,
        "self._waiters[user_id] = waiters",
        "self._waiters = {user_id: waiters, **self._waiters}",
    ),
    Fault(
        "deadline: each wait has its own", DEADLINE, "return min(timeout, ", "return max(timeout, "
    ),
    Fault(
        "move: no place before the first",
        STATEMENTS,
        "gap.c.low - _SORT_KEY_STEP",
        "gap.c.low + _SORT_KEY_STEP",
    ),
    Fault(
        "move: past the end is its own place",
        STATEMENTS,
        "func.least(POSITION, func.count())",
        "func.greatest(POSITION, func.count() * 0)",
    ),
    Fault(
        "envelope: the end of the service is a failure",
        ENVELOPE,
        "except asyncio.CancelledError:",
        "except NotImplementedError:",
    ),
    Fault(
        "database: the first try goes on",
        RETRY,
        "await connection.terminate(self._backend)",
        "pass",
    ),
    Fault("database: a pooler is no obstacle", DATABASE, " and self._pool.is_direct)", ")"),
    Fault(
        "pool: stale connections are met one by one",
        POOL,
        "self._close_idle(since=connection.acquired_at)",
        "self._close_idle(since=0)",
    ),
    Fault(
        "queue: one person fills the room",
        QUEUE,
        "self._max_waiting // limits.USER_SHARE",
        "self._max_waiting",
    ),
    Fault("queue: those who are gone are called", QUEUE, "if not waiter.done():", "if True:"),
)
