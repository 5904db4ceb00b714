"""TLS to the database: certificates are verified."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from scripts.dev import migration
from tests.support import postgres15, service
from tests.support.database import run

# For the service, only the loopback's usual names are this machine. This is the loopback, too.
HOST = "127.0.0.2"
PASSWORD = "p%40ss%2Fw%23rd%3F"  # noqa: S105 - it opens nothing.
SECRET = "p@ss/w#rd?"  # noqa: S105 - the same, as PostgreSQL knows it.


class Authority:
    """A private certificate authority."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.key, self.certificate = folder / f"{name}.key", folder / f"{name}.crt"
        self.openssl(
            *("req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-days", "2", "-subj", f"/CN={name}"),
            # Python 3.13 requires the extensions of RFC 5280.
            *("-addext", "keyUsage=critical,keyCertSign"),
            *("-keyout", str(self.key), "-out", str(self.certificate)),
        )

    def sign(self, host: str) -> tuple[Path, Path]:
        """Make a key and a certificate for a host."""
        key, certificate = self.folder / f"{host}.key", self.folder / f"{host}.crt"
        self.openssl(
            *("req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-days", "2", "-subj", "/CN=database", "-addext", f"subjectAltName=IP:{host}"),
            *("-addext", "basicConstraints=critical,CA:FALSE"),
            *("-addext", "authorityKeyIdentifier=keyid"),
            *("-CA", str(self.certificate), "-CAkey", str(self.key)),
            *("-keyout", str(key), "-out", str(certificate)),
        )
        return key, certificate

    def openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)  # noqa: S607


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "private")


@pytest.fixture(scope="module")
def postgres(authority: Authority) -> Iterator[postgres15.Server]:
    """A server that accepts only TLS with a password on its network address."""
    with postgres15.server() as server:
        migration.upgrade(server.url)
        run(server.url, f"CREATE ROLE tls SUPERUSER LOGIN PASSWORD '{SECRET}'")
        key, certificate = authority.sign(HOST)
        server.add("server.key", key)
        server.add("server.crt", certificate)
        (server.data / "pg_hba.conf").write_text("hostssl all all 127.0.0.0/8 scram-sha-256\n")
        server.set(ssl="on", listen_addresses="127.0.0.1, 127.0.0.2, 127.0.0.3")
        server.stop()
        server.start()
        yield server


def ready(url: str, **settings: str) -> tuple[int, str]:
    """Start the service with a connection string. Return the status of readiness and the log."""
    given = {"DATABASE_URL": url, "BETTER_AUTH_SECRET": service.SECRET} | settings
    with service.running(**given) as running:
        status = httpx.get(f"{running.address}/health/ready").status_code
        log = running.whole_log()
    assert PASSWORD not in log
    assert SECRET not in log
    assert "postgresql://" not in log
    return status, log


def url(postgres: postgres15.Server, parameters: str, host: str = HOST) -> str:
    return f"postgresql://tls:{PASSWORD}@{host}:{postgres.port}/postgres?{parameters}"


NEON = "sslmode=require&channel_binding=require&connect_timeout=15&options=-c%20work_mem%3D5MB"


class TestCertificates:
    @pytest.mark.parametrize("parameters", [NEON, "sslmode=verify-full", "sslmode=verify-ca"])
    def test_connection_string_of_neon_works_with_a_private_authority(
        self, postgres: postgres15.Server, authority: Authority, parameters: str
    ) -> None:
        named = f"{parameters}&sslrootcert={authority.certificate}"
        assert ready(url(postgres, named))[0] == 200

    @pytest.mark.parametrize("parameters", [NEON, f"{NEON}&sslrootcert=system"])
    def test_certificate_of_an_unknown_authority_is_rejected_with_sslmode_require(
        self, postgres: postgres15.Server, parameters: str
    ) -> None:
        status, log = ready(url(postgres, parameters))
        assert status == 503
        assert "CERTIFICATE_VERIFY_FAILED" in log

    def test_host_in_the_query_of_the_url_is_verified(self, postgres: postgres15.Server) -> None:
        address = url(postgres, f"{NEON}&host={HOST}&port={postgres.port}")
        status, log = ready(address.replace(f"@{HOST}:{postgres.port}", "@"))
        assert status == 503
        assert "CERTIFICATE_VERIFY_FAILED" in log

    def test_certificate_of_the_wrong_authority_is_rejected(
        self, postgres: postgres15.Server, tmp_path: Path
    ) -> None:
        wrong = Authority(tmp_path, "wrong")
        status, log = ready(url(postgres, f"{NEON}&sslrootcert={wrong.certificate}"))
        assert status == 503
        assert "CERTIFICATE_VERIFY_FAILED" in log

    def test_certificate_for_another_host_is_rejected(
        self, postgres: postgres15.Server, authority: Authority
    ) -> None:
        named = f"{NEON}&sslrootcert={authority.certificate}"
        status, log = ready(url(postgres, named, "127.0.0.3"))
        assert status == 503
        assert "127.0.0.3" in log

    def test_wrong_password_is_logged_without_the_password(
        self, postgres: postgres15.Server, authority: Authority
    ) -> None:
        named = url(postgres, f"{NEON}&sslrootcert={authority.certificate}")
        status, log = ready(named.replace(PASSWORD, "another"))
        assert status == 503
        assert "another" not in log
        assert "password authentication failed" in log
