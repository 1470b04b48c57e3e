"""Over TLS the certificate must be of the host in the address, and trusted."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.api.conftest import mp4
from tests.imports.server import Server, head
from tests.recordings.scenes import assert_nothing_but

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def make_certificate(tmp_path: Path) -> Callable[[str], Path]:
    """Write a key and a certificate that signs itself, for one name."""

    def make(name: str) -> Path:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        builder = x509.CertificateBuilder(subject, subject, key.public_key())
        certificate = (
            builder.serial_number(1)
            .not_valid_before(datetime.now(UTC) - timedelta(days=1))
            .not_valid_after(datetime.now(UTC) + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        pem = serialization.Encoding.PEM
        plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        path = tmp_path / f"{name}.pem"
        path.write_bytes(key.private_bytes(pem, *plain) + certificate.public_bytes(pem))
        return path

    return make


@contextmanager
def served(certificate: Path, settings: Any) -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = Server(tls=context)
    settings.IMPORT_ALLOWED_HOSTS = [*settings.IMPORT_ALLOWED_HOSTS, f"localhost:{server.port}"]
    yield server
    server.close()


@pytest.fixture
def trusted(make_certificate, settings, monkeypatch) -> Iterator[Server]:
    """A server whose certificate the machine trusts."""
    certificate = make_certificate("localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with served(certificate, settings) as server:
        yield server


def test_file_comes_over_tls(trusted, fetched):
    content = mp4(5_000_000)
    trusted.serves(content)

    job = fetched(trusted.url())

    assert job.state == "succeeded", job.error
    assert job.recording.files.get().stored.size == len(content)


def test_certificate_that_nobody_trusts_is_refused(make_certificate, settings, fetched):
    with served(make_certificate("localhost"), settings) as server:
        job = fetched(server.url())

    assert "no certificate that can be trusted" in job.error
    assert server.requests == []


def test_certificate_of_another_host_is_refused(make_certificate, settings, fetched, monkeypatch):
    certificate = make_certificate("other.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with served(certificate, settings) as server:
        job = fetched(server.url())

    assert "no certificate that can be trusted" in job.error
    assert server.requests == []


def test_server_without_tls_at_a_secure_address_is_refused(server, fetched):
    job = fetched(server.says(b"").replace("http:", "https:"))

    assert "No safe connection to the server" in job.error


def test_redirect_from_https_to_plain_http_is_not_followed(trusted, server, fetched):
    server.serves(mp4())
    trusted.sends_on(server.url())

    job = fetched(trusted.url())

    assert "from https to plain http" in job.error
    assert server.requests == []


def test_redirect_from_plain_http_to_https_is_followed(trusted, server, fetched):
    trusted.serves(mp4())

    assert fetched(server.sends_on(trusted.url())).state == "succeeded"


def test_end_that_the_server_did_not_say_is_no_end(trusted, fetched):
    trusted.says(head(), mp4())

    job = fetched(trusted.url())

    assert job.state == "failed"
    assert_nothing_but(set())
