"""Faults in routes, request validation and responses."""

from tests.mutation.fault import Fault

ROUTING = "handlers/http/routing.py"
MIDDLEWARE = "handlers/http/middleware.py"
VALIDATION = "handlers/http/validation.py"
SCHEMAS = "handlers/http/schemas.py"
ERRORS = "handlers/errors.py"
DOCS = "handlers/http/docs.py"

FAULTS = (
    Fault("auth: the path's user is not compared", ROUTING, "!= user_id:", "== '':"),
    Fault("auth: no token is needed", ROUTING, "if not operation.public:", "if operation.public:"),
    Fault("route: large bodies", ROUTING, "if len(body) > limits.MAX_BODY:", "if False:"),
    Fault(
        "route: a large body is read first",
        ROUTING,
        "int(declared[0]) > limits.MAX_BODY",
        "False",
    ),
    Fault(
        "route: the body before the token",
        ROUTING,
        "        if not operation.public:\n",
        "        await _read_body(scope, receive)\n        if not operation.public:\n",
    ),
    Fault("route: no HEAD", ROUTING, 'if "GET" in self.endpoints:', "if False:"),
    Fault(
        "route: other methods fall through",
        ROUTING,
        "        self.methods = None\n",
        "        self.methods = set(self.endpoints)\n",
    ),
    Fault(
        "route: a body of the limit is too large",
        ROUTING,
        "if len(body) > limits.MAX_BODY:",
        "if len(body) >= limits.MAX_BODY:",
    ),
    Fault(
        "route: an announced body of the limit is too large",
        ROUTING,
        "int(declared[0]) > limits.MAX_BODY",
        "int(declared[0]) >= limits.MAX_BODY",
    ),
    Fault(
        "route: templated paths come first",
        ROUTING,
        "sorted({operation.path for operation in OPERATIONS})",
        "sorted({operation.path for operation in OPERATIONS}, reverse=True)",
    ),
    Fault(
        "route: no length of an answer",
        ROUTING,
        'headers += JSON, (b"content-length", b"%d" % len(content))',
        "headers += (JSON,)",
    ),
    Fault(
        "route: the user is not noted for the log",
        ROUTING,
        '        scope["user_id"] = user_id\n',
        "",
    ),
    Fault(
        "answer: one user may leave any number",
        ROUTING,
        "connection_limits.admit_response(scope",
        "str(scope",
    ),
    Fault("paths: invalid UTF-8 is left out", MIDDLEWARE, '"surrogateescape"', '"ignore"'),
    Fault("paths: invalid UTF-8 is replaced", MIDDLEWARE, '"surrogateescape"', '"replace"'),
    Fault(
        "paths: invalid UTF-8 is another encoding",
        MIDDLEWARE,
        'errors="surrogateescape"',
        'encoding="latin-1"',
    ),
    Fault("answers: no nosniff", MIDDLEWARE, '(b"x-content-type-options", b"nosniff"), ', ""),
    Fault(
        "answers: may be cached",
        MIDDLEWARE,
        '(b"cache-control", b"no-store")',
        '(b"cache-control", b"public")',
    ),
    Fault("answers: any request id", MIDDLEWARE, "if _REQUEST_ID.fullmatch(text)", "if text"),
    Fault("answers: any origin", MIDDLEWARE, "if origin in self._origins:", "if origin:"),
    Fault(
        "answers: the reason of a failure",
        MIDDLEWARE,
        "errors.InternalError()",
        "errors.InternalError(str(scope))",
    ),
    Fault(
        "answers: encoded slashes split", MIDDLEWARE, 'replace("%2F", "%00")', 'replace("%2F", "/")'
    ),
    Fault("answers: only the frontend's vary", MIDDLEWARE, "if self._origins:", "if origin:"),
    Fault(
        "answers: a preflight for each request",
        MIDDLEWARE,
        '            (b"access-control-max-age", str(limits.PREFLIGHT_MAX_AGE).encode()),\n',
        "",
    ),
    Fault(
        "answers: who goes is a failure",
        MIDDLEWARE,
        "        except ClientDisconnect:\n            pass\n",
        "",
    ),
    Fault(
        "envelope: the end of the service is a failure",
        MIDDLEWARE,
        "except asyncio.CancelledError:",
        "except NotImplementedError:",
    ),
    Fault(
        "answers: a browser cannot read Location",
        MIDDLEWARE,
        'b"Location, Retry-After',
        'b"Retry-After',
    ),
    Fault("answers: PATCH is not for browsers", MIDDLEWARE, "PUT, PATCH, DELETE", "PUT, DELETE"),
    Fault("answers: lower-case encoded slashes split", MIDDLEWARE, '.replace("%2f", "%00")', ""),
    Fault("reading: bodies are lax", VALIDATION, "strict=True", "strict=False"),
    Fault(
        "reading: any content type", VALIDATION, "elif not _is_json(content_type):", "elif False:"
    ),
    Fault(
        "reading: one content type of two is enough",
        VALIDATION,
        'for value in content_type] == [b"application/json"]',
        'for value in content_type][:1] == [b"application/json"]',
    ),
    Fault(
        "reading: duplicates of members", VALIDATION, "if len(members) < len(pairs):", "if False:"
    ),
    Fault("reading: duplicates of parameters", VALIDATION, "if name in texts:", "if False:"),
    Fault("reading: odd integers", VALIDATION, 'r"0|-?[1-9][0-9]*"', 'r".*"'),
    Fault(
        "reading: unknown parameters",
        VALIDATION,
        'elif f"query.{name}" not in self._schemas:',
        "elif False:",
    ),
    Fault(
        "reading: 1.0 is no integer",
        VALIDATION,
        "int(number) if number.is_integer() else number",
        "number",
    ),
    Fault("reading: the charset is part of the type", VALIDATION, 'value.split(b";")[0]', "value"),
    Fault(
        "reading: a type in capitals is another",
        VALIDATION,
        ".strip().lower() for value",
        ".strip() for value",
    ),
    Fault(
        "reading: an empty parameter is none",
        VALIDATION,
        "keep_blank_values=True",
        "keep_blank_values=False",
    ),
    Fault("reading: NaN is a number", VALIDATION, ", parse_constant=_reject_constant", ""),
    Fault(
        "reading: bodies that are no UTF-8 are failures",
        VALIDATION,
        "except UnicodeDecodeError:",
        "except AssertionError:",
    ),
    Fault(
        "reading: long numbers are failures",
        VALIDATION,
        "        except ValueError:\n",
        "        except AssertionError:\n",
    ),
    Fault(
        "reading: deep bodies are failures",
        VALIDATION,
        "except RecursionError:",
        "except AssertionError:",
    ),
    Fault(
        "reading: a body that is needed may be missing",
        VALIDATION,
        "if self._operation.body_required:",
        "if False:",
    ),
    Fault(
        "reading: long locations are sent whole", VALIDATION, "[: limits.MAX_ERROR_LOCATION]", ""
    ),
    Fault(
        "reading: a name without a character is a failure",
        VALIDATION,
        'location.encode(errors="backslashreplace").decode()',
        "location",
    ),
    Fault("reading: True is a boolean", VALIDATION, 'r"true|false"', 'r"true|false|True|False"'),
    Fault(
        "reading: pydantic's words for a blank text",
        VALIDATION,
        '    "string_pattern_mismatch": "This',
        '    "string_pattern": "This',
    ),
    Fault(
        "schemas: bodies are not validated",
        VALIDATION,
        '            self._check_schema("body", value)\n',
        "",
    ),
    Fault(
        "schemas: a lone surrogate is accepted",
        VALIDATION,
        " and _has_lone_surrogate(value)",
        " and False",
    ),
    Fault(
        "schemas: violations are reported twice",
        VALIDATION,
        "if not any(at == member or at.startswith",
        "if True or not any(at == member or at.startswith",
    ),
    Fault(
        "schemas: names of alternatives are in the location",
        VALIDATION,
        "        elif is_missing and number == len(location):",
        "        else:",
    ),
    Fault(
        "schemas: a missing member has the location of its object",
        VALIDATION,
        "elif is_missing and number == len(location):",
        "elif False:",
    ),
    Fault(
        "schemas: path values are not validated",
        VALIDATION,
        '        self._check_text(f"path.{name}", name, text)\n',
        "",
    ),
    Fault(
        "schemas: query values are not validated",
        VALIDATION,
        '                self._check_text(f"query.{name}", name, text)\n',
        "                pass\n",
    ),
    Fault(
        "reading: any text but true is false",
        VALIDATION,
        'r"true|false"',
        'r".*"',
    ),
    Fault("schemas: duplicates are accepted", SCHEMAS, "if text in seen:", "if False:"),
    Fault(
        "schemas: formats are ignored", SCHEMAS, "validate_formats=True", "validate_formats=False"
    ),
    Fault("schemas: messages repeat the value", SCHEMAS, 'mask="This"', "mask=None"),
    Fault("schemas: base64 is not validated", SCHEMAS, "formats=_FORMATS", "formats={}"),
    Fault("schemas: any character counts as base64", SCHEMAS, "validate=True", "validate=False"),
    Fault(
        "schemas: duplicates are reported at the array",
        SCHEMAS,
        "yield [*path, index]",
        "yield path",
    ),
    Fault("route: Allow is not complete", ERRORS, "sorted(allowed)", "sorted(allowed)[:1]"),
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
    Fault("answers: details are missing", ERRORS, '"details": self.details', '"details": None'),
    Fault(
        "docs: the page needs the internet",
        DOCS,
        '        swagger_js_url="/docs/swagger-ui-bundle.js",\n',
        "",
    ),
    Fault("docs: the contract has another type", DOCS, '"application/yaml"', '"text/plain"'),
    Fault(
        "docs: no icon",
        DOCS,
        '    "/docs/favicon.png": (ASSETS / "favicon.png", "image/png"),\n',
        "",
    ),
)
