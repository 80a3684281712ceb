"""What local actors say of themselves, keys included, and who hears of a change: followers, never a list of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from crypto.tokens import random_id
from federation import fanout, identities, outbox
from federation.addressing import shared_inboxes
from federation.context import Context
from federation.identities import Keypairs
from federation.origin import Origin
from federation.vocabulary import Document, builders
from federation.vocabulary.activities import PUBLIC
from models import LocalActor, Movement
from server.organizing.media import service as media
from server.organizing.media.records import Record
from server.organizing.membership import queries as membership
from server.organizing.movements import policy as movements_policy
from server.organizing.movements.queries import is_circle
from server.organizing.movements.wire import group_document
from server.organizing.people import policy as people_policy
from server.organizing.people.wire import person_document
from server.organizing.profile_fields import fields_of, packed
from server.organizing.refusal import require


def document_of(origin: Origin, actor: LocalActor) -> Document:
    """The public document of any local actor."""
    return group_document(origin, actor) if actor.kind == "Group" else person_document(origin, actor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What an actor here says of itself. `fields` are rows of name and value, as typed."""

    name: str
    summary: str
    fields: tuple[tuple[str, str], ...]
    locked: bool
    discoverable: bool

    @classmethod
    def of(cls, actor: LocalActor) -> Self:
        """What it says now."""
        return cls(
            name=actor.name,
            summary=actor.summary,
            fields=fields_of(actor),
            locked=actor.locked,
            discoverable=actor.discoverable,
        )

    def but(self, **changes: Any) -> Self:
        """The same with some of it changed."""
        return replace(self, **changes)


async def revise(
    context: Context,
    *,
    actor: LocalActor,
    name: str | None = None,
    summary: str | None = None,
    fields: Sequence[tuple[str, str]] | None = None,
    locked: bool | None = None,
    discoverable: bool | None = None,
    picture: Record | None = None,
    banner: Record | None = None,
) -> None:
    """Changes what is given of an actor's profile, and tells whoever follows; of a circle, its members alone.

    A row without name and value is left out. `picture` and `banner` were stored before, for this.
    Raises `Refused`, having changed nothing.
    """
    given = {"name": name, "summary": summary, "locked": locked, "discoverable": discoverable}
    changed = Profile.of(actor).but(**{key: value for key, value in given.items() if value is not None})
    changed = changed.but(name=changed.name.strip())
    if fields is not None:
        rows = tuple((name.strip(), value.strip()) for name, value in fields)
        changed = changed.but(fields=tuple(row for row in rows if any(row)))
    await _require(context, actor, changed)
    for worn, is_banner in ((picture, False), (banner, True)):
        if worn is not None:
            await media.wear(context, actor=actor, record=worn, banner=is_banner)
    await _write(context, actor, changed, also=picture is not None or banner is not None)


async def take_off(context: Context, *, actor: LocalActor, banner: bool) -> None:
    """Takes an actor's picture away, or the one above its profile, and tells whoever follows."""
    if (actor.banner_id if banner else actor.picture_id) is not None:
        await media.wear(context, actor=actor, record=None, banner=banner)
        await _write(context, actor, Profile.of(actor), also=True)


async def _require(context: Context, actor: LocalActor, changed: Profile) -> None:
    require(people_policy.may_list_fields(fields=changed.fields))
    if actor.kind != "Group":
        require(people_policy.may_describe(name=changed.name, summary=changed.summary))
        return
    require(movements_policy.may_describe(name=changed.name, summary=changed.summary))
    movement = await context.session.get(Movement, actor.id)
    posture = movement.posture if movement is not None else None
    relocked = changed.locked != actor.locked
    require(movements_policy.may_show(posture=posture, discoverable=changed.discoverable, relocked=relocked))


async def _write(context: Context, actor: LocalActor, changed: Profile, *, also: bool = False) -> None:
    """Writes and sends what is new; `also` where something else is."""
    if changed == Profile.of(actor) and not also:
        return
    actor.name, actor.summary, actor.fields = changed.name, changed.summary, packed(changed.fields)
    actor.locked, actor.discoverable = changed.locked, changed.discoverable
    context.session.add(actor)
    await context.session.flush()
    await _send(context, actor)


async def change_keys(context: Context, *, actor: LocalActor, keypairs: Keypairs, overlap: bool = True) -> None:
    """Gives an actor new keys, and sends them to whoever follows, signed with the former key (WIRE 1.9).

    Without `overlap` the former keys are gone at once, and whoever is told has to fetch the new ones to believe it.
    Raises `TooSoon` or `NoSuchKey`.
    """
    await identities.change_keys(context, actor, keypairs, overlap=overlap)
    if actor.kind != "Application":
        await _send(context, actor, with_former_key=overlap)


async def _send(context: Context, actor: LocalActor, *, with_former_key: bool = False) -> None:
    """Sends the document, as it is now, to the actor's audience."""
    own = context.origin.actor(actor.id)
    followers = context.origin.actor(actor.id, "followers")
    is_open = actor.kind == "Group" and not actor.locked
    update = builders.update(
        id=context.origin.activity(random_id()), actor=own, object=document_of(context.origin, actor)
    ) | {"to": [PUBLIC] if is_open else [followers], "cc": [followers] if is_open else []}
    if await is_circle(context, actor):
        inboxes = shared_inboxes(await membership.recipients(context, actor))
        await outbox.enqueue(
            context, sender=actor, activity=update, inboxes=inboxes, about=own, with_former_key=with_former_key
        )
    else:
        await fanout.enqueue(
            context, sender=actor, activity=update, narrow=False, about=own, with_former_key=with_former_key
        )
