"""Where scripts/serve listens, and the URL that it prints for it."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from scripts.dev import listening

EVERY = "0.0.0.0"  # noqa: S104 - for a moment.


@contextmanager
def listened(host: str, port: int) -> Iterator[list[socket.socket]]:
    made = listening.listen(host, port)
    yield made
    for each in made:
        each.close()


class TestListen:
    @pytest.mark.parametrize(
        ("host", "printed"),
        [
            ("127.0.0.1", "127.0.0.1"),
            ("localhost", "localhost"),
            # These are no addresses to connect to, on some systems.
            (EVERY, "127.0.0.1"),
            ("::", "[::1]"),
            ("::1", "[::1]"),
            ("[::1]", "[::1]"),
        ],
    )
    def test_printed_url_reaches_the_host(self, unused_port: int, host: str, printed: str) -> None:
        assert listening.address(host, unused_port) == f"http://{printed}:{unused_port}"
        with listened(host, unused_port):
            socket.create_connection((printed.strip("[]"), unused_port), timeout=5).close()

    def test_zone_of_an_ipv6_address_is_encoded(self) -> None:
        assert listening.address("fe80::1%eth0", 8000) == "http://[fe80::1%25eth0]:8000"

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", EVERY])
    def test_port_in_use_is_reported_and_no_socket_is_left_open(
        self, unused_port: int, host: str
    ) -> None:
        taken = pytest.raises(listening.ListenError, match=f"Port {unused_port} is taken")
        with listened("127.0.0.1", unused_port), taken:
            listening.listen(host, unused_port)
        with listened(host, unused_port):
            pass
