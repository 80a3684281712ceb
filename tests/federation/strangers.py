"""Actors of other servers, on loopback, with real keys: honest ones, and ones that lie about whatever a test wants."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from crypto import keys
from crypto.http_signatures import sign_cavage, sign_rfc9421
from crypto.proofs import add_proof
from tests.federation.servers import Peer, Request, listening, response

Document = dict[str, Any]

ACTIVITY_JSON = "application/activity+json"
CONTEXT = ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/data-integrity/v2"]
US = "http://groundswell.test"


@cache
def rsa_key(number: int) -> RSAPrivateKey:
    """One of a few keys: making them takes longer than most tests."""
    return keys.generate_rsa()


@dataclass
class Held:
    """An answer kept back: `asked` is set when it was asked for, the test sets `answer`."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    answer: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class Stranger:
    """One actor with its keys, and the server it lives on. `documents` are what the server answers, by path."""

    peer: Peer
    name: str
    key: RSAPrivateKey
    clock: Callable[[], datetime]
    documents: dict[str, tuple[int, Document]]
    held: dict[str, Held]
    proof_key: Ed25519PrivateKey = field(default_factory=keys.generate_ed25519)
    host: str = "127.0.0.1"

    @property
    def base(self) -> str:
        """The origin."""
        return f"http://{self.host}:{self.peer.port}"

    @property
    def id(self) -> str:
        """The actor's id."""
        return f"{self.base}/{self.name}"

    @property
    def key_id(self) -> str:
        """The id of its RSA key."""
        return f"{self.id}#main-key"

    def uri(self, path: str) -> str:
        """An id on the actor's server."""
        return f"{self.base}/{path}"

    def document(self, **changes: Any) -> Document:
        """The actor's document."""
        public, multikey = self.key.public_key(), self.proof_key.public_key()
        proof_key_id = f"{self.id}#ed25519-key"
        method = {"type": "Multikey", "controller": self.id, "publicKeyMultibase": keys.multikey_encode(multikey)}
        return {
            "@context": CONTEXT,
            "id": self.id,
            "type": "Person",
            "preferredUsername": self.name,
            "inbox": f"{self.id}/inbox",
            "followers": f"{self.id}/followers",
            "publicKey": {"id": self.key_id, "owner": self.id, "publicKeyPem": keys.public_to_pem(public)},
            "assertionMethod": [{"id": proof_key_id, **method}],
            **changes,
        }

    def serve(self, path: str, document: Document, *, status: int = 200) -> None:
        """Lets the server answer with a document."""
        self.documents[f"/{path}"] = status, document

    def hold(self, path: str) -> Held:
        """Keeps the answer at a path back until the test lets it go."""
        return self.held.setdefault(f"/{path}", Held())

    def publish(self, **changes: Any) -> None:
        """Lets the server answer with the actor's document."""
        self.serve(self.name, self.document(**changes))

    def note(self, path: str, text: str = "hello", **changes: Any) -> Document:
        """A public note by this actor; served only when `serve` is called with it."""
        note = {"id": self.uri(path), "type": "Note", "attributedTo": self.id, "content": text, "to": [f"{US}/ap/x"]}
        return {"@context": CONTEXT, **note, **changes}

    def activity(self, verb: str, object: object, path: str = "a/1", **changes: Any) -> Document:
        """An activity by this actor."""
        activity = {"id": self.uri(path), "type": verb, "actor": self.id, "object": object}
        return {"@context": CONTEXT, **activity, **changes}

    def prove(self, activity: Document, **changes: Any) -> Document:
        """The activity with this actor's object proof (FEP-8b32)."""
        method = changes.pop("verification_method", f"{self.id}#ed25519-key")
        created = changes.pop("created", self.clock())
        return add_proof(activity, key=self.proof_key, verification_method=method, created=created)

    def sign(self, body: bytes, path: str = "/ap/inbox", *, spec: str = "cavage", **changes: Any) -> dict[str, str]:
        """Headers of a signed POST to us. `changes` go to the signing function."""
        form = sign_rfc9421 if spec == "rfc9421" else sign_cavage
        how = {"method": "POST", "target_uri": US + path, "body": body, "key_id": self.key_id, "key": self.key}
        signed = form(**{**how, "now": self.clock(), **changes})
        return {"Host": "groundswell.test", "Content-Type": ACTIVITY_JSON, **signed}

    def sign_get(self, path: str, **changes: Any) -> dict[str, str]:
        """Headers of a signed GET from us."""
        how = {"method": "GET", "target_uri": US + path, "body": None, "key_id": self.key_id, "key": self.key}
        signed = sign_cavage(**{**how, "now": self.clock(), **changes})
        return {"Host": "groundswell.test", "Accept": ACTIVITY_JSON, **signed}


def encoded(document: Document) -> bytes:
    """A document as it goes over the wire."""
    return json.dumps(document).encode()


@asynccontextmanager
async def strangers(*names: str, clock: Callable[[], datetime]) -> AsyncIterator[list[Stranger]]:
    """Actors that live on one server, each with its document served."""
    documents: dict[str, tuple[int, Document]] = {}
    held: dict[str, Held] = {}

    async def respond(request: Request, writer: asyncio.StreamWriter) -> None:
        if request.target in held:
            held[request.target].asked.set()
            await held[request.target].answer.wait()
        status, document = documents.get(request.target, (404, {"error": "not found"}))
        writer.write(response(status, encoded(document), content_type=ACTIVITY_JSON))

    async with listening(respond) as peer:
        made = [Stranger(peer, name, rsa_key(number), clock, documents, held) for number, name in enumerate(names)]
        for stranger in made:
            stranger.publish()
        yield made
