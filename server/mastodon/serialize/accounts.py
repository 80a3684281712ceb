"""Accounts as entities. Says nothing about people that their own page does not say."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, time

from sqlalchemy import func, select
from sqlmodel import col

from federation import follows
from federation.context import Context
from federation.origin import host_of
from federation.remote_store import actors_by_id
from federation.vocabulary.actors import Actor
from federation.vocabulary.html import paragraphs
from models import LocalActor, Post
from server.mastodon.entities.account import Account, CredentialAccount, Field, Source
from server.mastodon.ids import account_id
from server.organizing.media.service import address_of
from server.organizing.membership import queries as membership
from server.organizing.parties import ACTIVE, Party, uri_of
from server.organizing.personal.defaults import defaults_of
from server.organizing.posts.content import OPEN, Audience
from server.organizing.posts.records import author_index
from server.organizing.profile_fields import fields_of, shown_fields

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""Nobody is told when an account elsewhere was made; clients need a date."""


async def parties_of(context: Context, uris: Collection[str]) -> dict[str, Party]:
    """Those of the actors that are known, here or elsewhere, by their ids: two queries."""
    located = {uri: context.origin.locate(uri) for uri in uris}
    ids = {place.id: uri for uri, place in located.items() if place is not None and place.kind == "actor"}
    elsewhere = [uri for uri, place in located.items() if place is None]
    statement = select(LocalActor).where(col(LocalActor.id).in_(ids), col(LocalActor.state) == ACTIVE)
    local = (await context.session.execute(statement)).scalars() if ids else ()
    found: dict[str, Party] = {context.origin.actor(actor.id): actor for actor in local}
    return found | (await actors_by_id(context, elsewhere) if elsewhere else {})


async def accounts_of(context: Context, parties: Sequence[Party]) -> list[Account]:
    """These accounts, in this order."""
    counts = await _open_posts(context, [uri_of(context.origin, party) for party in parties])
    return [_account(context, party, counts.get(uri_of(context.origin, party), 0)) for party in parties]


async def account_of(context: Context, party: Party) -> Account:
    """One account."""
    return (await accounts_of(context, [party]))[0]


async def own_account(context: Context, me: LocalActor) -> CredentialAccount:
    """One's own account, with its counts and what was typed into it."""
    account = await account_of(context, me)
    own, defaults = context.origin.actor(me.id), await defaults_of(context, me)
    counted = {
        "followers_count": await follows.count_followers(context, own),
        "following_count": await follows.count_following(context, own),
    }
    source = Source(
        privacy=defaults.visibility,
        sensitive=defaults.sensitive,
        language=defaults.language,
        note=me.summary,
        fields=[Field(name=name, value=value) for name, value in fields_of(me)],
        follow_requests_count=len(await membership.waiting_for(context, me)),
        discoverable=me.discoverable,
    )
    return CredentialAccount(**(account.model_dump() | counted), source=source)


def acct_of(context: Context, party: Party) -> str:
    """`name` here, `name@host` elsewhere."""
    return party.handle if isinstance(party, LocalActor) else f"{party.preferred_username}@{host_of(party.id)}"


def profile_of(context: Context, party: Party) -> str:
    """The page for people."""
    return context.origin.profile(party.handle) if isinstance(party, LocalActor) else party.url or party.id


def _account(context: Context, party: Party, posts: int) -> Account:
    picture, header = _pictures(context, party)
    made = datetime.combine(party.created_on, time(), UTC) if isinstance(party, LocalActor) else _LONG_AGO
    return Account(
        id=account_id(context, party),
        username=party.handle if isinstance(party, LocalActor) else party.preferred_username,
        acct=acct_of(context, party),
        display_name=party.name,
        locked=party.locked,
        bot=_kind(party) in ("Service", "Application"),
        group=_kind(party) == "Group",
        discoverable=party.discoverable,
        created_at=made,
        note=paragraphs(party.summary) if isinstance(party, LocalActor) else party.summary,
        url=profile_of(context, party),
        uri=uri_of(context.origin, party),
        avatar=picture,
        avatar_static=picture,
        header=header,
        header_static=header,
        statuses_count=posts,
        fields=[Field(name=name, value=value) for name, value in _fields(party)],
    )


def _pictures(context: Context, party: Party) -> tuple[str, str]:
    """What an account looks like. Of others' pictures nothing is shown: their servers would learn who looks."""
    picture, banner = f"{context.origin}/static/avatar.png", f"{context.origin}/static/header.png"
    if isinstance(party, LocalActor):
        if party.picture_id is not None:
            picture = address_of(context.origin, party.picture_id)
        if party.banner_id is not None:
            banner = address_of(context.origin, party.banner_id)
    return picture, banner


def _fields(party: Party) -> tuple[tuple[str, str], ...]:
    return shown_fields(party) if isinstance(party, LocalActor) else party.fields


def _kind(party: Party) -> str:
    return party.type if isinstance(party, Actor) else party.kind


async def _open_posts(context: Context, actors: Collection[str]) -> dict[str, int]:
    """How many posts that anyone may read are kept of each."""
    indexes = {author_index(context, actor, Audience.PUBLIC): actor for actor in actors}
    counted = (
        select(col(Post.author_index), func.count())
        .where(col(Post.author_index).in_(indexes), col(Post.audience).in_(OPEN), col(Post.deleted_at).is_(None))
        .group_by(col(Post.author_index))
    )
    return {indexes[index]: count for index, count in await context.session.execute(counted)}
