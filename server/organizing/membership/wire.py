"""Turns memberships into the activities and objects that Mobilizon and other Groundswell servers understand. Pure."""

from federation.origin import Origin
from federation.vocabulary import Document
from server.organizing.membership.records import Record, Role

ROLES: dict[Role, str] = {Role.ORGANIZER: "administrator", Role.MODERATOR: "moderator", Role.MEMBER: "member"}
"""Our roles in Mobilizon's words."""


def join_of(record: Record) -> Document:
    """The Join that began a membership, rebuilt from what is kept of it."""
    return {"type": "Join", "id": record.activity, "actor": record.member, "object": record.group}


def invite_of(record: Record) -> Document:
    """The Invite that began a membership."""
    return {
        "type": "Invite",
        "id": record.activity,
        "actor": record.inviter or record.group,
        "object": record.group,
        "target": record.member,
    }


def member_id(origin: Origin, record: Record) -> str:
    """The address of a membership in a circle here: random, and served to nobody.

    That of an activity, because Mobilizon takes the id of an Invite for the address of the membership.
    """
    return origin.activity(record.id)


def member_document(origin: Origin, record: Record) -> Document:
    """A Member as Mobilizon expects it in the result of an Accept; only ever sent to the member."""
    return {
        "type": "Member",
        "id": member_id(origin, record),
        "actor": record.member,
        "object": record.group,
        "role": ROLES[record.role],
    }
