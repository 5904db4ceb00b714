"""Faults in the verification of tokens and in the key set."""

from tests.mutation.fault import Fault

BEARER = "handlers/auth/bearer.py"
KEY_SET = "handlers/auth/key_set.py"
KEY_SERVER = "handlers/auth/key_server.py"

FAULTS = (
    Fault("auth: BEARER is no scheme", BEARER, 'rb"bearer +', 'rb"(?-i:[Bb]earer|bEARER) +'),
    Fault(
        "auth: expired tokens are good", BEARER, '"leeway": limits.CLOCK_LEEWAY', '"leeway": 10**9'
    ),
    Fault("auth: exp is not needed", BEARER, '    "require_exp": True,\n', ""),
    Fault("auth: a critical extension is ignored", BEARER, 'or "crit" in header', ""),
    Fault("auth: the second claim wins", BEARER, "present[0]", "present[-1]"),
    Fault(
        "auth: an address is a user",
        BEARER,
        '("sub", "user_id", "id")',
        '("sub", "user_id", "id", "email")',
    ),
    Fault("auth: spare bits may differ", BEARER, "        _require_canonical(token)\n", ""),
    Fault(
        "auth: a key's tokens outlive it", BEARER, "and self.revision == self.source.revision", ""
    ),
    Fault(
        "auth: a key set's tokens may be for anybody",
        BEARER,
        "not in claims and not requires_audience",
        "not in claims",
    ),
    Fault(
        "auth: every token is remembered",
        BEARER,
        "del self._token_cache[next(iter(self._token_cache))]",
        "pass",
    ),
    Fault("auth: a verified token never expires", BEARER, "time.time() <= self.expires_at and", ""),
    Fault(
        "auth: a cached token outlives its leeway",
        BEARER,
        'int(claims["exp"]) + limits.CLOCK_LEEWAY,',
        'int(claims["exp"]) + 10 * limits.CLOCK_LEEWAY,',
    ),
    Fault("auth: a time may have any size", BEARER, "or not value < MAX_TIME", ""),
    Fault("auth: true is a time", BEARER, "isinstance(value, bool) or ", ""),
    Fault("auth: the issuer is not compared", BEARER, '("iss", "aud")', '("aud",)'),
    Fault("auth: the audience is not compared", BEARER, '("iss", "aud")', '("iss",)'),
    Fault(
        "auth: a list of issuers will do",
        BEARER,
        'isinstance(claim, list) and name == "aud"',
        "isinstance(claim, list)",
    ),
    Fault(
        "auth: an audience is one text",
        BEARER,
        'isinstance(claim, list) and name == "aud"',
        "False",
    ),
    Fault("auth: a slash makes another issuer", BEARER, 'str(value).rstrip("/")', "str(value)"),
    Fault("auth: two headers are one", BEARER, "len(authorization) > 1 or not match", "not match"),
    Fault("auth: a number is a user", BEARER, "present[0], strict=True", "str(present[0])"),
    Fault("auth: an odd claim is a failure", BEARER, "            TypeError,\n", ""),
    Fault("auth: deep nesting is a failure", BEARER, "            RecursionError,\n", ""),
    Fault("auth: a huge number is a failure", BEARER, "            ArithmeticError,\n", ""),
    Fault("keys: those for encryption sign", KEY_SET, 'or found.get("use", "sig") != "sig"', ""),
    Fault("keys: any curve will do", KEY_SET, 'found.get("crv") != CURVES[kind]', "False"),
    Fault(
        "keys: one for another algorithm will do",
        KEY_SET,
        'if found.get("alg", name) in names:',
        "if True:",
    ),
    Fault(
        "keys: an odd one spoils the set",
        KEY_SET,
        "except (JOSEError, LookupError, AttributeError,",
        "except (JOSEError,",
    ),
    Fault("keys: a failure's set is a set", KEY_SET, "response.raise_for_status()", "pass"),
    Fault(
        "keys: a failure discards them",
        KEY_SET,
        "            self._failed_at = time.monotonic()\n",
        "            self._failed_at, self._keys = time.monotonic(), {}\n",
    ),
    Fault(
        "keys: who fails is asked without a pause",
        KEY_SET,
        "self._may_retry() and self._spend",
        "self._spend",
    ),
    Fault("keys: a made-up one asks again", KEY_SET, "name in self._unknown or ", ""),
    Fault("keys: everybody fetches", KEY_SET, "fetches == self._fetches and ", ""),
    Fault("keys: a nameless one is fetched", KEY_SET, "not isinstance(name, str)", "False"),
    Fault(
        "keys: they never expire",
        KEY_SET,
        "self._fetched_at > limits.KEY_SET_MAX_AGE",
        "self._fetched_at < 0",
    ),
    Fault(
        "keys: who drips is waited for",
        KEY_SET,
        "timeout(limits.KEY_FETCH_TIMEOUT)",
        "timeout(None)",
    ),
    Fault(
        "keys: an answer of any size is read", KEY_SET, "len(content) > limits.MAX_KEY_SET", "False"
    ),
    Fault(
        "keys: a compressed answer is read",
        KEY_SET,
        'get("Content-Encoding", "identity")',
        'get("X")',
    ),
    Fault("keys: a set of any number is used", KEY_SET, "len(found) > limits.MAX_KEYS", "False"),
    Fault(
        "keys: a modulus of any size is used",
        KEY_SET,
        'len(found["n"]) > limits.MAX_RSA_MODULUS or',
        "",
    ),
    Fault(
        "keys: an exponent of any size is used",
        KEY_SET,
        'or len(found["e"]) > limits.MAX_RSA_EXPONENT',
        "",
    ),
    Fault(
        "keys: an outage is a line for each fetch",
        KEY_SET,
        "self._throttle.warning(log, type(error).__name__, message)",
        "log.warning(message)",
    ),
    Fault(
        "keys: the next outage is not logged", KEY_SET, "            self._throttle.reset()\n", ""
    ),
    Fault("settings: what TLS needs is not checked", KEY_SERVER, "is_encrypted and", "False and"),
    Fault(
        "settings: any proxy will do", KEY_SERVER, "not _is_http_proxy(_value(variable))", "False"
    ),
    Fault(
        "settings: this machine is behind the proxy", KEY_SERVER, "_is_loopback(url.host) or", ""
    ),
)
