"""A TypeScript client: types by openapi-typescript, and a client.ts for openapi-fetch."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.dev import node
from scripts.dev.environment import ROOT
from scripts.openapi import contract
from scripts.openapi.pointers import Node

# The generator and the settings are in the folder of the frontend.
FRONTEND = ROOT / "tests" / "frontend"
OPTIONS = (
    # A request may omit a member that has a default.
    "--default-non-nullable=false",
    # `Task` can be imported, beside `components["schemas"]["Task"]`.
    *("--root-types", "--root-types-no-schema-prefix"),
)
# The generator allows headers of any name and type; the contract declares every header.
OTHER_HEADERS = re.compile(r"^ +\[name: string\]: unknown;\n", re.MULTILINE)

CLIENT = """\
/** The client of the {title} {version}. Made by scripts/client from its contract; do not edit. */
import createClient, {{ type ClientOptions }} from "openapi-fetch";

import type {{ components, paths }} from "./schema.js";

export type * from "./schema.js";

/** The body of every error response, distinguished by `code`. */
export type ApiError = components["schemas"][
{names}
];

/** Create a client; `baseUrl` is the address of the service. */
export const connect = (options: ClientOptions) => createClient<paths>(options);
"""


def write(folder: Path, file: Path) -> None:
    """Write schema.ts and client.ts for the contract in a file. Raises ContractError."""
    document = contract.parse(file.read_text(), str(file))
    node.install(FRONTEND)
    files = {"schema.ts": _types(file), "client.ts": _client(document)}
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(content)


def _types(file: Path) -> str:
    with node.plain_path(file) as (folder, path):
        shutil.copy(FRONTEND / "redocly.yaml", folder)
        made = subprocess.run(
            [*node.program(FRONTEND, "openapi-typescript"), path, *OPTIONS],
            cwd=folder,
            env=node.environment(),
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
    if made.returncode:
        sys.exit(f"No client can be made from {file}: see the message above.")
    return OTHER_HEADERS.sub("", made.stdout)


def _client(document: Node) -> str:
    errors = document["components"]["responses"].values()
    schemas = (error["content"]["application/json"]["schema"]["$ref"] for error in errors)
    names = "\n".join(f'  | "{schema.rsplit("/", 1)[1]}"' for schema in schemas)
    return CLIENT.format(names=names, **document["info"])
