from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from quintet.errors import DeadlineException, UnavailableException
from tests.wire.servers import dripping, read_head, talking
from tests.wire.test_exchange import OK, ask
from tests.wire.test_interrupt import ended_by_another_thread


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that is its own authority, and its key, as one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = dt.datetime.now(dt.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return file


@pytest.fixture
def wrap(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return lambda sock: context.wrap_socket(sock, server_side=True)


@pytest.fixture
def trusted(certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))


def keep_answering(sock, gone):
    while read_head(sock):
        sock.sendall(OK + b"Content-Length: 2\r\n\r\nhi")


def test_an_encrypted_answer_of_a_trusted_peer_is_read(wrap, trusted):
    with talking(keep_answering, wrap=wrap) as url:
        secure = url.replace("http:", "https:")
        answers = [ask(secure, method="POST", body=b"x" * 100_000).body for _ in range(2)]

    assert answers == [b"hi", b"hi"]


def test_a_peer_without_a_trusted_certificate_is_not_talked_to(wrap):
    with talking(keep_answering, wrap=wrap) as url, pytest.raises(UnavailableException):
        ask(url.replace("http:", "https:"))


def test_a_certificate_of_another_name_is_not_trusted(wrap, trusted):
    with talking(keep_answering, wrap=wrap) as url, pytest.raises(UnavailableException):
        ask(url.replace("http://127.0.0.1", "https://localhost"))


def test_the_deadline_covers_a_dripping_encrypted_body(wrap, trusted):
    drip = dripping(OK + b"Content-Length: 100000\r\n\r\n", b"x")

    with talking(drip, wrap=wrap) as url, pytest.raises(DeadlineException):
        ask(url.replace("http:", "https:"), timeout_seconds=0.5)


def test_the_deadline_covers_a_handshake_that_never_ends():
    with talking(lambda sock, gone: gone.wait()) as url, pytest.raises(DeadlineException):
        ask(url.replace("http:", "https:"), timeout_seconds=0.3)


def test_whoever_waits_for_an_encrypted_answer_is_ended(wrap, trusted):
    has_asked = threading.Event()

    def silent(sock, gone):
        read_head(sock)
        has_asked.set()
        gone.wait()

    with talking(silent, wrap=wrap) as url:
        assert ended_by_another_thread(url.replace("http:", "https:"), when=has_asked)


def test_whoever_waits_for_a_handshake_is_ended():
    has_begun = threading.Event()

    def silent(sock, gone):
        sock.recv(1)
        has_begun.set()
        gone.wait()

    with talking(silent) as url:
        assert ended_by_another_thread(url.replace("http:", "https:"), when=has_begun)
