"""Faults in what compares contracts and what generates code: scripts/diff, scripts/generate."""

from tests.mutation.faults import Fault

CHANGES = "scripts/openapi/diff/changes.py"
COMPARISON = "scripts/openapi/diff/comparison.py"
CONTRACT = "scripts/openapi/contract.py"
EXAMPLES = "scripts/openapi/header_examples.py"
FINDINGS = "scripts/openapi/diff/findings.py"
KEYWORDS = "scripts/openapi/diff/keywords.py"
LINES = "scripts/openapi/lines.py"
CANONICAL = "scripts/openapi/diff/canonical.py"
PATHS = "scripts/openapi/diff/paths.py"
REPORT = "scripts/openapi/diff/report.py"
SCHEMAS = "scripts/openapi/diff/schemas.py"
CROSS_CHECKS = "scripts/openapi/diff/cross_checks.py"
UNDETECTED = "scripts/openapi/diff/undetected.py"
USES = "scripts/openapi/diff/uses.py"
VERSION = "scripts/openapi/diff/version.py"
DIFF = "scripts/diff"
GENERATE = "scripts/generate"
GENERATION = "scripts/openapi/generation.py"
OPERATIONS = "scripts/openapi/operations.py"
POINTERS = "scripts/openapi/pointers.py"

FAULTS = (
    # Changes and the clients that they break.
    Fault(
        "diff: a smaller bound is wider",
        KEYWORDS,
        '== (larger == "wider")',
        '!= (larger == "wider")',
    ),
    Fault(
        "diff: a larger bound is narrower",
        KEYWORDS,
        '== (larger == "narrower")',
        '!= (larger == "narrower")',
    ),
    Fault("diff: a new bound is no bound", KEYWORDS, "narrower=before is None", "narrower=False"),
    Fault("diff: a bound that goes frees nobody", KEYWORDS, "wider=after is None", "wider=False"),
    Fault(
        "diff: another pattern allows more only",
        KEYWORDS,
        "Effect(narrower=True, wider=True)",
        "Effect(narrower=False, wider=True)",
    ),
    Fault(
        "diff: another pattern allows less only",
        KEYWORDS,
        "Effect(narrower=True, wider=True)",
        "Effect(narrower=True, wider=False)",
    ),
    Fault(
        "diff: minItems is a maximum",
        KEYWORDS,
        '"count on more items", "narrower"',
        '"count on more items", "wider"',
    ),
    Fault(
        "diff: exclusiveMinimum is a maximum",
        KEYWORDS,
        '"exclusiveMinimum": Keyword(\n        "more than {}", "send a smaller number", "do not expect a smaller number", "narrower"',
        '"exclusiveMinimum": Keyword(\n        "more than {}", "send a smaller number", "do not expect a smaller number", "wider"',
    ),
    Fault(
        "diff: int32 is a hint",
        KEYWORDS,
        'HINTS = {None, "int64"',
        'HINTS = {None, "int32", "int64"',
    ),
    Fault(
        "diff: an integer is not a number",
        KEYWORDS,
        'not (name == "integer" and "number" in new)',
        "True",
    ),
    Fault(
        "diff: uniqueItems: false is a bound",
        KEYWORDS,
        "before, after = before or None, after or None",
        "pass",
    ),
    Fault(
        "diff: a summary is no annotation",
        KEYWORDS,
        '"title", "description", "summary",',
        '"title", "description",',
    ),
    Fault(
        "diff: requests are answers",
        FINDINGS,
        'if use.direction == "request"',
        'if use.direction == "response"',
    ),
    Fault(
        "diff: answers are requests",
        FINDINGS,
        'if use.direction == "response"',
        'if use.direction == "request"',
    ),
    Fault(
        "diff: a narrower request breaks nobody",
        SCHEMAS,
        "if asks and effect.narrower:",
        "if asks and effect.wider:",
    ),
    Fault(
        "diff: a wider answer breaks nobody",
        SCHEMAS,
        "if answers and effect.wider:",
        "if answers and effect.narrower:",
    ),
    Fault(
        "diff: what breaks is compatible",
        SCHEMAS,
        "Verdict.BREAKING if broken else",
        "Verdict.COMPATIBLE if broken else",
    ),
    Fault(
        "diff: an unknown keyword is compatible",
        SCHEMAS,
        "yield Finding(Verdict.BREAKING, what, impact, change.pointer)\n\n\ndef value_type",
        "yield Finding(Verdict.COMPATIBLE, what, impact, change.pointer)\n\n\ndef value_type",
    ),
    Fault("diff: a lost value is not told", SCHEMAS, '((gone, "lost", NARROWER), ', "("),
    Fault("diff: a gained value is not told", SCHEMAS, ', (came, "gained", WIDER))', ",)"),
    Fault(
        "diff: a needed member is not needed",
        SCHEMAS,
        'yield weigh(there, what, NARROWER, "leave it out", "")',
        'yield weigh(there, what, WIDER, "leave it out", "")',
    ),
    Fault(
        "diff: a member that may be missing breaks nobody",
        SCHEMAS,
        'yield weigh(there, what, WIDER, "", "count',
        'yield weigh(there, what, NARROWER, "", "count',
    ),
    Fault(
        "diff: a new member is optional",
        SCHEMAS,
        "must = [use for use in asks if not use.optional]",
        "must = []",
    ),
    Fault(
        "diff: a new member is needed",
        SCHEMAS,
        "must = [use for use in asks if not use.optional]",
        "must = list(asks)",
    ),
    Fault(
        "diff: a default matters to those who always send",
        SCHEMAS,
        "asks = [use for use in in_requests(change.uses) if use.optional]",
        "asks = in_requests(change.uses)",
    ),
    Fault("diff: allOf is anyOf", SCHEMAS, '(whole or change.holder == "allOf")', "(whole)"),
    Fault(
        "diff: openness is turned around",
        SCHEMAS,
        "effect = WIDER if change.old is False",
        "effect = NARROWER if change.old is False",
    ),
    Fault(
        "diff: readOnly is for readers",
        SCHEMAS,
        'if change.name == "readOnly" else in_responses',
        'if change.name == "writeOnly" else in_responses',
    ),
    Fault(
        "diff: a member that leaves answers breaks nobody",
        SCHEMAS,
        '[findings.readers(answers, "use it")] if answers',
        "[] if answers",
    ),
    Fault(
        "diff: a renamed member is compatible",
        SCHEMAS,
        'yield Finding(Verdict.BREAKING, what, " ".join(sentences), change.pointer)',
        'yield Finding(Verdict.COMPATIBLE, what, " ".join(sentences), change.pointer)',
    ),
    Fault(
        "diff: an operation that goes is compatible",
        PATHS,
        'return Finding(Verdict.BREAKING, f"{called} {route} is gone"',
        'return Finding(Verdict.COMPATIBLE, f"{called} {route} is gone"',
    ),
    Fault(
        "diff: only the first method of a path counts",
        PATHS,
        "yield operation_itself(change, name, method, change.last)",
        "yield operation_itself(change, name, method, change.last)\n            return",
    ),
    Fault(
        "diff: a needed parameter is optional",
        PATHS,
        'change.kind == "added" and node.get("required"):',
        'change.kind == "added" and node.get("requires"):',
    ),
    Fault(
        "diff: a parameter that becomes needed is compatible",
        PATHS,
        'if change.name == "required" and change.new:',
        'if change.name == "required" and not change.new:',
    ),
    Fault("diff: a parameter's style is none", PATHS, "old[name] == new[name]}", "True}"),
    Fault("diff: a query is written simply", PATHS, '("query", "cookie")', '("cookie",)'),
    Fault(
        "diff: a needed body is optional",
        PATHS,
        'change.kind == "added" and change.new.get("required"):\n        yield breaking(change, f"{who} now needs',
        'change.kind == "added" and change.new.get("requires"):\n        yield breaking(change, f"{who} now needs',
    ),
    Fault(
        "diff: a body may not be left out",
        PATHS,
        "    elif change.new:\n        yield breaking",
        "    elif not change.new:\n        yield breaking",
    ),
    Fault(
        "diff: a new success is compatible",
        PATHS,
        'change.last.startswith("2")',
        'change.last.startswith("9")',
    ),
    Fault(
        "diff: a header that goes is compatible",
        PATHS,
        'Verdict.BREAKING, f"{what} is gone", reading',
        'Verdict.COMPATIBLE, f"{what} is gone", reading',
    ),
    Fault(
        "diff: a header may be missing",
        PATHS,
        "    elif not change.new:\n        impact = reading",
        "    elif change.new:\n        impact = reading",
    ),
    Fault("diff: redocly's verdict is dropped", PATHS, "if not change.major:", "if True:"),
    Fault(
        "diff: a server that goes is new",
        PATHS,
        'yield Finding(Verdict.BREAKING, f"The server',
        'yield Finding(Verdict.COMPATIBLE, f"The server',
    ),
    Fault(
        "diff: one of several requirements is enough",
        CROSS_CHECKS,
        "breaks = any(not any(",
        "breaks = all(not any(",
    ),
    Fault(
        "diff: what is asked for is turned around",
        CROSS_CHECKS,
        "required <= brought",
        "required >= brought",
    ),
    Fault(
        "diff: an operation's own security is ignored",
        CROSS_CHECKS,
        'operation.get("security", contract.get("security"))',
        'contract.get("security")',
    ),
    Fault(
        "diff: scopes are ignored",
        CROSS_CHECKS,
        '**({"scopes": sorted(scopes)} if scopes else {})',
        "**{}",
    ),
    Fault(
        "diff: nobody is told that all may call",
        CROSS_CHECKS,
        'if after_said.startswith("nothing"):',
        "if False:",
    ),
    Fault(
        "diff: what is answered need not be taken back",
        CROSS_CHECKS,
        "answered_now.keys() - answered.keys()",
        "answered.keys() - answered_now.keys()",
    ),
    Fault(
        "diff: open bodies refuse members",
        CROSS_CHECKS,
        'closed = sent.get("additionalProperties") is False',
        "closed = True",
    ),
    Fault(
        "diff: a list's shape may change",
        COMPARISON,
        "not lists or finding.verdict",
        "True or finding.verdict",
    ),
    Fault(
        "diff: the tasks of a list are its shape", COMPARISON, '!= ("data", "[]")', '!= ("data",)'
    ),
    Fault(
        "diff: a shared name is nobody's",
        COMPARISON,
        "verdict, impact = Verdict.BREAKING, NAMES_TYPE",
        "verdict, impact = Verdict.WORDING, NAMES_TYPE",
    ),
    Fault(
        "diff: wording comes first",
        COMPARISON,
        "list(Verdict).index(finding.verdict)",
        "-list(Verdict).index(finding.verdict)",
    ),
    Fault(
        "diff: parts of a rewritten schema are told",
        COMPARISON,
        "paths_done = [path for path, _ in whole]",
        "paths_done = list[str]()",
    ),
    Fault(
        "diff: one more condition allows more", COMPARISON, 'more == (keyword != "allOf")', "more"
    ),
    Fault(
        "diff: deprecation is wording",
        COMPARISON,
        "return Finding(Verdict.COMPATIBLE, what, impact, change.pointer)",
        "return Finding(Verdict.WORDING, what, impact, change.pointer)",
    ),
    Fault("diff: members that come are told twice", COMPARISON, "if name in old],", "],"),
    Fault(
        "diff: another path is nobody's",
        PATHS,
        'yield breaking(change, what, "use the old path',
        'yield compatible(change, what, "use the old path',
    ),
    Fault(
        "diff: the order of values matters",
        CANONICAL,
        'UNORDERED = ("type", "enum", "required")',
        'UNORDERED = ("type", "required")',
    ),
    Fault(
        "diff: what stands beside a reference is ignored",
        CANONICAL,
        '[*found.get("allOf", []), lookup(contract, target)]',
        "[lookup(contract, target)]",
    ),
    Fault(
        "diff: an exclusive bound is an inclusive one",
        CANONICAL,
        "schema.pop(exclusive) + step",
        "schema.pop(exclusive)",
    ),
    Fault("diff: an idle keyword counts", CANONICAL, '    "minLength": [0],\n', ""),
    Fault(
        "diff: a recursive schema has no end",
        CANONICAL,
        '    if target in inside:\n        return {"$ref": target}\n',
        "",
    ),
    Fault(
        "diff: what is not understood is nothing",
        UNDETECTED,
        "if essence(old, found) != after.get(found.name):",
        "if False:",
    ),
    Fault(
        "diff: the style of a parameter is unseen",
        UNDETECTED,
        "{**found, **paths.serialization(found)}",
        "found",
    ),
    Fault("diff: a whole map that goes is one part", CHANGES, '"ParameterList": "Parameter",', ""),
    Fault("diff: a header map that goes is one part", CHANGES, '"HeadersMap": "Header",', ""),
    Fault(
        "diff: places are the old contract's",
        CHANGES,
        "holder = self.revision if self.new is not None else self.base",
        "holder = self.base",
    ),
    Fault(
        "diff: a failure of redocly is no change",
        CHANGES,
        "    if run.returncode:",
        "    if run.returncode < 0:",
    ),
    Fault(
        "diff: operations with DELETE are not seen",
        CONTRACT,
        '"post", "delete", "patch", "head"',
        '"post", "patch", "head"',
    ),
    Fault(
        "diff: a broken contract is compared",
        CONTRACT,
        "for error in OpenAPIV31SpecValidator(contract).iter_errors():",
        "for found in []:",
    ),
    Fault(
        "diff: a slash in a name is two names", POINTERS, "replace('/', '~1')", "replace('/', '/')"
    ),
    Fault(
        "diff: an operation's parameter is met twice",
        USES,
        "if node is found.node or self.parameter_key(parameter) not in own:",
        "if True:",
    ),
    Fault(
        "diff: members are optional",
        USES,
        'optional = name not in node.get("required", [])',
        "optional = True",
    ),
    Fault(
        "diff: a parameter is never optional",
        USES,
        'optional = not node.get("required", False)',
        "optional = False",
    ),
    Fault(
        "diff: answers are in requests",
        USES,
        'use = replace(use, direction="response")',
        'use = replace(use, direction="request")',
    ),
    Fault(
        "diff: additional members are not looked into",
        USES,
        '("items", "additionalProperties", "not"',
        '("items", "not"',
    ),
    Fault(
        "diff: alternatives are not looked into",
        USES,
        'for keyword in ("allOf", "oneOf", "anyOf"):',
        'for keyword in ("oneOf", "anyOf"):',
    ),
    # The version and the report.
    Fault(
        "diff: a breaking change is a minor one",
        VERSION,
        "Verdict.BREAKING: Step.MAJOR",
        "Verdict.BREAKING: Step.MINOR",
    ),
    Fault(
        "diff: a minor version keeps its patches",
        VERSION,
        'f"{major}.{minor + 1}.0"',
        'f"{major}.{minor + 1}.{patch}"',
    ),
    Fault(
        "diff: the same major is enough",
        VERSION,
        "numbers(revision)[0] <= numbers(base)[0]",
        "numbers(revision)[0] < numbers(base)[0]",
    ),
    Fault(
        "diff: the same version is enough",
        VERSION,
        "if numbers(revision) <= numbers(base):",
        "if numbers(revision) < numbers(base):",
    ),
    Fault(
        "diff: versions are text", VERSION, "[int(number) for number in", "[number for number in"
    ),
    Fault("diff: a mistake is no failure", DIFF, "    if report.error:", "    if False:"),
    Fault("diff: a broken contract is a success", DIFF, "sys.exit(2)", "sys.exit(0)"),
    Fault(
        "diff: compares the other way round",
        DIFF,
        "Report(source(given.base), Source(CONTRACT, Path(CONTRACT).read_text()))",
        "Report(Source(CONTRACT, Path(CONTRACT).read_text()), source(given.base))",
    ),
    Fault("diff: JSON is always right", REPORT, '"ok": not self.error', '"ok": True'),
    Fault("diff: lines count from zero", LINES, "key.start_mark.line + 1", "key.start_mark.line"),
    Fault(
        "diff: breaking changes are not shown",
        REPORT,
        "if finding.verdict == verdict]",
        'if finding.verdict == verdict != "breaking"]',
    ),
    Fault(
        "lint: examples of headers are not looked at",
        EXAMPLES,
        'if "example" in found and id(found) not in seen:',
        "if False:",
    ),
    # What is generated.
    Fault(
        "generate: public is private",
        OPERATIONS,
        'self.document.get("security")) == []',
        'self.document.get("security")) != []',
    ),
    Fault("generate: everything is private", OPERATIONS, "public={public}", "public=False"),
    Fault(
        "generate: an operation is left out",
        OPERATIONS,
        "operations = [Facts(document, found) for found in contract.operations(document)]",
        "operations = [Facts(document, found) for found in contract.operations(document)][:-1]",
    ),
    Fault(
        "generate: DELETE is no method",
        OPERATIONS,
        '"post", "delete", "patch")',
        '"post", "patch")',
    ),
    Fault(
        "generate: headers are left out",
        OPERATIONS,
        "if self.headers:\n            facts.append",
        "if not self.headers:\n            facts.append",
    ),
    Fault(
        "generate: a path's parameters are left out",
        OPERATIONS,
        "((item, found.item), (",
        "((",
    ),
    Fault(
        "generate: an operation's parameters are left out",
        OPERATIONS,
        ', (f"{item}/{self.method}", self.operation))',
        ",)",
    ),
    Fault("generate: a body is always needed", OPERATIONS, 'body.get("required", False)', "True"),
    Fault("generate: a body is never needed", OPERATIONS, 'body.get("required", False)', "False"),
    Fault(
        "generate: the schema of the body is that of an error",
        OPERATIONS,
        'f"#/components/schemas/{self.body}"',
        '"#/components/schemas/ErrorDetail"',
    ),
    Fault("generate: two successes are one", OPERATIONS, "len(found) != 1 or not", "not"),
    Fault("generate: a range is a status", OPERATIONS, " or not found[0].isdigit()", ""),
    Fault("generate: two tags are one", OPERATIONS, "if len(tags) != 1:", "if not tags:"),
    Fault(
        "generate: any security will do",
        OPERATIONS,
        'if self.operation.get("security", []) != []:',
        "if False:",
    ),
    Fault(
        "generate: any name will do",
        OPERATIONS,
        "if not name or not NAME.fullmatch(name) or keyword.iskeyword(name):",
        "if not name:",
    ),
    Fault("generate: a keyword is a name", OPERATIONS, " or keyword.iskeyword(name)", ""),
    Fault(
        "generate: a parameter in a header is a query's",
        OPERATIONS,
        'if found["in"] not in ("path", "query"):',
        "if False:",
    ),
    Fault(
        "generate: any type of parameter",
        OPERATIONS,
        'if types[found["name"]] not in PARAMETER_TYPES:',
        "if False:",
    ),
    Fault(
        "generate: a path's slashes are not encoded",
        OPERATIONS,
        'quote(str(value), safe="")',
        "quote(str(value))",
    ),
    Fault(
        "generate: a broken contract is generated from",
        GENERATE,
        "        except contract.ContractError as error:\n            sys.exit(str(error))",
        "        except contract.ContractError:\n            sys.exit(0)",
    ),
    Fault(
        "generate: what is stale is current",
        GENERATE,
        "        if not difference:",
        "        if not difference or check:",
    ),
    Fault(
        "generate: a file too many is current",
        GENERATION,
        "for folder in (GENERATED, fresh)",
        "for folder in (fresh,)",
    ),
    Fault(
        "generate: a missing file is current",
        GENERATION,
        "for folder in (GENERATED, fresh)",
        "for folder in (GENERATED,)",
    ),
    Fault(
        "generate: a stale file stays",
        GENERATE,
        "            shutil.copytree(fresh, generation.GENERATED)\n",
        "            generation.GENERATED.mkdir()\n",
    ),
)
