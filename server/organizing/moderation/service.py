"""Shuts servers and actors out, lets them in again, and closes reports. Tells nobody outside. Never commits."""

from sqlalchemy import ColumnElement, delete, or_, select
from sqlmodel import col

from federation import follows
from federation.context import Context
from federation.origin import BadUri, host_of, normalize_host
from federation.outbox import discard_finished
from federation.remote import forget_actor, known_actor
from models import Circle, Delivery, DomainBlock, LocalActor, Report
from server.organizing.membership import records as memberships
from server.organizing.membership import service as membership
from server.organizing.moderation import policy, reports
from server.organizing.parties import ACTIVE
from server.organizing.posts import service as posts
from server.organizing.refusal import Refusal, Refused, require

SUSPENDED = "suspended"
UNKNOWN_ACTOR = Refusal("Nobody of that address is known here.")
NO_SUCH_REPORT = Refusal("There is no such open report.")


async def block_domain(context: Context, domain: str) -> int:
    """Neither hears nor speaks to a domain, and all below it, from now on; returns how many of its actors it cut off.

    Follows in both directions and memberships in circles here end without a word, and what waits to be delivered
    there is dropped. What it posted before stays. Opens every edge there is. Raises `Refused`, or `BadUri` for what
    is no domain.
    """
    name = normalize_host(domain)
    require(policy.may_block(domain=name, own=context.origin))
    if await context.session.get(DomainBlock, name) is None:
        context.session.add(DomainBlock(domain=name, since=context.now.date()))
        await context.session.flush()
    actors = await _acquaintances(context, name)
    for actor in sorted(actors):
        await follows.remove_actor(context, actor)
        await membership.forget_actor(context, actor)
    await _drop_deliveries(context, name)
    return len(actors)


async def unblock_domain(context: Context, domain: str) -> bool:
    """Hears and speaks to a domain again; what ended stays ended. Tells whether it was blocked. Raises `BadUri`."""
    done = delete(DomainBlock).where(col(DomainBlock.domain) == normalize_host(domain))
    return (await context.session.execute(done.returning(col(DomainBlock.domain)))).first() is not None


async def suspend_actor(context: Context, uri: str) -> None:
    """Silences one actor. Of one elsewhere, all that it wrote, followed and belonged to goes, and only what it takes
    back is heard; one of ours can neither speak nor be found. Raises `Refused` for somebody unknown.
    """
    located = context.origin.locate(uri)
    if located is not None:
        actor = await context.session.get(LocalActor, located.id)
        if actor is None or located.kind != "actor" or actor.state != ACTIVE or actor.kind == "Application":
            raise Refused(UNKNOWN_ACTOR)
        actor.state = SUSPENDED
        context.session.add(actor)
        await context.session.flush()
        return
    if await known_actor(context, uri) is None:
        raise Refused(UNKNOWN_ACTOR)
    await posts.forget_author(context, uri)
    await follows.remove_actor(context, uri)
    await membership.forget_actor(context, uri)
    await forget_actor(context, uri, state=SUSPENDED)


async def close_report(context: Context, report_id: str) -> None:
    """Marks a report as dealt with and forgets what it said. Raises `Refused` when it is not open."""
    report = await context.session.get(Report, report_id)
    if report is None or report.state != reports.OPEN:
        raise Refused(NO_SUCH_REPORT)
    report.state, report.sealed_record = reports.CLOSED, b""
    context.session.add(report)
    await context.session.flush()


async def _acquaintances(context: Context, domain: str) -> set[str]:
    """Actors of a domain that follow or are followed by somebody here, or belong to a circle here."""
    known = set()
    async for edge in follows.every_edge(context):
        known |= {edge.follower, edge.followee}
    for circle_id in (await context.session.execute(select(col(Circle.actor_id)))).scalars().all():
        members = await memberships.of_group(context, context.origin.actor(circle_id))
        known |= {record.member for record in members}
    return {uri for uri in known if not context.origin.owns(uri) and _is_of(uri, domain)}


def _is_of(uri: str, domain: str) -> bool:
    try:
        return policy.is_below(host_of(uri), domain)
    except BadUri:
        return False


async def _drop_deliveries(context: Context, domain: str) -> None:
    dropped = delete(Delivery).where(_is_below(domain)).returning(col(Delivery.item_id))
    items = set((await context.session.execute(dropped)).scalars())
    await discard_finished(context, items)


def _is_below(domain: str) -> ColumnElement[bool]:
    """The condition that a delivery's host, with or without a port, is a domain or lies below it."""
    host = col(Delivery.host)
    return or_(
        host == domain,
        host.endswith(f".{domain}", autoescape=True),
        host.startswith(f"{domain}:", autoescape=True),
        host.contains(f".{domain}:", autoescape=True),
    )
