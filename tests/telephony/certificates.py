"""Certificates made on the spot: an authority, and what it has signed."""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_SIGNS = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


@dataclass(slots=True)
class Authority:
    """A certificate authority whose files are in a directory; ``file`` is its certificate."""

    directory: Path
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def in_directory(cls, directory: Path) -> Self:
        directory.mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        name = _named("Test authority")
        builder = (
            _builder(name, name, key.public_key(), key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_SIGNS, critical=True)
        )
        authority = cls(directory, builder.sign(key, SHA256()), key)
        authority.file.write_bytes(authority.certificate.public_bytes(Encoding.PEM))
        return authority

    @property
    def file(self) -> Path:
        return self.directory / "ca.pem"

    def issue(self, *names: str) -> Path:
        """Return a PEM file with a certificate for these names and addresses, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(
            _named(names[0]), self.certificate.subject, key.public_key(), self.key.public_key()
        ).add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False)
        file = self.directory / f"{names[0]}.pem"
        file.write_bytes(
            builder.sign(self.key, SHA256()).public_bytes(Encoding.PEM)
            + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        return file


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, issuers_key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    """Return a certificate to sign, with the key identifiers that strict verifiers ask for (RFC 5280, 4.2.1)."""
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key,
        serial_number=x509.random_serial_number(),
        not_valid_before=now - timedelta(hours=1),
        not_valid_after=now + timedelta(days=1),
    )
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False).add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(issuers_key), critical=False
    )
