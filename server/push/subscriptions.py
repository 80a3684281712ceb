"""Where a token wants its pushes, sealed: one subscription for each token, gone with it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from sqlalchemy import delete, select
from sqlmodel import SQLModel, col

from crypto.sealing import CannotOpen, Cell
from crypto.tokens import random_id
from crypto.web_push import BadDevice, Device
from federation.context import Context
from federation.origin import BadUri, origin_of
from federation.upserts import insert_into
from models import LocalActor, PushSubscription
from server.organizing.notifications.kinds import Kind
from server.organizing.refusal import Refusal, Refused
from server.vault import SERVER_SCOPE

LONGEST_ENDPOINT = 2_000

From = Literal["all", "followed", "follower", "none"]
FROM: tuple[From, ...] = ("all", "followed", "follower", "none")
"""Of whose doing pushes come."""

_subscriptions = SQLModel.metadata.tables[str(PushSubscription.__tablename__)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Where pushes go, and about what. `owner` is the id of the local actor as whom the token speaks."""

    token: bytes
    owner: str
    endpoint: str
    p256dh: str
    auth: str
    alerts: Mapping[str, bool]
    of_whom: str = "all"
    id: str = field(default_factory=random_id)

    @property
    def device(self) -> Device:
        """The keys to encrypt with."""
        return Device.from_text(self.p256dh, self.auth)

    @property
    def service(self) -> str:
        """The origin of the push service."""
        return str(origin_of(self.endpoint))

    def but(self, **changes: Any) -> Self:
        """The same with some fields changed."""
        return replace(self, **changes)


def check(subscription: Subscription, *, insecure_http: bool) -> None:
    """Raises `Refused` for what cannot be pushed to. Whether the address may be reached is seen when it is sent."""
    schemes = ("https", "http") if insecure_http else ("https",)
    try:
        origin_of(subscription.endpoint)
        is_address = urlsplit(subscription.endpoint).scheme in schemes
    except (BadUri, ValueError):
        is_address = False
    if not is_address or len(subscription.endpoint) > LONGEST_ENDPOINT:
        raise Refused(Refusal("The endpoint is no https address."))
    try:
        subscription.device  # noqa: B018  (it is read to be checked)
    except BadDevice as error:
        raise Refused(Refusal("The keys of the subscription are none.")) from error
    if subscription.of_whom not in FROM:
        raise Refused(Refusal(f"The policy is one of: {', '.join(FROM)}."))


def known_alerts(asked: Mapping[str, bool]) -> dict[str, bool]:
    """About what there can be pushes, and about what they are wanted."""
    return {kind.value: bool(asked.get(kind.value, False)) for kind in Kind}


async def put(context: Context, subscription: Subscription) -> Subscription:
    """Writes the one subscription of a token, in place of the one before."""
    await remove(context, subscription.token)
    cell = _cell(subscription.id)
    fields = {
        "owner": subscription.owner,
        "endpoint": subscription.endpoint,
        "p256dh": subscription.p256dh,
        "auth": subscription.auth,
        "alerts": dict(subscription.alerts),
        "of_whom": subscription.of_whom,
    }
    row = insert_into(context, _subscriptions).values(
        id=subscription.id,
        token_hash=subscription.token,
        owner_index=_owner_index(context, subscription.owner),
        sealed_record=await context.vault.seal(cell, json.dumps(fields).encode()),
    )
    await context.session.execute(row)
    return subscription


async def find(context: Context, token: bytes) -> Subscription | None:
    """The subscription of a token."""
    found = await _load(context, col(PushSubscription.token_hash) == token)
    return found[0] if found else None


async def by_ids(context: Context, ids: Sequence[str]) -> dict[str, Subscription]:
    """Those of the subscriptions that there still are."""
    found = await _load(context, col(PushSubscription.id).in_(ids))
    return {subscription.id: subscription for subscription in found}


async def of_owner(context: Context, owner: LocalActor) -> list[Subscription]:
    """All devices that want to hear what an actor is told."""
    return await _load(context, col(PushSubscription.owner_index) == _owner_index(context, owner.id))


async def remove(context: Context, token: bytes) -> None:
    """Ends the subscription of a token, and what is on its way to it."""
    await context.session.execute(delete(PushSubscription).where(col(PushSubscription.token_hash) == token))


async def remove_ids(context: Context, ids: Sequence[str]) -> None:
    """Ends subscriptions of which the push service says that they are no more."""
    await context.session.execute(delete(PushSubscription).where(col(PushSubscription.id).in_(ids)))


async def forget_owner(context: Context, owner: LocalActor) -> None:
    """Ends all subscriptions to what an actor is told."""
    mine = col(PushSubscription.owner_index) == _owner_index(context, owner.id)
    await context.session.execute(delete(PushSubscription).where(mine))


async def _load(context: Context, condition: Any) -> list[Subscription]:
    rows = (await context.session.execute(select(_subscriptions).where(condition))).all()
    found = []
    for row in rows:
        try:
            fields = json.loads(await context.vault.open(_cell(row.id), row.sealed_record))
        except CannotOpen:  # nobody will ever be reached by it again
            continue
        found.append(Subscription(**fields, id=row.id, token=row.token_hash))
    return found


def _owner_index(context: Context, owner: str) -> bytes:
    return context.vault.index("push_subscriptions.owner", owner)


def _cell(row: str) -> Cell:
    return Cell("push_subscriptions", "sealed_record", row, SERVER_SCOPE)
