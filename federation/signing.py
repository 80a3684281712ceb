"""Signs requests in either form, with all that either form has to cover."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Literal

from crypto.http_signatures import sign_cavage, sign_rfc9421
from federation.identities import Signer

Spec = Literal["cavage", "rfc9421"]
Sign = Callable[[str], dict[str, str]]
"""The headers to send with a request to a URL, its signature among them."""


def signs_get(signer: Signer, now: datetime, *, omit_query: bool = False) -> Sign:
    """Signs a GET; with `omit_query` as several servers check it, the query left out."""
    return partial(_signed, partial(sign_cavage, omit_query=omit_query), "GET", None, signer, now, {})


def signs_post(spec: Spec, body: bytes, signer: Signer, now: datetime, headers: Mapping[str, str]) -> Sign:
    """Signs a POST of these bytes with these further headers."""
    return partial(_signed, sign_cavage if spec == "cavage" else sign_rfc9421, "POST", body, signer, now, headers)


def _signed(
    form: Callable[..., dict[str, str]],
    method: str,
    body: bytes | None,
    signer: Signer,
    now: datetime,
    extra: Mapping[str, str],
    target: str,
) -> dict[str, str]:
    return form(
        method=method,
        target_uri=target,
        body=body,
        key_id=signer.key_id,
        key=signer.key,
        now=now,
        extra_headers=extra,
    )
