"""Faults in reading a contract and generating code from it."""

from tests.mutation.fault import Fault

CONTRACT = "scripts/openapi/contract.py"
POINTERS = "scripts/openapi/pointers.py"
LINES = "scripts/openapi/lines.py"
HEADER_EXAMPLES = "scripts/openapi/header_examples.py"
OPERATIONS = "scripts/openapi/operations.py"
GENERATE = "scripts/generate"
GENERATION = "scripts/openapi/generation.py"

FAULTS = (
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
    Fault("diff: lines count from zero", LINES, "key.start_mark.line + 1", "key.start_mark.line"),
    Fault(
        "lint: examples of headers are not looked at",
        HEADER_EXAMPLES,
        'if "example" in found and id(found) not in seen:',
        "if False:",
    ),
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
        "generate: a stale file stays",
        GENERATE,
        "            shutil.copytree(fresh, generation.GENERATED)\n",
        "            generation.GENERATED.mkdir()\n",
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
)
