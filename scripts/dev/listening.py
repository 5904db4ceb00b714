"""The sockets that scripts/serve listens on, bound before anything else is started."""

import errno
import socket
from typing import Any

BACKLOG = 2048
EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - not used, only recognised.
# What a name such as localhost may resolve to, on a machine that has no IPv6.
UNUSED = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


class ListenError(Exception):
    """HOST or PORT cannot be used; the message says why, and what to set."""


def listen(host: str, port: int) -> list[socket.socket]:
    """Listen on every address of this host. Raises ListenError."""
    listening: list[socket.socket] = []
    failures: list[OSError] = []
    for family, address in _resolve(host, port):
        try:
            listening.append(_listen(family, address))
        except OSError as error:
            failures.append(error)
    for failure in failures:
        if failure.errno not in UNUSED or not listening:
            for each in listening:
                each.close()
            raise ListenError(_advice(failure, host, port))
    return listening


def address(host: str, port: int) -> str:
    """Return the URL at which this machine reaches what listens there."""
    name = EVERY_ADDRESS.get(_plain(host), _plain(host))
    # The name of a network interface may follow a percent sign, which a URL encodes.
    return f"http://[{name.replace('%', '%25')}]:{port}" if ":" in name else f"http://{name}:{port}"


def _plain(host: str) -> str:
    return host.removeprefix("[").removesuffix("]")


def _resolve(host: str, port: int) -> list[tuple[int, Any]]:
    try:
        found = socket.getaddrinfo(_plain(host), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ListenError(
            f"HOST={host} cannot be resolved ({error}): set HOST to 127.0.0.1, for this machine "
            "alone, or to 0.0.0.0, for every network that it is in."
        ) from None
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


def _listen(family: int, address: Any) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(BACKLOG)
    except OSError:
        made.close()
        raise
    return made


def _advice(error: OSError, host: str, port: int) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"Port {port} is taken: set PORT to another, here or in .env."
        case errno.EACCES:
            return f"Port {port} is for root alone: set PORT to 1024 or above, here or in .env."
        case errno.EADDRNOTAVAIL:
            return (
                f"HOST={host} is not an address of this machine: set HOST to 127.0.0.1, for this "
                "machine alone, or to 0.0.0.0, for every network that it is in."
            )
    return f"HOST={host} with PORT={port} cannot be used: {error}"
