"""A key server with any content, and keys to sign tokens with."""

import base64
import hashlib
import json
import math
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from jose import jwk

from tests.support.users import Json

Sign = Callable[[bytes], bytes]
# The prefix of a signed hash, from RFC 8017.
SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Signer:
    """A private key. `entry` is the entry of its public key in a key set."""

    def __init__(self, algorithm: str = "EdDSA", name: str | None = None) -> None:
        self.algorithm, self.name = algorithm, name or secrets.token_hex(4)
        self._signs, public = _edwards() if algorithm == "EdDSA" else _jose(algorithm)
        self.entry: Json = {"kid": self.name, "alg": algorithm, **public}

    def _sign(self, content: bytes) -> bytes:
        return self._signs(content)

    def token(self, address: str, header: Json | None = None, **changes: object) -> str:
        """Sign a token as the Better Auth server at an address. A claim of None is left out."""
        head = {"alg": self.algorithm, "kid": self.name, **(header or {})}
        claims = {"sub": "somebody", "iss": address, "aud": address, "exp": time.time() + 600}
        # All tokens are different, so that no test depends on the token cache.
        claims |= {"jti": secrets.token_hex(4), **changes}
        parts = [
            encoded(
                json.dumps({name: part[name] for name in part if part[name] is not None}).encode()
            )
            for part in (head, claims)
        ]
        return ".".join([*parts, encoded(self._sign(".".join(parts).encode()))])


class UnusualSigner(Signer):
    """An RSA key of this size and exponent, which no library would make."""

    def __init__(self, *, bits: int = 2048, exponent: int = 65537) -> None:
        # Products of several primes sign as well, and are quicker to find.
        numbers = [
            rsa.generate_private_key(65537, 2048).private_numbers() for _ in range(-(-bits // 2048))
        ]
        primes = [prime for each in numbers for prime in (each.p, each.q)]
        self._modulus = math.prod(primes)
        self._private = pow(exponent, -1, math.prod(prime - 1 for prime in primes))
        self.algorithm, self.name = "RS256", secrets.token_hex(4)
        self.entry = {"kid": self.name, "alg": "RS256", "kty": "RSA"}
        self.entry |= {"n": _number(self._modulus), "e": _number(exponent)}

    def _sign(self, content: bytes) -> bytes:
        size = len(_bytes(self._modulus))
        digest = SHA256_PREFIX + hashlib.sha256(content).digest()
        padded = b"\0\1" + b"\xff" * (size - len(digest) - 3) + b"\0" + digest
        return pow(int.from_bytes(padded), self._private, self._modulus).to_bytes(size)


def _bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8)


def _number(number: int) -> str:
    return encoded(_bytes(number))


def _edwards() -> tuple[Sign, Json]:
    key = Ed25519PrivateKey.generate()
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return key.sign, {"kty": "OKP", "crv": "Ed25519", "x": encoded(raw)}


def _jose(algorithm: str) -> tuple[Sign, Json]:
    made: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey = (
        ec.generate_private_key(ec.SECP256R1())
        if algorithm == "ES256"
        else rsa.generate_private_key(65537, 2048)
    )
    pem = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    key = jwk.construct(pem, algorithm)
    return key.sign, key.public_key().to_dict()


class KeySet:
    """The answer of a key server. `fetches` counts the requests."""

    address = ""
    path = "/api/auth/jwks"

    def __init__(self) -> None:
        self.status = 200
        self.content = b""
        # The repeated part of an endless answer, and the seconds between two parts.
        self.endless = b""
        self.pause = 0.0
        self.headers: dict[str, str] = {}
        # Sends headers that never end.
        self.has_endless_headers = False
        self.fetches = 0

    def set_entries(self, *entries: object) -> None:
        self.content = json.dumps({"keys": entries}).encode()

    def send_slowly(self) -> None:
        """Send the key set byte by byte without an end."""
        self.endless, self.pause = b" ", 0.1


@contextmanager
def serving(*signers: Signer) -> Iterator[KeySet]:
    """Serve a key set at the path of Better Auth."""
    keys = KeySet()
    keys.set_entries(*(signer.entry for signer in signers))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            # A proxy is asked for the whole address.
            assert urlsplit(self.path).path == keys.path
            keys.fetches += 1
            with suppress(ConnectionError):
                self._answer()

        def _answer(self) -> None:
            self.send_response(keys.status)
            self.send_header("Location", "/elsewhere")
            for name, value in keys.headers.items():
                self.send_header(name, value)
            self.flush_headers()
            while keys.has_endless_headers:
                self.wfile.write(b"X-More: more\r\n" * 100)
            self.end_headers()
            while keys.endless:
                self.wfile.write(keys.endless)
                time.sleep(keys.pause)
            self.wfile.write(keys.content)

        def log_message(self, *_: object) -> None:
            """Log no requests."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        keys.address = f"http://127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever).start()
        try:
            yield keys
        finally:
            keys.endless, keys.has_endless_headers = b"", False
            server.shutdown()
