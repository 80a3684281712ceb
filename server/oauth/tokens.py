"""Bearer tokens: issued, recognised, listed to their owner, revoked. Kept as hashes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlmodel import col

from crypto.sealing import Cell
from crypto.tokens import random_id, random_token, token_hash
from federation.context import Context
from models import LocalActor, OAuthApp, OAuthToken
from server.oauth.grants import Grant, pack, unpack
from server.oauth.identities import may_speak
from server.organizing.parties import ACTIVE
from server.vault import SERVER_SCOPE

KEEP_UNUSED = timedelta(days=180)
"""How long a token is kept that nobody presents."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a token speaks for. A program's own token has neither `person` nor `speaker`.

    `person` allowed it; `speaker` is that person, or a movement or circle which they organize.
    """

    token: bytes
    app: str
    scopes: tuple[str, ...]
    person: LocalActor | None = None
    speaker: LocalActor | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A token as its owner sees it: for which program, as whom, since when, and the day of its last use."""

    id: str
    program: str
    speaker: str
    scopes: tuple[str, ...]
    made_on: date
    used_on: date


async def issue(context: Context, grant: Grant) -> str:
    """A new token, shown this once."""
    token = random_token()
    hashed = token_hash(token)
    context.session.add(
        OAuthToken(
            token_hash=hashed,
            id=random_id(),
            app_id=grant.app,
            owner_index=_index(context, "owner", grant.person),
            speaker_index=_index(context, "speaker", grant.speaker),
            sealed_grant=await context.vault.seal(_cell(hashed), pack(grant)),
            made_on=context.now.date(),
            used_on=context.now.date(),
        )
    )
    await context.session.flush()
    return token


async def recognise(context: Context, token: str) -> Caller | None:
    """Whom a token speaks for, now: whoever was deleted, or organizes no more, speaks no more."""
    row = await context.session.get(OAuthToken, token_hash(token))
    return await _caller(context, row) if row is not None else None


async def recognise_hash(context: Context, hashed: bytes) -> Caller | None:
    """The same for whoever was recognised before, and is looked at again."""
    row = await context.session.get(OAuthToken, hashed, populate_existing=True)
    return await _caller(context, row) if row is not None else None


async def still_good(context: Context, callers: Collection[Caller]) -> set[bytes]:
    """The hashes of those tokens that still speak for whom they did. Two queries, and one for each speaking group."""
    hashes = {caller.token for caller in callers}
    kept = select(col(OAuthToken.token_hash)).where(col(OAuthToken.token_hash).in_(hashes))
    there = set((await context.session.execute(kept)).scalars())
    actors = {actor.id for caller in callers for actor in (caller.person, caller.speaker) if actor is not None}
    active = select(col(LocalActor.id)).where(col(LocalActor.id).in_(actors), col(LocalActor.state) == ACTIVE)
    alive = set((await context.session.execute(active)).scalars())
    good: set[bytes] = set()
    for caller in callers:
        if caller.token not in there or caller.token in good or caller.person is None or caller.speaker is None:
            continue
        is_alive = {caller.person.id, caller.speaker.id} <= alive
        if is_alive and await may_speak(context, caller.person, caller.speaker):
            good.add(caller.token)
    return good


async def note_use(context: Context, caller: Caller) -> None:
    """Remembers the day; call it where something is written anyway."""
    today = context.now.date()
    used = update(OAuthToken).where(col(OAuthToken.token_hash) == caller.token, col(OAuthToken.used_on) < today)
    await context.session.execute(used.values(used_on=today))


async def list_of(context: Context, person: LocalActor) -> list[Listed]:
    """All tokens that a person allowed, newest first, for that person's own eyes."""
    owned = col(OAuthToken.owner_index) == _index(context, "owner", person.id)
    statement = select(OAuthToken, OAuthApp).join(OAuthApp, col(OAuthApp.id) == col(OAuthToken.app_id)).where(owned)
    rows = (await context.session.execute(statement.order_by(col(OAuthToken.made_on).desc()))).all()
    return [await _listed(context, row[0], row[1]) for row in rows]


async def revoke(context: Context, token: str, *, app: str) -> None:
    """Ends a token of this program; nothing where there is none (RFC 7009 section 2.2)."""
    await _end(context, col(OAuthToken.token_hash) == token_hash(token), col(OAuthToken.app_id) == app)


async def revoke_hash(context: Context, hashed: bytes) -> None:
    """Ends the token with this hash."""
    await _end(context, col(OAuthToken.token_hash) == hashed)


async def revoke_listed(context: Context, person: LocalActor, token_id: str) -> bool:
    """Ends one of a person's own tokens, by the id in the list. Whether there was one."""
    owned = col(OAuthToken.owner_index) == _index(context, "owner", person.id)
    return bool(await _end(context, owned, col(OAuthToken.id) == token_id))


async def revoke_all_of(context: Context, actor: LocalActor) -> int:
    """Ends every token that an actor allowed or that speaks as it; how many there were."""
    owned = col(OAuthToken.owner_index) == _index(context, "owner", actor.id)
    return await _end(context, or_(owned, col(OAuthToken.speaker_index) == _index(context, "speaker", actor.id)))


async def sweep(context: Context) -> None:
    """Ends tokens that nobody presented for half a year."""
    await _end(context, col(OAuthToken.used_on) < context.now.date() - KEEP_UNUSED)


async def _caller(context: Context, row: OAuthToken) -> Caller | None:
    grant = await _grant(context, row)
    if grant.person is None or grant.speaker is None:
        return Caller(row.token_hash, grant.app, grant.scopes)
    person = await _active(context, grant.person)
    speaker = person if grant.speaker == grant.person else await _active(context, grant.speaker)
    if person is None or speaker is None or not await may_speak(context, person, speaker):
        return None
    return Caller(row.token_hash, grant.app, grant.scopes, person, speaker)


async def _active(context: Context, actor_id: str) -> LocalActor | None:
    actor = await context.session.get(LocalActor, actor_id)
    return actor if actor is not None and actor.state == ACTIVE else None


async def _listed(context: Context, row: OAuthToken, app: OAuthApp) -> Listed:
    grant = await _grant(context, row)
    speaker = await context.session.get(LocalActor, grant.speaker) if grant.speaker else None
    return Listed(row.id, app.name, speaker.handle if speaker else "", grant.scopes, row.made_on, row.used_on)


async def _grant(context: Context, row: OAuthToken) -> Grant:
    return unpack(await context.vault.open(_cell(row.token_hash), row.sealed_grant))


async def _end(context: Context, *conditions: ColumnElement[bool]) -> int:
    ended: Sequence[object] = (
        await context.session.execute(delete(OAuthToken).where(*conditions).returning(col(OAuthToken.id)))
    ).all()
    return len(ended)


def _index(context: Context, column: str, actor_id: str | None) -> bytes | None:
    return context.vault.index(f"oauth_tokens.{column}", actor_id) if actor_id is not None else None


def _cell(hashed: bytes) -> Cell:
    return Cell("oauth_tokens", "sealed_grant", hashed.hex(), SERVER_SCOPE)
