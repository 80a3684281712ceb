"""The JSON-LD contexts that our documents carry. Never fetched by us, and needing no fetch by common peers."""

import copy
from typing import Any

from federation.vocabulary import Document

ACTIVITYSTREAMS = "https://www.w3.org/ns/activitystreams"
SECURITY_V1 = "https://w3id.org/security/v1"
DATA_INTEGRITY_V1 = "https://w3id.org/security/data-integrity/v1"

_ID = {"@type": "@id"}

CONTEXT: list[Any] = [
    # As a bare string: Mastodon looks for this very member.
    ACTIVITYSTREAMS,
    SECURITY_V1,
    # The terms of FEP-521a, FEP-2c59 and FEP-044f are spelled out, because their own context documents are not
    # built into every JSON-LD processor, and a processor that must fetch them first may give up on us.
    {
        "sec": "https://w3id.org/security#",
        "toot": "http://joinmastodon.org/ns#",
        "lemmy": "https://join-lemmy.org/ns#",
        "mz": "https://joinmobilizon.org/ns#",
        "schema": "http://schema.org#",
        "ostatus": "http://ostatus.org#",
        "litepub": "http://litepub.social/ns#",
        "gts": "https://gotosocial.org/ns#",
        "manuallyApprovesFollowers": "as:manuallyApprovesFollowers",
        "sensitive": "as:sensitive",
        "Hashtag": "as:Hashtag",
        "movedTo": {"@id": "as:movedTo", **_ID},
        "alsoKnownAs": {"@id": "as:alsoKnownAs", **_ID},
        "discoverable": "toot:discoverable",
        "indexable": "toot:indexable",
        "blurhash": "toot:blurhash",
        "votersCount": "toot:votersCount",
        "featured": {"@id": "toot:featured", **_ID},
        "conversation": "ostatus:conversation",
        "directMessage": "litepub:directMessage",
        "PropertyValue": "schema:PropertyValue",
        "value": "schema:value",
        "postingRestrictedToMods": "lemmy:postingRestrictedToMods",
        "moderators": {"@id": "lemmy:moderators", **_ID},
        "openness": {"@id": "mz:openness", **_ID},
        "members": {"@id": "mz:members", **_ID},
        "resources": {"@id": "mz:resources", **_ID},
        "discussions": {"@id": "mz:discussions", **_ID},
        "events": {"@id": "mz:events", **_ID},
        "posts": {"@id": "mz:posts", **_ID},
        "todos": {"@id": "mz:todos", **_ID},
        "Member": "mz:Member",
        "EmojiReact": "litepub:EmojiReact",
        "webfinger": "https://purl.archive.org/socialweb/webfinger#webfinger",
        "implements": {"@id": "https://w3id.org/fep/844e/implements", **_ID, "@container": "@list"},
        "assertionMethod": {"@id": "sec:assertionMethod", **_ID},
        "Multikey": "sec:Multikey",
        "controller": {"@id": "sec:controller", **_ID},
        "publicKeyMultibase": {"@id": "sec:publicKeyMultibase", "@type": "sec:multibase"},
        "interactionPolicy": {"@id": "gts:interactionPolicy", **_ID},
        "canQuote": {"@id": "gts:canQuote", **_ID},
        "automaticApproval": {"@id": "gts:automaticApproval", **_ID},
    },
]
"""The `@context` of everything we serve and send. Treat as constant; `in_context` copies it."""


def in_context(document: Document) -> Document:
    """The document with our context at its top, in place of any other."""
    return {"@context": copy.deepcopy(CONTEXT), **without_context(document)}


def without_context(document: Document) -> Document:
    """The document as it is embedded in another: its own `@context` taken off."""
    return {key: value for key, value in document.items() if key != "@context"}
