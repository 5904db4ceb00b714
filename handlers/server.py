"""The command for production: python -m handlers.server, with the options of uvicorn.

The settings and the port are checked before the workers start. The exit status is 3 if the service
cannot start, even in cases where uvicorn alone would restart workers without end or exit with 0.
"""

import copy
import errno
import importlib
import socket
import sys
import traceback
from typing import Any, NoReturn

import click
import uvicorn
from click.core import ParameterSource
from dotenv import load_dotenv
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from handlers import limits, settings

APP = "handlers.server:app"
# Options of the command line and variables UVICORN_* take precedence.
DEFAULTS = {
    "http": "handlers.http.protocol:LimitedProtocol",
    "server_header": False,
    "timeout_graceful_shutdown": limits.GRACEFUL_SHUTDOWN_TIMEOUT,
}
PORT_ERRORS = {
    errno.EADDRINUSE: "is taken: choose another with --port or PORT",
    errno.EACCES: "needs privileges: choose one from 1024 on with --port or PORT",
}


class Supervisor(Multiprocess):
    """Exits with STARTUP_FAILURE after a worker did. uvicorn's own supervisor exits with 0."""

    def run(self) -> None:
        super().run()
        if any(process.exitcode == STARTUP_FAILURE for process in self.processes):
            sys.exit(STARTUP_FAILURE)


def main() -> None:
    # uvicorn has no option for the supervisor. The module must be imported by name, because
    # the attribute `uvicorn.main` is the command.
    vars(importlib.import_module("uvicorn.main"))["Multiprocess"] = Supervisor
    command = copy.copy(uvicorn.main)
    command.callback = _start
    command.main([APP, *sys.argv[1:]], "python -m handlers.server", default_map=DEFAULTS)


def _start(**options: Any) -> None:
    """Check the settings and the port, then run uvicorn's command with the same options."""
    if options["env_file"]:
        load_dotenv(options["env_file"])
    try:
        config = settings.load()
    except settings.SettingsError as error:
        _exit(str(error))
    context = click.get_current_context()
    for name in ("host", "port"):
        if context.get_parameter_source(name) is ParameterSource.DEFAULT:
            options[name] = getattr(config, name)
    if not options["uds"] and options["fd"] is None:
        _require_port(options["host"], options["port"])
    context.invoke(uvicorn.main, **options)


def _require_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        if reason := PORT_ERRORS.get(error.errno or 0):
            _exit(f"Port {port} of {host} {reason}.")
        _exit(f"{host} is not an address of this machine: set --host or HOST. ({error})")


def _exit(message: str) -> NoReturn:
    print(f"The service cannot start.\n{message}", file=sys.stderr)
    sys.exit(STARTUP_FAILURE)


def __getattr__(name: str) -> Any:
    """Import the application in a worker. If this fails, all workers stop."""
    if name != "app":
        raise AttributeError(name)
    try:
        return importlib.import_module("handlers.app").app
    except Exception:  # noqa: BLE001 - another worker would fail in the same way.
        traceback.print_exc()
        sys.exit(STARTUP_FAILURE)


if __name__ == "__main__":
    main()
