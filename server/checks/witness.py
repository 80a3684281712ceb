"""A TLS context that remembers which certificates were shown to it, and says why one was not believed."""

import ssl
from datetime import UTC, datetime


class _Watched(ssl.SSLObject):
    """One connection. Tells its context the certificate once the handshake, with all its checks, went well."""

    def do_handshake(self) -> None:
        super().do_handshake()
        context = self.context
        if isinstance(context, Witness):
            context.note(self)


class Witness(ssl.SSLContext):
    """Verifies like any client, with the system's authorities, and notes when certificates end."""

    sslobject_class = _Watched
    expiries: list[datetime]
    versions: list[str]

    @classmethod
    def create(cls) -> "Witness":
        """One that trusts what the server's own client trusts."""
        witness = cls(ssl.PROTOCOL_TLS_CLIENT)
        witness.load_default_certs(ssl.Purpose.SERVER_AUTH)
        witness.expiries, witness.versions = [], []
        return witness

    def note(self, connection: ssl.SSLObject) -> None:
        """Remembers what a server showed."""
        shown = connection.getpeercert() or {}
        ends = str(shown.get("notAfter", ""))
        if ends:
            self.expiries.append(datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC))
        self.versions.append(connection.version() or "")


def distrust(error: BaseException) -> str | None:
    """Why a certificate was not believed, in OpenSSL's words; None when that was not what went wrong."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        # Our HTTP library's own error of the kind has no words, but comes from the one that has.
        if isinstance(cause, ssl.SSLCertVerificationError) and hasattr(cause, "verify_message"):
            return cause.verify_message
        cause = cause.__cause__ or cause.__context__
    return None
