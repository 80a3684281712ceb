"""Actors of peers, with keys of their own."""

from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from crypto.keys import generate_rsa, public_to_pem


@lru_cache(maxsize=8)
def rsa_key(number: int) -> RSAPrivateKey:
    """One of a few keys; making them is slow."""
    return generate_rsa()


@dataclass
class Person:
    """An actor on a peer."""

    id: str
    username: str = "alice"
    key: RSAPrivateKey = field(default_factory=lambda: rsa_key(0))
    key_path: str = "#main-key"

    @property
    def key_id(self) -> str:
        """The id of the key."""
        return self.id + self.key_path

    @property
    def key_entry(self) -> dict[str, object]:
        """The key as the actor lists it."""
        return {"id": self.key_id, "owner": self.id, "publicKeyPem": public_to_pem(self.key.public_key())}

    def document(self, **more: object) -> dict[str, object]:
        """The actor's document."""
        return {
            "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"],
            "id": self.id,
            "type": "Person",
            "preferredUsername": self.username,
            "inbox": f"{self.id}/inbox",
            "publicKey": self.key_entry,
            **more,
        }


def jrd(subject: str, actor: str, **more: object) -> dict[str, object]:
    """What WebFinger says of a handle."""
    link = {"rel": "self", "type": "application/activity+json", "href": actor}
    return {"subject": f"acct:{subject}", "links": [link], **more}
