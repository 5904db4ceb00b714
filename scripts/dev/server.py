"""The server of scripts/serve, which prints how to call the service after the start."""

import os
import shlex
import socket

import uvicorn

from scripts.dev import migration, tokens

USER = "alice"


def run(sockets: list[socket.socket], address: str) -> None:
    config = uvicorn.Config(
        "handlers.app:app",
        http="handlers.http.protocol:LimitedProtocol",
        log_config=None,
        server_header=False,
    )
    _Server(config, address).run(sockets)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, address: str) -> None:
        super().__init__(config)
        self.address = address

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            await _print_instructions(self.address)


async def _print_instructions(address: str) -> None:
    curl = f"curl -H 'Authorization: Bearer {tokens.token(USER)}'"
    print(
        f"""
The service runs at  {address}
Its documentation    {address}/docs

{await _next_step()}

{curl} {shlex.quote(f"{address}/api/{USER}/tasks")}

Ctrl-C stops it.
""",
        flush=True,
    )


async def _next_step() -> str:
    """Return what to do next, which depends on the state of a database from DATABASE_URL."""
    match await migration.state(os.environ["DATABASE_URL"]):
        case migration.State.BEHIND:
            return f"The database is not migrated: run scripts/migrate. Then, as the user {USER}:"
        case migration.State.UNREACHABLE:
            return f"The database cannot be reached. As soon as it can, as the user {USER}:"
    return f"Try it, as the user {USER}:"
