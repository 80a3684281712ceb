"""Actors of many other servers, all of them on loopback: they serve their documents, and sign what they send."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from crypto import keys
from crypto.cavage import sign_cavage
from federation.vocabulary import Document
from federation.vocabulary.activities import PUBLIC
from federation.vocabulary.actors import Actor, parse_actor


@dataclass(frozen=True)
class Author:
    """One actor at `http://n7.localhost:PORT/actors/3`, with a key that it shares with its neighbours."""

    uri: str
    key: RSAPrivateKey

    @cached_property
    def document(self) -> Document:
        """What its server serves."""
        return {
            "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"],
            "id": self.uri,
            "type": "Person",
            "preferredUsername": f"a{self.uri.rpartition('/')[2]}",
            "inbox": f"{self.uri}/inbox",
            "outbox": f"{self.uri}/outbox",
            "followers": f"{self.uri}/followers",
            "publicKey": {
                "id": f"{self.uri}#main-key",
                "owner": self.uri,
                "publicKeyPem": keys.public_to_pem(self.key.public_key()),
            },
        }

    @property
    def actor(self) -> Actor:
        """The same, as it is known here after a fetch."""
        return parse_actor(self.document)

    def create(self, number: int, text: str, moment: datetime) -> bytes:
        """A public post of about the size that Mastodon sends."""
        note = {
            "id": f"{self.uri}/notes/{number}",
            "type": "Note",
            "attributedTo": self.uri,
            "published": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
            "to": [PUBLIC],
            "cc": [f"{self.uri}/followers"],
            "url": f"{self.uri}/{number}",
            "sensitive": False,
            "content": f"<p>{text}</p>",
            "contentMap": {"en": f"<p>{text}</p>"},
            "attachment": [],
            "tag": [],
        }
        activity = {
            "@context": ["https://www.w3.org/ns/activitystreams", {"sensitive": "as:sensitive"}],
            "id": f"{self.uri}/notes/{number}/activity",
            "type": "Create",
            "actor": self.uri,
            "published": note["published"],
            "to": note["to"],
            "cc": note["cc"],
            "object": note,
        }
        return json.dumps(activity).encode()

    def request(self, target: str, body: bytes, moment: datetime) -> bytes:
        """A signed POST as it goes over the wire."""
        signed = sign_cavage(
            method="POST", target_uri=target, body=body, key_id=f"{self.uri}#main-key", key=self.key, now=moment
        )
        path = "/" + target.split("/", 3)[3]
        fields = {"Content-Type": "application/activity+json", "Content-Length": str(len(body)), **signed}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body


@asynccontextmanager
async def authors(hosts: int, each: int) -> AsyncIterator[list[Author]]:
    """So many servers with so many actors each, for the length of the block. Keys are shared: making them is slow."""
    documents: dict[str, bytes] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = head.split("\r\n")
        host = next(line.split(" ", 1)[1] for line in lines if line.lower().startswith("host:"))
        body = documents.get(f"http://{host}{lines[0].split(' ')[1]}", b"")
        status = "200 OK" if body else "404 Not Found"
        kind = "application/activity+json"
        writer.write(
            f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n".encode()
            + body
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    shared = [keys.generate_rsa() for _ in range(8)]
    made = [
        Author(f"http://n{host}.localhost:{port}/actors/{number}", shared[(host + number) % len(shared)])
        for host in range(hosts)
        for number in range(each)
    ]
    documents |= {author.uri: json.dumps(author.document).encode() for author in made}
    try:
        yield made
    finally:
        server.close()
