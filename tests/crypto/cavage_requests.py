"""Requests signed by draft-cavage, by our signer and by hand, for the tests."""

import base64
from typing import Any

from crypto import http_signatures as hs
from crypto.cavage import signing_string
from crypto.messages import collect
from crypto.signing import sign
from tests.crypto.requests import BODY, HOST, INBOX, KEY_ID, NOW, OUTBOX, changed, message

EPOCH = int(NOW.timestamp())
ALL = "(request-target) host date digest"
CREATED = "(request-target) (created) host digest"


def post(key: Any, **overrides: Any) -> hs.Message:
    options: dict[str, Any] = {
        "method": "POST",
        "target_uri": INBOX,
        "body": BODY,
        "key_id": KEY_ID,
        "key": key,
        "now": NOW,
    } | overrides
    target, body = options["target_uri"], options["body"]
    return message(options["method"], target, hs.sign_cavage(**options), body)


def get(key: Any, **overrides: Any) -> hs.Message:
    return post(key, **({"method": "GET", "target_uri": OUTBOX, "body": None} | overrides))


def parse(request: hs.Message, **overrides: Any) -> hs.ParsedSignature:
    options: dict[str, Any] = {"now": NOW, "host": HOST} | overrides
    return hs.parse(request, **options)


def by_hand(
    key: Any, covered: str, tail: str = "", algorithm: str = 'algorithm="hs2019",', **special: int
) -> hs.Message:
    """A correctly signed POST over any list of headers, with any parameters."""
    request = post(key)
    text = signing_string(tuple(covered.split()), collect(request.headers), target="post /ap/g/river/inbox", **special)
    encoded = base64.b64encode(sign(key, text)).decode()
    value = f'keyId="{KEY_ID}",{algorithm}headers="{covered}",signature="{encoded}"{tail}'
    return changed(request, "signature", value)
