"""The command for production: python -m handlers.server, with the options of uvicorn.

The settings and the port are checked once, before a worker is started. It exits with 3 when the
service cannot start, also where uvicorn would start workers again and again, or exit with 0.
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
# The command line and the variables UVICORN_* override them.
DEFAULTS = {
    "http": "handlers.http.protocol:LimitedProtocol",
    "server_header": False,
    "timeout_graceful_shutdown": limits.GRACEFUL_SHUTDOWN_TIMEOUT,
}
ADVICE = {
    errno.EADDRINUSE: "is taken: choose another with --port or PORT",
    errno.EACCES: "needs privileges: choose one from 1024 on with --port or PORT",
}


class Supervisor(Multiprocess):
    """Exits as a worker that failed to start did; uvicorn's own exits with 0."""

    def run(self) -> None:
        super().run()
        if any(process.exitcode == STARTUP_FAILURE for process in self.processes):
            sys.exit(STARTUP_FAILURE)


def main() -> None:
    # uvicorn has no option for it, and `uvicorn.main` is the command, not the module.
    vars(importlib.import_module("uvicorn.main"))["Multiprocess"] = Supervisor
    command = copy.copy(uvicorn.main)
    command.callback = _start
    command.main([APP, *sys.argv[1:]], "python -m handlers.server", default_map=DEFAULTS)


def _start(**options: Any) -> None:
    """Do what uvicorn's command does with these options, once they and the settings are checked."""
    if options["env_file"]:
        load_dotenv(options["env_file"])
    try:
        given = settings.load()
    except settings.SettingsError as error:
        _refuse(str(error))
    context = click.get_current_context()
    for name in ("host", "port"):
        if context.get_parameter_source(name) is ParameterSource.DEFAULT:
            options[name] = getattr(given, name)
    if not options["uds"] and options["fd"] is None:
        _require_port(options["host"], options["port"])
    context.invoke(uvicorn.main, **options)


def _require_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        advice = ADVICE.get(error.errno or 0)
        if advice:
            _refuse(f"Port {port} of {host} {advice}.")
        _refuse(f"{host} is not an address of this machine: set --host or HOST. ({error})")


def _refuse(message: str) -> NoReturn:
    print(f"The service cannot start.\n{message}", file=sys.stderr)
    sys.exit(STARTUP_FAILURE)


def __getattr__(name: str) -> Any:
    """Import the application when a worker asks for it, and stop all workers if that fails."""
    if name != "app":
        raise AttributeError(name)
    try:
        return importlib.import_module("handlers.app").app
    except Exception:  # noqa: BLE001 - whatever it is, another worker would not get further.
        traceback.print_exc()
        sys.exit(STARTUP_FAILURE)


if __name__ == "__main__":
    main()
