"""A certificate authority of our own, and certificates for names on loopback."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

NAMES = ("peer.localhost", "evil.localhost", "sub.evil.localhost", "victim.localhost", "social.localhost")


@dataclass(frozen=True)
class Authority:
    """An authority in a folder; `file` is what a client has to trust."""

    folder: Path
    key: EllipticCurvePrivateKey

    @classmethod
    def make(cls, folder: Path) -> "Authority":
        """A new authority, written to the folder."""
        authority = cls(folder, generate_private_key(SECP256R1()))
        certificate = authority._sign("Test authority", authority.key, is_authority=True)
        authority.file.write_bytes(certificate.public_bytes(Encoding.PEM))
        return authority

    @property
    def file(self) -> Path:
        """The authority's own certificate."""
        return self.folder / "authority.pem"

    def server_context(self, *names: str, ends_in: timedelta = timedelta(days=1)) -> ssl.SSLContext:
        """What a server with a certificate for these names needs; one that ended has a negative time left."""
        key = generate_private_key(SECP256R1())
        certificate = self._sign(names[0], key, names=names, ends_in=ends_in)
        path = self.folder / f"{names[0]}.pem"
        path.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            + certificate.public_bytes(Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _sign(
        self,
        name: str,
        key: EllipticCurvePrivateKey,
        *,
        names: tuple[str, ...] = (),
        is_authority: bool = False,
        ends_in: timedelta = timedelta(days=1),
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_named(name))
            .issuer_name(_named("Test authority"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=2))
            .not_valid_after(now + ends_in)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if names:
            alternatives = x509.SubjectAlternativeName([x509.DNSName(each) for each in names])
            builder = builder.add_extension(alternatives, critical=False)
        return builder.sign(self.key, SHA256())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
