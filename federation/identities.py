"""Local actors: makes them, keeps and changes their private keys, gives out signers. A handle is never used twice."""

import asyncio
import json
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from sqlalchemy import select
from sqlmodel import col

from crypto import keys, tokens
from crypto.sealing import Cell
from federation.context import Context
from models import LocalActor

OVERLAP = timedelta(days=30)
"""How long the keys before a change still count (WIRE 1.9): as long as an object proof made with them does."""

_PROOF_KEYS = 4
"""Names of Ed25519 keys, taken in turn: no server remembers one for so many changes."""

HANDLE = re.compile(r"[a-z0-9_]{1,30}")
_SCOPE = "server"


class BadHandle(ValueError):
    """A handle that other servers would not accept (WIRE: `[a-z0-9_]{1,30}`)."""


class HandleTaken(ValueError):
    """The handle is, or once was, another actor's."""


class NoSuchKey(LookupError):
    """The private keys of an actor are missing or cannot be opened."""


class TooSoon(ValueError):
    """The keys were changed already, and those before still count. `until` says how long."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"the keys were changed already, and those before count until {until.date()}")
        self.until = until


@dataclass(frozen=True, slots=True)
class Signer:
    """A key with the id under which others find its public half."""

    key_id: str
    key: RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Keypairs:
    """The key pairs of an actor, as they are kept: RSA for requests, Ed25519 for object proofs.

    `former` is the RSA key before a change, as long as it may be needed.
    """

    rsa: RSAPrivateKey = field(repr=False)
    ed25519: Ed25519PrivateKey = field(repr=False)
    former: RSAPrivateKey | None = field(default=None, repr=False)

    def to_json(self) -> bytes:
        """The private halves, to be sealed."""
        private = {
            "rsa": keys.private_to_pem(self.rsa).decode("ascii"),
            "ed25519": b64encode(keys.ed25519_to_raw(self.ed25519)).decode("ascii"),
        }
        if self.former is not None:
            private["former_rsa"] = keys.private_to_pem(self.former).decode("ascii")
        return json.dumps(private).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """What `to_json` made."""
        private = json.loads(text)
        rsa = keys.load_own_rsa(private["rsa"].encode("ascii"))
        former = private.get("former_rsa")
        return cls(
            rsa,
            keys.load_own_ed25519(b64decode(private["ed25519"])),
            None if former is None else keys.load_own_rsa(former.encode("ascii")),
        )


async def make_keypairs() -> Keypairs:
    """Fresh RSA-2048 and Ed25519 keys, made in a thread: some tenths of a second, so before a transaction begins."""
    return await asyncio.to_thread(lambda: Keypairs(keys.generate_rsa(), keys.generate_ed25519()))


async def make_actor(
    context: Context,
    *,
    kind: str,
    handle: str,
    keypairs: Keypairs,
    name: str = "",
    summary: str = "",
    locked: bool = False,
    discoverable: bool = False,
    actor_id: str | None = None,
) -> LocalActor:
    """Adds an actor with keys of its own (`make_keypairs`) to the session.

    Raises `BadHandle` or `HandleTaken`. The instance actor alone may have a host name as its handle.
    """
    if not HANDLE.fullmatch(handle) and actor_id is None:
        raise BadHandle("a handle has 1 to 30 of a-z, 0-9 and _")
    taken = await context.session.execute(select(col(LocalActor.id)).where(col(LocalActor.handle) == handle))
    if taken.first() is not None:
        raise HandleTaken(f"@{handle} is taken")
    identifier = actor_id or tokens.random_id()
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
        keys_made_on=context.now.date(),
        created_on=context.now.date(),
    )
    context.session.add(actor)
    await context.session.flush()
    return actor


async def change_keys(context: Context, actor: LocalActor, after: Keypairs, *, overlap: bool = True) -> None:
    """Gives an actor new keys (`make_keypairs`).

    Call it before its document is sent as an Update, and queue that `with_former_key`.
    The RSA key is replaced under its own id, as few servers take two; until the end of the overlap the former one
    signs the Update. The Ed25519 key gets an id of its own, and the former one stays listed, so that proofs that are
    under way still count. Without `overlap` the former keys are gone at once: for keys that somebody else has.
    Raises `TooSoon` while an overlap lasts that a second one would cut short, and `NoSuchKey`.
    """
    until = actor.former_until
    if overlap and until is not None and until > context.now:
        raise TooSoon(until)
    before = await _keypairs_of(context, actor.id)
    if overlap:
        after = replace(after, former=before.rsa)
    actor.former_multikey = actor.ed25519_multikey if overlap else None
    actor.former_until = context.now + OVERLAP if overlap else None
    actor.proof_key_number = actor.proof_key_number % _PROOF_KEYS + 1
    actor.public_key_pem = keys.public_to_pem(after.rsa.public_key())
    actor.ed25519_multikey = keys.multikey_encode(after.ed25519.public_key())
    actor.keys_made_on = context.now.date()
    actor.sealed_keys = await context.vault.seal(_cell(actor.id), after.to_json())
    context.session.add(actor)
    await context.session.flush()
    context.wake("log")


async def drop_former_keys(context: Context, limit: int = 100) -> int:
    """Forgets former keys whose overlap has ended, private and public halves; of how many actors. Run now and then."""
    statement = select(LocalActor).where(col(LocalActor.former_until) <= context.now).limit(limit)
    actors = (await context.session.execute(statement)).scalars().all()
    for actor in actors:
        actor.former_multikey = actor.former_until = None
        if actor.sealed_keys is not None:
            kept = replace(await _keypairs_of(context, actor.id), former=None)
            actor.sealed_keys = await context.vault.seal(_cell(actor.id), kept.to_json())
        context.session.add(actor)
    if actors:
        await context.session.flush()
        context.wake("log")
    return len(actors)


def proof_keys(actor: LocalActor) -> tuple[tuple[str, str], ...]:
    """The Ed25519 keys that the actor's document lists, each with the fragment of its id: the current one first."""
    current = (_proof_key_name(actor.proof_key_number), actor.ed25519_multikey)
    if actor.former_multikey is None:
        return (current,)
    former = actor.proof_key_number - 1 or _PROOF_KEYS
    return current, (_proof_key_name(former), actor.former_multikey)


async def signer_for(context: Context, actor_id: str, *, former: bool = False) -> Signer:
    """The RSA signer of a local actor (draft-cavage and RFC 9421). Raises `NoSuchKey`.

    With `former` it is the key before the last change, if there still is one: its id is the same.
    """
    pairs = await _keypairs_of(context, actor_id)
    key = pairs.former if former and pairs.former is not None else pairs.rsa
    return Signer(context.origin.actor(actor_id) + "#main-key", key)


async def proof_key_for(context: Context, actor_id: str) -> tuple[str, Ed25519PrivateKey]:
    """The verification method and Ed25519 key for object proofs (FEP-8b32). Raises `NoSuchKey`."""
    pairs = await _keypairs_of(context, actor_id)
    number = select(col(LocalActor.proof_key_number)).where(col(LocalActor.id) == actor_id)
    name = _proof_key_name((await context.session.execute(number)).scalar_one())
    return f"{context.origin.actor(actor_id)}#{name}", pairs.ed25519


def _proof_key_name(number: int) -> str:
    return "ed25519-key" if number == 1 else f"ed25519-key-{number}"


async def _keypairs_of(context: Context, actor_id: str) -> Keypairs:
    statement = select(col(LocalActor.sealed_keys)).where(col(LocalActor.id) == actor_id)
    blob = (await context.session.execute(statement)).scalar_one_or_none()
    if blob is None:
        raise NoSuchKey(f"actor {actor_id} has no private keys")
    return Keypairs.from_json(await context.vault.open(_cell(actor_id), blob))


def _cell(actor_id: str) -> Cell:
    return Cell("local_actors", "sealed_keys", actor_id, _SCOPE)
