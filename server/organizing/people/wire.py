"""Turns a local person into the document that others read. Pure; says no date, no count, no network."""

from federation.identities import proof_keys
from federation.origin import Origin
from federation.vocabulary import Document
from federation.vocabulary.actors import ActorProfile, actor_document
from federation.vocabulary.html import paragraphs
from models import LocalActor
from server.organizing.parties import endpoints_of, picture_address
from server.organizing.profile_fields import shown_fields


def person_document(origin: Origin, person: LocalActor) -> Document:
    """The public document of a person, or of a voice (`Service`) or the instance (`Application`)."""
    return actor_document(
        ActorProfile(
            id=origin.actor(person.id),
            kind="Service" if person.kind == "Service" else "Application" if person.kind == "Application" else "Person",
            handle=person.handle,
            domain=origin.domain,
            url=origin.profile(person.handle),
            shared_inbox=origin.shared_inbox,
            endpoints=endpoints_of(origin),
            public_key_pem=person.public_key_pem,
            multikeys=proof_keys(person),
            name=person.name,
            summary=paragraphs(person.summary),
            fields=shown_fields(person),
            locked=person.locked,
            discoverable=person.discoverable,
            icon=picture_address(origin, person.picture_id),
            image=picture_address(origin, person.banner_id),
        )
    )
