"""Any JSON, for showing that parsers raise `Malformed` and nothing else. Biased towards what ActivityPub knows."""

from typing import Any

from hypothesis import strategies as st

from federation.vocabulary import Document

KEYS = """@context actor alsoKnownAs anyOf assertionMethod attachment attributedTo audience cc content contentMap
controller endpoints featured followers height href icon id inReplyTo inbox items language location
manuallyApprovesFollowers mediaType members movedTo name nameMap object oneOf origin outbox owner preferredUsername
publicKey publicKeyMultibase publicKeyPem published result sensitive sharedInbox source startTime summary tag target to
type updated url value width""".split()
WORDS = """Accept Announce Article Create Delete Emoji Event Flag Follow Group Hashtag Image Like Link Mention Multikey
Note Page Person Question Undo Update Video as:Public text/html image/png 2026-06-07T20:51:35Z #x @a@b.example en ""
https://peer.example/users/ann https://peer.example/1 https://[ http://[::1]:x/ https://victim.example/ acct:a@b
<b>x</b> javascript:alert(1) https://xn--a.example/ https://\u2f00.example/ https://peer.example:99999/""".split()

_TEXT = st.sampled_from(WORDS) | st.text(max_size=30)
_SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | _TEXT
ANYTHING = st.recursive(
    _SCALAR,
    lambda children: (
        st.lists(children, max_size=4)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), children, max_size=6)
    ),
    max_leaves=25,
)
"""Any JSON value, of any type where another is expected."""


def changed(data: st.DataObject, document: Document) -> Document:
    """The document with some of its properties, or others, replaced by anything."""
    changes: dict[str, Any] = data.draw(st.dictionaries(st.sampled_from(KEYS), ANYTHING, max_size=4))
    return document | changes
