"""Local actors: makes them, keeps their private keys sealed, and gives out signers. A handle is never used twice."""

import asyncio
import json
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from sqlalchemy import select
from sqlmodel import col

from crypto import keys, tokens
from crypto.sealing import Cell
from federation.context import Context
from models import LocalActor

HANDLE = re.compile(r"[a-z0-9_]{1,30}")
_SCOPE = "server"


class BadHandle(ValueError):
    """A handle that other servers would not accept (WIRE: `[a-z0-9_]{1,30}`)."""


class HandleTaken(ValueError):
    """The handle is, or once was, another actor's."""


class NoSuchKey(LookupError):
    """The private keys of an actor are missing or cannot be opened."""


@dataclass(frozen=True, slots=True)
class Signer:
    """A key with the id under which others find its public half."""

    key_id: str
    key: RSAPrivateKey


@dataclass(frozen=True, slots=True)
class _Keypairs:
    """The two key pairs of an actor, as they are kept: RSA for requests, Ed25519 for object proofs."""

    rsa: RSAPrivateKey
    ed25519: Ed25519PrivateKey

    @classmethod
    def generate(cls) -> Self:
        return cls(keys.generate_rsa(), keys.generate_ed25519())

    def to_json(self) -> bytes:
        private = {
            "rsa": keys.private_to_pem(self.rsa).decode("ascii"),
            "ed25519": b64encode(keys.ed25519_to_raw(self.ed25519)).decode("ascii"),
        }
        return json.dumps(private).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        private = json.loads(text)
        rsa = keys.load_own_rsa(private["rsa"].encode("ascii"))
        return cls(rsa, keys.load_own_ed25519(b64decode(private["ed25519"])))


async def make_actor(
    context: Context,
    *,
    kind: str,
    handle: str,
    name: str = "",
    summary: str = "",
    locked: bool = False,
    discoverable: bool = False,
    actor_id: str | None = None,
) -> LocalActor:
    """Adds an actor with fresh RSA-2048 and Ed25519 keys to the session.

    Raises `BadHandle` or `HandleTaken`. The instance actor alone may have a host name as its handle.
    """
    if not HANDLE.fullmatch(handle) and actor_id is None:
        raise BadHandle("a handle has 1 to 30 of a-z, 0-9 and _")
    taken = await context.session.execute(select(col(LocalActor.id)).where(col(LocalActor.handle) == handle))
    if taken.first() is not None:
        raise HandleTaken(f"@{handle} is taken")
    identifier = actor_id or tokens.random_id()
    keypairs = await asyncio.to_thread(_Keypairs.generate)
    actor = LocalActor(
        id=identifier,
        kind=kind,
        handle=handle,
        name=name,
        summary=summary,
        locked=locked,
        discoverable=discoverable,
        public_key_pem=keys.public_to_pem(keypairs.rsa.public_key()),
        ed25519_multikey=keys.multikey_encode(keypairs.ed25519.public_key()),
        sealed_keys=await context.vault.seal(_cell(identifier), keypairs.to_json()),
        created_on=context.now.date(),
    )
    context.session.add(actor)
    await context.session.flush()
    return actor


async def signer_for(context: Context, actor_id: str) -> Signer:
    """The RSA signer of a local actor (draft-cavage and RFC 9421). Raises `NoSuchKey`."""
    return Signer(context.origin.actor(actor_id) + "#main-key", (await _keypairs_of(context, actor_id)).rsa)


async def proof_key_for(context: Context, actor_id: str) -> tuple[str, Ed25519PrivateKey]:
    """The verification method and Ed25519 key for object proofs (FEP-8b32). Raises `NoSuchKey`."""
    return context.origin.actor(actor_id) + "#ed25519-key", (await _keypairs_of(context, actor_id)).ed25519


async def _keypairs_of(context: Context, actor_id: str) -> _Keypairs:
    statement = select(col(LocalActor.sealed_keys)).where(col(LocalActor.id) == actor_id)
    blob = (await context.session.execute(statement)).scalar_one_or_none()
    if blob is None:
        raise NoSuchKey(f"actor {actor_id} has no private keys")
    return _Keypairs.from_json(await context.vault.open(_cell(actor_id), blob))


def _cell(actor_id: str) -> Cell:
    return Cell("local_actors", "sealed_keys", actor_id, _SCOPE)
