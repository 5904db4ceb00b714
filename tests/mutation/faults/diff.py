"""Faults in the comparison of contracts."""

from tests.mutation.fault import Fault

KEYWORDS = "scripts/openapi/diff/keywords.py"
FINDINGS = "scripts/openapi/diff/findings.py"
SCHEMAS = "scripts/openapi/diff/schemas.py"
PATHS = "scripts/openapi/diff/paths.py"
CROSS_CHECKS = "scripts/openapi/diff/cross_checks.py"
COMPARISON = "scripts/openapi/diff/comparison.py"
CANONICAL = "scripts/openapi/diff/canonical.py"
UNDETECTED = "scripts/openapi/diff/undetected.py"
CHANGES = "scripts/openapi/diff/changes.py"
USES = "scripts/openapi/diff/uses.py"
VERSION = "scripts/openapi/diff/version.py"
DIFF = "scripts/diff"
REPORT = "scripts/openapi/diff/report.py"

FAULTS = (
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
        'change.kind == "added" and change.new.get("required"):\n        yield breaking(change, f"{subject} now needs',
        'change.kind == "added" and change.new.get("requires"):\n        yield breaking(change, f"{subject} now needs',
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
        "diff: another path is nobody's",
        PATHS,
        'yield breaking(change, what, "use the old path',
        'yield compatible(change, what, "use the old path',
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
    Fault(
        "diff: breaking changes are not shown",
        REPORT,
        "if finding.verdict == verdict]",
        'if finding.verdict == verdict != "breaking"]',
    ),
)
