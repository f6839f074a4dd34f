"""A local authority, and the proxy's certificate that it signed.

    HOME/tls/
        ca.pem        what a client trusts under sslmode=verify-full; kept for ten years
        ca.key        0600
        server.pem    for *.suffix, suffix, localhost and the loopback addresses
        server.key    0600

All keys are ECDSA P-256 and all signatures use SHA-256: tls-server-end-point binds to the hash of the signature's
algorithm (RFC 5929, section 4.1), and clients do that best for SHA-256. A certificate and its key are two files,
so a crash between their renames can leave a pair that does not fit: that is seen when they are read, and mended.
"""

import contextlib
import hashlib
import hmac
import ipaddress
import os
import ssl
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from dormouse.errors import HomeError

__all__ = ["ALPN", "Certificates", "NamedSSLObject", "prepare_certificates"]

ALPN: Final = "postgresql"

_AUTHORITY_LIFE: Final = timedelta(days=3650)
# The longest that Apple's verifiers accept from a private authority. Renewed at a start when less than half a year
# is left, so that a platform which runs for months does not outlive its certificate.
_SERVER_LIFE: Final = timedelta(days=825)
_RENEW_BEFORE: Final = timedelta(days=183)
_CLOCK_SKEW: Final = timedelta(hours=1)  # containers wake up with clocks that are a little behind
_LOOPBACK: Final = ("127.0.0.1", "::1")


class NamedSSLObject(ssl.SSLObject):
    """A TLS session that remembers which name the client asked for (SNI)."""

    server_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """What the listener needs of the files; they are not read again."""

    ca_path: Path
    """For `sslrootcert`."""
    server_path: Path
    key_path: Path
    hash: bytes
    """SHA-256 of the certificate, for channel binding (tls-server-end-point)."""
    secret: bytes = field(repr=False)
    """Derived from the authority's key, so it is the same after every start."""

    def server_context(self) -> ssl.SSLContext:
        """A context for accepted connections. Their SSL objects are NamedSSLObjects."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.server_path, self.key_path)
        # Nobody resumes a Postgres session, and two tickets would be made for each (Postgres has them off too).
        context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
        context.num_tickets = 0
        context.set_alpn_protocols([ALPN])
        context.sslobject_class = NamedSSLObject
        context.sni_callback = _remember_name
        return context


def prepare_certificates(
    folder: Path, suffix: str, *, now: datetime, addresses: Iterable[str] = ()
) -> Certificates:
    """The certificates of `folder`; what is missing, outdated or for another suffix is made.

    `addresses` are further host names or IP addresses that clients connect to. Reads and writes files: not for an
    event loop's thread. Raises HomeError.
    """
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        authority = _authority(folder, now)
        names = _alternative_names(suffix, addresses)
        certificate = _server_certificate(folder, authority, names, now)
    except OSError as error:
        raise HomeError(f"cannot keep certificates in {folder}: {error.strerror or error}") from error
    key_bytes = authority.key.private_numbers().private_value.to_bytes(32, "big")
    return Certificates(
        ca_path=folder / "ca.pem",
        server_path=folder / "server.pem",
        key_path=folder / "server.key",
        hash=hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).digest(),
        secret=hmac.digest(key_bytes, b"dormouse: roles that do not exist", "sha256"),
    )


@dataclass(frozen=True, slots=True)
class _Pair:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)


def _authority(folder: Path, now: datetime) -> _Pair:
    kept = _read_pair(folder / "ca.pem", folder / "ca.key")
    if kept is not None and kept.certificate.not_valid_after_utc - now > _SERVER_LIFE:
        return kept
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Dormouse"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Dormouse local authority {os.urandom(4).hex()}"),
        ]
    )
    certificate = (
        _builder(name, name, key, now, _AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    _write_pair(_Pair(certificate, key), folder / "ca.pem", folder / "ca.key")
    return _Pair(certificate, key)


def _server_certificate(
    folder: Path, authority: _Pair, names: x509.SubjectAlternativeName, now: datetime
) -> x509.Certificate:
    kept = _read_pair(folder / "server.pem", folder / "server.key")
    if kept is not None and _is_current(kept.certificate, authority, names, now):
        return kept.certificate
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Dormouse proxy")])
    issuer = authority.certificate
    certificate = (
        _builder(subject, issuer.subject, key, now, _SERVER_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        # Python 3.13 verifies strictly by default, and then a certificate must name its issuer's key.
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
                issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
            ),
            critical=False,
        )
        .add_extension(names, critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    _write_pair(_Pair(certificate, key), folder / "server.pem", folder / "server.key")
    return certificate


def _is_current(
    certificate: x509.Certificate, authority: _Pair, names: x509.SubjectAlternativeName, now: datetime
) -> bool:
    if not certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - _RENEW_BEFORE:
        return False
    try:
        certificate.verify_directly_issued_by(authority.certificate)
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return found == names


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _key_usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative_names(suffix: str, addresses: Iterable[str]) -> x509.SubjectAlternativeName:
    """A wildcard directly under a top-level name is refused by all verifiers; the caller chose the suffix."""
    hosts = dict.fromkeys([f"*.{suffix}", suffix, "localhost"])
    ips = dict.fromkeys(map(ipaddress.ip_address, _LOOPBACK))
    for address in addresses:
        try:
            ip = ipaddress.ip_address(address)
        except ValueError:
            hosts[address] = None
        else:
            if not ip.is_unspecified:  # "listen everywhere" is no address that one connects to
                ips[ip] = None
    return x509.SubjectAlternativeName([*map(x509.DNSName, hosts), *map(x509.IPAddress, ips)])


def _read_pair(certificate_path: Path, key_path: Path) -> _Pair | None:
    """What the two files hold; None if one is missing, unreadable, or does not fit the other."""
    try:
        certificate = x509.load_pem_x509_certificate(certificate_path.read_bytes())
        key = serialization.load_pem_private_key(key_path.read_bytes(), password=None)
    except (FileNotFoundError, ValueError, TypeError):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or certificate.public_key() != key.public_key():
        return None
    return _Pair(certificate, key)


def _write_pair(pair: _Pair, certificate_path: Path, key_path: Path) -> None:
    key = pair.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write(key_path, key, mode=0o600)
    _write(certificate_path, pair.certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)


def _write(path: Path, content: bytes, *, mode: int) -> None:
    """Beside, synced, renamed: the file is there whole or not at all. mkstemp makes it 0600 from the start."""
    descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
            os.fchmod(descriptor, mode)
        Path(beside).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(beside).unlink()
        raise


def _remember_name(connection: Any, server_name: str | None, _context: ssl.SSLContext) -> None:
    """Called in the handshake. Every name is accepted: which endpoint it means is found out later."""
    connection.server_name = server_name
