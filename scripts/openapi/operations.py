"""Source of generated/operations.py, which datamodel-code-generator does not write."""

import keyword
import re
from collections.abc import Iterator
from urllib.parse import quote

from scripts.openapi import contract, pointers
from scripts.openapi.pointers import Node

METHODS = ("get", "put", "post", "delete", "patch")
PATH_MEMBERS = ("parameters", "summary", "description")
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
# The types that handlers/http/validation.py can parse from the text of a parameter.
PARAMETER_TYPES = ("string", "integer", "boolean")

PRELUDE = '''
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import quote

from pydantic import BaseModel, TypeAdapter

from generated import models, responses


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What the contract says of one operation, as far as a request can be judged by it."""

    tag: type[ABC]
    operation_id: str
    method: str
    path: str
    public: bool
    status: int
    # The success response's headers, in the order of the method's result.
    headers: tuple[str, ...] = ()
    # How the text of each path and query parameter is read: string, integer or boolean.
    types: Mapping[str, str] = field(default_factory=dict)
    path_parameters: Mapping[str, TypeAdapter[Any]] = field(default_factory=dict)
    query: type[BaseModel] | None = None
    body: TypeAdapter[Any] | None = None
    body_required: bool = False
    # Where the contract has the schema of the body and of each parameter, by error location.
    schemas: Mapping[str, str] = field(default_factory=dict)

    def url(self, **parameters: str | int) -> str:
        """Fill in the path, percent-encoded."""
        encoded = {name: quote(str(value), safe="") for name, value in parameters.items()}
        return self.path.format_map(encoded)
'''


class UnsupportedError(contract.ContractError):
    """Generation or the service does not support a part of a valid contract."""


def write(document: Node) -> Iterator[str]:
    """Yield the source of the operations module in pieces. Raises UnsupportedError."""
    require_supported(document)
    tags = {tag_class(tag): tag["description"] for tag in document["tags"]}
    operations = [Facts(document, found) for found in contract.operations(document)]
    yield PRELUDE
    for operation in operations:
        yield from operation.result_class()
    for name, description in tags.items():
        yield f"\n\nclass {name}(ABC):\n    {docstring(description)}\n"
        yield from (found.abstract_method() for found in operations if found.tag == name)
    for operation in operations:
        yield f"\n\n{operation.name.upper()} = {operation.literal()}"
    yield f"\n\nOPERATIONS = ({', '.join(operation.name.upper() for operation in operations)})\n"


def tag_class(tag: dict[str, str]) -> str:
    name = class_name(require_name(tag["name"], "A tag"))
    if re.search(rf"\b{name}\b", PRELUDE) or "description" not in tag:
        raise UnsupportedError(f"The tag {tag['name']} needs another name, or a description")
    return name


def require_supported(document: Node) -> None:
    for path, item in document["paths"].items():
        for name in item:
            if name not in (*METHODS, *PATH_MEMBERS):
                raise UnsupportedError(f"{path}: {name} is not supported; GET also answers HEAD")


class Facts:
    """An operation of the contract, and the source in Python."""

    def __init__(self, document: Node, found: contract.Operation) -> None:
        self.document, self.path, self.method = document, found.path, found.method
        self.operation = found.node
        self.name = require_name(self.operation.get("operationId"), f"{self.path}: operationId")
        if "summary" not in self.operation:
            raise UnsupportedError(f"{self.name}: give it a summary")
        if self.operation.get("security", []) != []:
            raise UnsupportedError(f"{self.name}: security can only be left out, or [] for public")
        tags = self.operation.get("tags", [])
        if len(tags) != 1:
            raise UnsupportedError(f"{self.name}: give it exactly one tag, its class")
        if tags[0] not in [tag["name"] for tag in document["tags"]]:
            raise UnsupportedError(f"{self.name}: there is no tag named {tags[0]}")
        self.tag = class_name(tags[0])
        item = f"#/paths/{pointers.child('', self.path)[1:]}"
        self.parameters = [
            list(pointers.follow(document, f"{holder}/parameters/{index}"))[-1]
            for holder, node in ((item, found.item), (f"{item}/{self.method}", self.operation))
            for index in range(len(node.get("parameters", [])))
        ]
        self.status, self.success = self.find_success()
        self.headers = [name for name, _ in self.success.get("headers", {}).items()]
        self.body, self.body_required = self.find_body()

    def resolve(self, node: Node) -> Node:
        return pointers.resolve(self.document, node)

    def find_success(self) -> tuple[int, Node]:
        found = [status for status in self.operation["responses"] if status.startswith("2")]
        if len(found) != 1 or not found[0].isdigit():
            raise UnsupportedError(f"{self.name}: declare exactly one success status, such as 200")
        return int(found[0]), self.resolve(self.operation["responses"][found[0]])

    def find_body(self) -> tuple[str | None, bool]:
        body = self.resolve(self.operation.get("requestBody", {}))
        if not body:
            return None, False
        return self.schema_name(body), body.get("required", False)

    def schema_name(self, holder: Node) -> str:
        """Return the name of the schema of a JSON body, which must be in components/schemas."""
        schema = holder["content"].get("application/json", {}).get("schema", {})
        return self.component(schema, "the body")

    def component(self, schema: Node, what: str) -> str:
        prefix = "#/components/schemas/"
        if not schema.get("$ref", "").startswith(prefix):
            raise UnsupportedError(f"{self.name}: {what} needs a $ref to {prefix}")
        return str(schema["$ref"]).removeprefix(prefix)

    def found_in(self, where: str) -> dict[str, Node]:
        return {found["name"]: found for _, found in self.parameters if found["in"] == where}

    @property
    def result(self) -> str:
        if self.headers:
            return f"{class_name(self.name)}Result"
        return self.content

    @property
    def content(self) -> str:
        return (
            f"responses.{self.schema_name(self.success)}" if "content" in self.success else "None"
        )

    @property
    def query(self) -> str | None:
        return f"models.{class_name(self.name)}ParametersQuery" if self.found_in("query") else None

    def result_class(self) -> Iterator[str]:
        """A named tuple makes a handler return every header of the success response."""
        if self.headers:
            yield f"\n\nclass {self.result}(NamedTuple):\n    body: {self.content}\n"
            yield from (f"    {name.lower().replace('-', '_')}: str\n" for name in self.headers)

    def abstract_method(self) -> str:
        arguments = [
            f"{name}: models.{self.component(found['schema'], name)}"
            for name, found in self.found_in("path").items()
        ]
        if self.query:
            arguments.append(f"query: {self.query}")
        if self.body:
            arguments.append(f"body: models.{self.body}{'' if self.body_required else ' | None'}")
        return (
            f"\n    @abstractmethod\n"
            f"    async def {self.name}({', '.join(['self', *arguments])}) -> {self.result}:\n"
            f"        {docstring(self.operation['summary'])}\n"
        )

    def literal(self) -> str:
        public = self.operation.get("security", self.document.get("security")) == []
        facts = [
            f"tag={self.tag}, operation_id={self.name!r}, method={self.method.upper()!r}",
            f"path={self.path!r}, public={public}, status={self.status}",
        ]
        if self.headers:
            facts.append(f"headers={tuple(self.headers)!r}")
        if self.parameters:
            facts.append(f"types={self.types()!r}")
        if path := self.found_in("path"):
            adapters = (
                f"{name!r}: TypeAdapter(models.{self.component(parameter['schema'], name)})"
                for name, parameter in path.items()
            )
            facts.append(f"path_parameters={{{', '.join(adapters)}}}")
        if self.query:
            facts.append(f"query={self.query}")
        if self.body:
            facts.append(f"body=TypeAdapter(models.{self.body})")
            facts.append(f"body_required={self.body_required}")
        if found := self.schemas():
            facts.append(f"schemas={found!r}")
        return f"Operation({', '.join(facts)})"

    def types(self) -> dict[str, str]:
        types = {
            found["name"]: str(self.resolve(found["schema"]).get("type"))
            for _, found in self.parameters
        }
        for _, found in self.parameters:
            require_name(found["name"], f"{self.name}: the parameter")
            if found["in"] not in ("path", "query"):
                raise UnsupportedError(f"{self.name}: {found['in']} parameters are not supported")
            if types[found["name"]] not in PARAMETER_TYPES:
                raise UnsupportedError(
                    f"{self.name}: {found['name']} must be one of {', '.join(PARAMETER_TYPES)}"
                )
        return types

    def schemas(self) -> dict[str, str]:
        """Return the pointer of each parameter's schema and of the body's, by error location."""
        found = {}
        if self.body:
            found["body"] = f"#/components/schemas/{self.body}"
        for pointer, parameter in self.parameters:
            found[f"{parameter['in']}.{parameter['name']}"] = f"{pointer}/schema"
        return {location: quote(pointer, safe="#/~") for location, pointer in found.items()}


def require_name(name: str | None, what: str) -> str:
    if not name or not NAME.fullmatch(name) or keyword.iskeyword(name):
        raise UnsupportedError(f"{what} must be a snake_case name, not {name}")
    return name


def class_name(name: str) -> str:
    return "".join(word.capitalize() for word in name.replace("-", "_").split("_"))


def docstring(text: str) -> str:
    line = text.strip().splitlines()[0]
    return '"""' + line.replace("\\", "\\\\").replace('"', '\\"') + '"""'
