"""Sends what is queued to push services: a lane of its own, so many at a time, and no transaction open meanwhile."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from crypto.web_push import ServerKey, encrypt
from federation.client import ForbiddenAddress, Unreachable
from federation.context import Context
from federation.runtime import Federation
from models import LocalActor
from server.oauth import tokens
from server.organizing.notifications import records
from server.organizing.notifications.wishes import wishes_of
from server.organizing.parties import ACTIVE, name_of
from server.organizing.posts.people_named import party_of
from server.organizing.posts.queries import find_post
from server.push import keys, queue, subscriptions
from server.push.queue import Message
from server.push.subscriptions import Subscription
from server.push.texts import Said, payload

AT_ONCE = 16
"""Pushes under way at a time."""

_GONE = frozenset({404, 410})
_LATER = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class _Parcel:
    """A push ready to be sent."""

    message: Message
    subscription: Subscription
    body: bytes
    headers: Mapping[str, str]


async def work(federation: Federation) -> int:
    """Sends what is due; how many were taken. Raises what the database raises."""
    async with federation.reading() as context:
        anything = await queue.is_due(context)
    if not anything:
        return 0
    async with federation.writing() as context:
        messages = await queue.take(context, AT_ONCE)
        parcels = await _packed(context, messages)
        ready = {parcel.message.id for parcel in parcels}
        await queue.finish(context, [message.id for message in messages if message.id not in ready])
    statuses = await asyncio.gather(*(_send(federation, parcel) for parcel in parcels))
    async with federation.writing() as context:
        for parcel, (status, retry_after) in zip(parcels, statuses, strict=True):
            await _book(context, parcel, status, retry_after)
    return len(messages)


async def _packed(context: Context, messages: list[Message]) -> list[_Parcel]:
    """Those that somebody still wants to hear of, and may: it was not taken back, and the token is good."""
    known = await subscriptions.by_ids(context, [message.subscription for message in messages])
    if not known:
        return []
    key = await keys.private_key(context)
    parcels = []
    for message in messages:
        subscription = known.get(message.subscription)
        said = await _said(context, subscription, message) if subscription is not None else None
        if subscription is not None and said is not None:
            body = encrypt(said, subscription.device)
            parcels.append(_Parcel(message, subscription, body, _headers(context, key, subscription)))
    return parcels


async def _said(context: Context, subscription: Subscription, message: Message) -> bytes | None:
    caller = await tokens.recognise_hash(context, subscription.token)
    receiver = await context.session.get(LocalActor, subscription.owner)
    if caller is None or caller.speaker is None or caller.speaker.id != subscription.owner:
        return None
    if receiver is None or receiver.state != ACTIVE:
        return None
    record = await records.find(context, receiver, message.notification)
    sender = await party_of(context, record.sender) if record is not None else None
    if record is None or sender is None:
        return None
    post = await find_post(context, record.post, receiver) if record.post else None
    said = Said(
        number=record.number,
        kind=record.kind,
        name=name_of(sender),
        icon=f"{context.origin}/static/avatar.png",
        html=post.content.html if post is not None else "",
        warning=post.content.summary if post is not None else None,
    )
    return payload(said, (await wishes_of(context, receiver)).push_texts)


def _headers(context: Context, key: ServerKey, subscription: Subscription) -> dict[str, str]:
    authorization = key.authorization(audience=subscription.service, contact=str(context.origin), now=context.now)
    return {
        "Content-Type": "application/octet-stream",
        "Content-Encoding": "aes128gcm",
        "TTL": str(int(queue.KEEP.total_seconds())),
        "Urgency": "normal",
        "Authorization": authorization,
    }


async def _send(federation: Federation, parcel: _Parcel) -> tuple[int | None, int | None]:
    """The status of the answer, None for none; and after how many seconds to come again."""
    try:
        answer = await federation.client.submit(parcel.subscription.endpoint, parcel.body, parcel.headers)
    except ForbiddenAddress:  # it leads into a network that is nobody's business
        return 410, None
    except Unreachable:
        return None, None
    return answer.status, answer.retry_after


async def _book(context: Context, parcel: _Parcel, status: int | None, retry_after: int | None) -> None:
    if status in _GONE:
        await subscriptions.remove_ids(context, [parcel.subscription.id])
    elif status is None or status >= 500 or status in _LATER:
        later = timedelta(seconds=retry_after) if retry_after else None
        await queue.put_off(context, parcel.message, later)
    else:  # sent, or refused in a way that another attempt would not change
        await queue.finish(context, [parcel.message.id])
