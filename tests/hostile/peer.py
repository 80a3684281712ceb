"""Peers that federate with a server under test: real ones on loopback, which lie about whatever a test wants."""

import json
from asyncio import StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from itertools import count
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from crypto import keys
from crypto.proofs import add_proof, hash_data
from crypto.signing import sign
from federation.vocabulary.activities import PUBLIC
from tests.federation.servers import Peer, Request, Responder, listening, response
from tests.hostile import faults, wire
from tests.hostile.wire import Document, Reply, Signer

CONTEXT = ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/data-integrity/v2"]
_numbers = count(1)


@cache
def rsa_key(number: int) -> RSAPrivateKey:
    """One key of a pool that all tests of a run share: making them takes longer than most tests."""
    return keys.generate_rsa()


@cache
def ed25519_key(number: int) -> Ed25519PrivateKey:
    """One key for object proofs of a pool that all tests share."""
    return keys.generate_ed25519()


@dataclass
class PeerServer:
    """A server at `http://{host}.localhost:{port}`, and at every name below it.

    `pages` are what it answers, by path with query, before all else by `host/path`; a Document is served as it is.
    `wildcard` answers for all other paths in place of 404.
    """

    host: str
    listener: Peer = field(default_factory=Peer)
    pages: dict[str, Document | Responder] = field(default_factory=dict)
    wildcard: Responder | None = None

    @property
    def base(self) -> str:
        """Its origin."""
        return f"http://{self.host}.localhost:{self.listener.port}"

    @property
    def authority(self) -> str:
        """Its host with its port."""
        return f"{self.host}.localhost:{self.listener.port}"

    def elsewhere(self, number: int) -> str:
        """The authority of another registrable domain that this server answers for."""
        return f"{self.host}-{number}.localhost:{self.listener.port}"

    @property
    def place(self) -> tuple[str, int]:
        """Where it is connected to."""
        return "127.0.0.1", self.listener.port

    @property
    def fetched(self) -> list[str]:
        """The paths it was asked for with GET, in order."""
        return [request.target for request in self.listener.requests if request.method == "GET"]

    @property
    def delivered(self) -> list[Document]:
        """What was delivered to it, in order."""
        return [json.loads(request.body) for request in self.listener.requests if request.method == "POST"]

    def uri(self, path: str) -> str:
        """An id on this server."""
        return f"{self.base}/{path}"

    def serve(self, path: str, page: Document | Responder) -> str:
        """Sets what a path answers, and returns its address."""
        self.pages[f"/{path}"] = page
        return self.uri(path)

    def actor(self, name: str, *, key: int = 0, host: str | None = None, published: bool = True) -> "Account":
        """An actor of this server, or of a name below it, whose document and handle it serves."""
        account = Account(self, name, rsa_key(key), ed25519_key(key), host or self.authority)
        if published:
            account.publish()
        return account

    async def answer(self, request: Request, writer: StreamWriter) -> None:
        """Answers one request."""
        name = request.headers.get("host", "")
        page = self.pages.get(f"{name}{request.target}") or self.pages.get(request.target) or self.wildcard
        if request.method == "POST" and not callable(page):
            writer.write(response(202))
        elif page is None:
            writer.write(response(404))
        else:
            await (page if callable(page) else faults.document(page))(request, writer)


@dataclass
class Account:
    """One actor and its keys."""

    peer: PeerServer
    name: str
    key: RSAPrivateKey
    proof_key: Ed25519PrivateKey
    authority: str

    @property
    def id(self) -> str:
        """The actor's id."""
        return f"http://{self.authority}/{self.name}"

    @property
    def key_id(self) -> str:
        """The id of its RSA key."""
        return f"{self.id}#main-key"

    @property
    def followers(self) -> str:
        """The id of the collection of its followers."""
        return f"{self.id}/followers"

    @property
    def public_pem(self) -> str:
        """Its public key as its document has it."""
        return keys.public_to_pem(self.key.public_key())

    def uri(self, path: str) -> str:
        """An id on the actor's origin."""
        return f"http://{self.authority}/{path}"

    def document(self, **changes: Any) -> Document:
        """The actor's document."""
        multikey = keys.multikey_encode(self.proof_key.public_key())
        method = {"type": "Multikey", "controller": self.id, "publicKeyMultibase": multikey}
        return {
            "@context": CONTEXT,
            "id": self.id,
            "type": "Person",
            "preferredUsername": self.name,
            "inbox": f"{self.id}/inbox",
            "followers": self.followers,
            "publicKey": {"id": self.key_id, "owner": self.id, "publicKeyPem": self.public_pem},
            "assertionMethod": [{"id": f"{self.id}#ed25519-key", **method}],
            **changes,
        }

    def publish(self, **changes: Any) -> None:
        """Serves the actor's document, and its handle by WebFinger."""
        self.answer(self.document(**changes))
        self.finger(self.name, self.id)

    def answer(self, page: Document | Responder) -> None:
        """Sets what the actor's own address answers."""
        self.peer.pages[f"{self.authority}/{self.name}"] = page

    def finger(self, name: str, actor: str, *, subject: str | None = None) -> None:
        """Lets WebFinger say which actor a name of this host stands for."""
        acct = f"acct:{name}@{self.authority}"
        link = {"rel": "self", "type": wire.ACTIVITY_JSON, "href": actor}
        jrd = {"subject": subject or acct, "links": [link]}
        path = f"{self.authority}/.well-known/webfinger?resource={acct}"
        self.peer.pages[path] = faults.document(jrd, ctype=faults.JRD_JSON)

    def note(self, text: str = "hello", *, path: str | None = None, **changes: Any) -> Document:
        """A public note by this actor, which its server serves only when told to."""
        return {
            "@context": CONTEXT,
            "id": self.uri(path or f"n/{next(_numbers)}"),
            "type": "Note",
            "attributedTo": self.id,
            "content": text,
            "published": datetime.now(UTC).isoformat(timespec="seconds"),
            "to": [PUBLIC],
            "cc": [self.followers],
            **changes,
        }

    def activity(self, verb: str, object: object, *, path: str | None = None, **changes: Any) -> Document:
        """An activity by this actor, with a fresh id."""
        activity = {"id": self.uri(path or f"a/{next(_numbers)}"), "type": verb, "actor": self.id, "object": object}
        return {"@context": CONTEXT, **activity, **changes}

    def create(self, note: Document, **changes: Any) -> Document:
        """The Create of a note, to the same people."""
        return self.activity("Create", note, to=note.get("to", []), cc=note.get("cc", []), **changes)

    async def send(
        self,
        inbox: str,
        activity: Document | bytes,
        *,
        key: Signer | None = None,
        key_id: str | None = None,
        **how: Any,
    ) -> Reply:
        """Posts an activity signed as this actor; see `wire.send` for what may be wrong with it."""
        used = self.key_id if key_id is None else key_id
        return await wire.send(inbox, activity, key or self.key, used, **how)

    async def get(self, url: str, **headers: str) -> Reply:
        """Fetches, signed as this actor."""
        return await wire.get(url, self.key, self.key_id, **headers)

    def prove(self, activity: Document, **configuration: Any) -> Document:
        """The activity with an object proof by this actor's key; `configuration` replaces what the proof says, and is
        signed all the same, so that nothing but the change itself is wrong."""
        method = f"{self.id}#ed25519-key"
        proved = add_proof(activity, key=self.proof_key, verification_method=method, created=datetime.now(UTC))
        if not configuration:
            return proved
        proof = {name: value for name, value in proved["proof"].items() if name != "proofValue"} | configuration
        made = sign(self.proof_key, hash_data({**activity, "@context": proof["@context"]}, proof))
        return activity | {"proof": proof | {"proofValue": "z" + keys.base58_encode(made)}}


@asynccontextmanager
async def peer_server(host: str) -> AsyncIterator[PeerServer]:
    """Starts a peer and ends it with the block. Its name is its own: limits count domains, and know no ports."""
    server = PeerServer(f"{host}{next(_numbers)}")
    async with listening(server.answer) as listener:
        server.listener = listener
        yield server
