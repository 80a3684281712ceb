"""Reads how an actor stands to others, for that actor's own eyes; a fixed number of queries for many of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from federation import follows
from federation.context import Context
from federation.follows import State
from models import LocalActor
from server.organizing.personal import records
from server.organizing.personal.records import Kept, Kind
from server.organizing.relations.silence import Silence


@dataclass(frozen=True, slots=True)
class Relation:
    """How an actor stands to one other: the states of the two follows, and what it keeps, by kind."""

    follows: State | None = None
    followed: State | None = None
    kept: Mapping[Kind, Kept] = field(default_factory=dict)
    blocked_by: bool = False
    domain_shut: bool = False


async def relations(context: Context, owner: LocalActor, others: Sequence[str]) -> dict[str, Relation]:
    """How an actor stands to each of the others, by their ids: three queries."""
    own = context.origin.actor(owner.id)
    pairs = await follows.states_between(context, own, others)
    shut = Silence(domains=frozenset(kept.about for kept in await records.all_of(context, own, Kind.DOMAIN)))
    mine: dict[str, dict[Kind, Kept]] = {}
    against = set()
    for kept in await records.between(context, own, others):
        if kept.owner == own:
            mine.setdefault(kept.about, {})[kept.kind] = kept
        else:
            against.add(kept.owner)
    return {
        other: Relation(
            *pairs.get(other, (None, None)),
            kept=mine.get(other, {}),
            blocked_by=other in against,
            domain_shut=shut.covers(other),
        )
        for other in others
    }


async def kept_about_actors(context: Context, owner: LocalActor, kind: Kind) -> list[Kept]:
    """Whom an actor blocked, muted or endorses, newest first."""
    return await records.all_of(context, context.origin.actor(owner.id), kind)


async def domains(context: Context, owner: LocalActor) -> list[Kept]:
    """The domains that an actor shut out for itself, newest first."""
    return await records.all_of(context, context.origin.actor(owner.id), Kind.DOMAIN)
