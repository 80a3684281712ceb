"""Turns movements and circles into the documents that others read. Pure; lists no people."""

from federation.identities import proof_keys
from federation.origin import Origin
from federation.vocabulary import Document
from federation.vocabulary.actors import ActorProfile, actor_document
from federation.vocabulary.html import paragraphs
from models import LocalActor
from server.organizing.parties import endpoints_of, picture_address
from server.organizing.profile_fields import shown_fields


def group_document(origin: Origin, group: LocalActor) -> Document:
    """The public document of a Group. An unlocked one is a movement: followed by anybody, joined by nobody.

    A locked one is a circle: following or joining it is an application.
    """
    return actor_document(
        ActorProfile(
            id=origin.actor(group.id),
            kind="Group",
            handle=group.handle,
            domain=origin.domain,
            url=origin.profile(group.handle),
            shared_inbox=origin.shared_inbox,
            endpoints=endpoints_of(origin),
            public_key_pem=group.public_key_pem,
            multikeys=proof_keys(group),
            name=group.name,
            summary=paragraphs(group.summary),
            fields=shown_fields(group),
            locked=group.locked,
            discoverable=group.discoverable,
            icon=picture_address(origin, group.picture_id),
            image=picture_address(origin, group.banner_id),
            openness="moderated" if group.locked else "invite_only",
            posting_restricted=True,
        )
    )
