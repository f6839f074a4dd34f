import contextlib
import hashlib
import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from dormouse.errors import HomeError
from dormouse.proxy.certificates import Certificates, NamedSSLObject, prepare_certificates

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SUFFIX = "dormouse.localhost"


def prepare(folder: Path, *, suffix: str = SUFFIX, now: datetime = NOW) -> Certificates:
    return prepare_certificates(folder, suffix, now=now)


def read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_keys_are_private_and_certificates_public(tmp_path: Path) -> None:
    prepare(tmp_path / "tls")

    assert {path.name: mode(path) for path in (tmp_path / "tls").iterdir()} == {
        "ca.pem": 0o644,
        "ca.key": 0o600,
        "server.pem": 0o644,
        "server.key": 0o600,
    }


def test_the_certificate_is_for_every_way_to_connect(tmp_path: Path) -> None:
    certificates = prepare_certificates(
        tmp_path, SUFFIX, now=NOW, addresses=["10.0.0.7", "box.lan", "0.0.0.0", "::1"]
    )

    names = read(certificates.server_path).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [f"*.{SUFFIX}", SUFFIX, "localhost", "box.lan"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1", "10.0.0.7"]


def test_the_authority_may_sign_and_the_server_may_not(tmp_path: Path) -> None:
    certificates = prepare(tmp_path)

    ca, server = read(certificates.ca_path), read(certificates.server_path)
    assert ca.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert ca.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    assert not server.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    server.verify_directly_issued_by(ca)


def test_the_hash_is_of_the_certificate_and_its_signature_uses_the_same(tmp_path: Path) -> None:
    certificates = prepare(tmp_path)

    server = read(certificates.server_path)
    assert certificates.hash == hashlib.sha256(server.public_bytes(Encoding.DER)).digest()
    assert server.signature_hash_algorithm is not None
    assert server.signature_hash_algorithm.name == "sha256"


def test_a_second_start_changes_nothing(tmp_path: Path) -> None:
    first = prepare(tmp_path)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}

    second = prepare(tmp_path, now=NOW + timedelta(days=300))

    assert second == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == written


@pytest.mark.parametrize(
    ("suffix", "now"),
    [("other.localhost", NOW), (SUFFIX, NOW + timedelta(days=700)), (SUFFIX, NOW - timedelta(days=9))],
)
def test_another_suffix_or_age_makes_a_new_certificate_under_the_same_authority(
    tmp_path: Path, suffix: str, now: datetime
) -> None:
    first = prepare(tmp_path)
    ca = first.ca_path.read_bytes()

    second = prepare(tmp_path, suffix=suffix, now=now)

    assert second.hash != first.hash
    assert second.secret == first.secret
    assert second.ca_path.read_bytes() == ca
    read(second.server_path).verify_directly_issued_by(read(second.ca_path))


def test_an_old_authority_is_replaced_before_it_is_of_no_use(tmp_path: Path) -> None:
    first = prepare(tmp_path)
    ca = first.ca_path.read_bytes()

    second = prepare(tmp_path, now=NOW + timedelta(days=3000))

    assert second.ca_path.read_bytes() != ca
    read(second.server_path).verify_directly_issued_by(read(second.ca_path))


@pytest.mark.parametrize("name", ["server.key", "server.pem"])
def test_a_pair_that_does_not_fit_is_mended(tmp_path: Path, name: str) -> None:
    """What a crash between two renames leaves."""
    prepare(tmp_path / "a")
    prepare(tmp_path / "b")
    (tmp_path / "a" / name).write_bytes((tmp_path / "b" / name).read_bytes())

    mended = prepare(tmp_path / "a")

    read(mended.server_path).verify_directly_issued_by(read(mended.ca_path))
    mended.server_context()  # loads the pair


@pytest.mark.parametrize(
    "content", [b"", b"no pem", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
@pytest.mark.parametrize("name", ["ca.pem", "ca.key", "server.pem", "server.key"])
def test_a_broken_file_is_mended(tmp_path: Path, name: str, content: bytes) -> None:
    prepare(tmp_path)
    (tmp_path / name).write_bytes(content)

    mended = prepare(tmp_path)

    mended.server_context()
    read(mended.server_path).verify_directly_issued_by(read(mended.ca_path))


def shake_hands(certificates: Certificates, name: str) -> NamedSSLObject:
    """The server's side of a handshake with a client that verifies as strictly as it can."""
    context = ssl.create_default_context(cafile=str(certificates.ca_path))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(to_client, to_server, server_hostname=name)
    server = certificates.server_context().wrap_bio(to_server, to_client, server_side=True)
    for _ in range(3):
        for side in (client, server):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
    assert client.version() == "TLSv1.3"
    assert isinstance(server, NamedSSLObject)
    return server


@pytest.mark.parametrize("name", [f"ep-a.{SUFFIX}", f"ep-a-pooler.{SUFFIX}", SUFFIX, "localhost"])
def test_a_strict_client_accepts_every_name_and_it_is_heard(tmp_path: Path, name: str) -> None:
    certificates = prepare(tmp_path, now=datetime.now(UTC))

    assert shake_hands(certificates, name).server_name == name


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_strict_client_accepts_the_addresses_and_names_none(tmp_path: Path, address: str) -> None:
    certificates = prepare(tmp_path, now=datetime.now(UTC))

    assert shake_hands(certificates, address).server_name is None


def test_a_client_refuses_another_name(tmp_path: Path) -> None:
    certificates = prepare(tmp_path, now=datetime.now(UTC))

    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake_hands(certificates, "elsewhere.example")


def test_the_context_wants_tls_1_2(tmp_path: Path) -> None:
    context = prepare(tmp_path).server_context()

    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_secrets_are_not_in_the_repr(tmp_path: Path) -> None:
    certificates = prepare(tmp_path)

    assert repr(certificates.secret) not in repr(certificates)


def test_a_folder_that_cannot_be_made_is_a_matter_of_the_home(tmp_path: Path) -> None:
    (tmp_path / "tls").write_text("a file")

    with pytest.raises(HomeError, match="cannot keep certificates"):
        prepare(tmp_path / "tls")
