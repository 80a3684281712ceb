"""What a push says. Nothing of who did what, unless its receiver chose so: screens are read over shoulders."""

import json
from dataclasses import dataclass

from crypto.web_push import LARGEST
from federation.vocabulary.html import plain_text
from server.organizing.notifications.kinds import Kind
from server.organizing.notifications.policy import PushTexts

NEUTRAL = "New activity"
LONGEST_BODY = 140
"""Characters of a post."""

_TITLES = {
    Kind.MENTION: "{name} mentioned you",
    Kind.STATUS: "{name} just posted",
    Kind.REBLOG: "{name} boosted your post",
    Kind.FOLLOW: "{name} is now following you",
    Kind.FOLLOW_REQUEST: "{name} asks to follow you",
    Kind.FAVOURITE: "{name} favourited your post",
    Kind.POLL: "A poll by {name} has ended",
    Kind.UPDATE: "{name} edited a post",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What could be said: who did it, and the post it is about with its content warning."""

    number: int
    kind: Kind
    name: str
    icon: str
    html: str = ""
    warning: str | None = None


def payload(said: Said, texts: PushTexts) -> bytes:
    """The message for the device, in Mastodon's form. Programs find their account by themselves: no token is in it."""
    is_full = texts is PushTexts.FULL
    body = said.warning or plain_text(said.html) if is_full else ""
    message = {
        "access_token": "",
        "preferred_locale": "en",
        "notification_id": said.number,
        "notification_type": said.kind.value,
        "icon": said.icon,
        "title": _TITLES[said.kind].format(name=said.name[:LONGEST_BODY]) if is_full else NEUTRAL,
        "body": body[:LONGEST_BODY],
    }
    packed = json.dumps(message, ensure_ascii=False).encode()
    return packed if len(packed) <= LARGEST else json.dumps(message | {"title": NEUTRAL, "body": ""}).encode()
