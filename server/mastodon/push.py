"""Where a program wants to be woken: one subscription for each token."""

from typing import Annotated, Any

from federation.context import Context
from server.api.access import Work, reads, writes
from server.api.errors import Missing
from server.api.parameters import Given, given
from server.api.routing import router
from server.mastodon.entities.notification import WebPushSubscription
from server.push import keys, subscriptions
from server.push.subscriptions import Subscription

routes = router()


class Keys(Given):
    """The keys of the device."""

    p256dh: str
    auth: str


class Endpoint(Given):
    """Where the device is reached."""

    endpoint: str
    keys: Keys


class Preferences(Given):
    """About what, and of whose doing."""

    alerts: dict[str, bool] | None = None
    policy: str | None = None


class NewSubscription(Given):
    """What `POST /api/v1/push/subscription` takes."""

    subscription: Endpoint
    data: Preferences = Preferences()
    policy: str | None = None


class Changed(Given):
    """What `PUT` takes."""

    data: Preferences = Preferences()
    policy: str | None = None


@routes.post("/api/v1/push/subscription")
async def subscribe(
    work: Annotated[Work, writes("push")], new: Annotated[NewSubscription, given(NewSubscription)]
) -> WebPushSubscription:
    """Subscribes, in place of what this token subscribed before."""
    subscription = Subscription(
        token=work.caller.token,
        owner=work.me.id,
        endpoint=new.subscription.endpoint,
        p256dh=new.subscription.keys.p256dh,
        auth=new.subscription.keys.auth,
        alerts=subscriptions.known_alerts(new.data.alerts or {}),
        of_whom=new.data.policy or new.policy or "all",
    )
    return await _written(work, subscription)


@routes.get("/api/v1/push/subscription")
async def show_subscription(work: Annotated[Work, reads("push")]) -> WebPushSubscription:
    """What this token subscribed."""
    return await _shown(work.context, await _own(work))


@routes.put("/api/v1/push/subscription")
async def change_subscription(
    work: Annotated[Work, writes("push")], changed: Annotated[Changed, given(Changed)]
) -> WebPushSubscription:
    """Changes what pushes are about, or of whose doing."""
    known = await _own(work)
    alerts = known.alerts if changed.data.alerts is None else subscriptions.known_alerts(changed.data.alerts)
    policy = changed.data.policy or changed.policy or known.of_whom
    return await _written(work, known.but(alerts=alerts, of_whom=policy))


@routes.delete("/api/v1/push/subscription")
async def unsubscribe(work: Annotated[Work, writes("push")]) -> dict[str, Any]:
    """Ends it, if there is one."""
    await subscriptions.remove(work.context, work.caller.token)
    return {}


async def _own(work: Work) -> Subscription:
    found = await subscriptions.find(work.context, work.caller.token)
    if found is None:
        raise Missing
    return found


async def _written(work: Work, subscription: Subscription) -> WebPushSubscription:
    subscriptions.check(subscription, insecure_http=work.assembly.settings.insecure_http)
    return await _shown(work.context, await subscriptions.put(work.context, subscription))


async def _shown(context: Context, subscription: Subscription) -> WebPushSubscription:
    return WebPushSubscription(
        id=subscription.id,
        endpoint=subscription.endpoint,
        alerts=dict(subscription.alerts),
        policy=subscription.of_whom,
        server_key=await keys.public_key(context),
    )
