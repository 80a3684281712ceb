"""Answers in the form that was asked for. Never lets a cache hand one viewer's answer to another."""

import json
from collections.abc import Mapping
from typing import Literal

from starlette.responses import RedirectResponse, Response

from federation.vocabulary import Document

Form = Literal["activity", "page"]

ACTIVITY_JSON = "application/activity+json"
"""The type of every document; Lemmy compares whole strings, so nothing is added to it (WIRE 0.5)."""

MOST_RANGES = 32

_ACTIVITY = ("application/activity+json", "application/ld+json", "application/json")
_PAGE = ("text/html", "application/xhtml+xml")
_VARY = {"Vary": "Accept, Signature, Signature-Input"}
_PUBLIC = "public, max-age=60"
_PRIVATE = "private, no-store"


def preferred_form(accept: str) -> Form | None:
    """What a client prefers by its Accept header (RFC 9110 section 12.5.1); None when it takes neither form.

    A document wins a tie, and anything goes for whoever says nothing.
    """
    if not accept.strip():
        return "activity"
    document, page = (max(_quality(accept, name) for name in names) for names in (_ACTIVITY, _PAGE))
    if not document and not page:
        return None
    return "page" if page > document else "activity"


def document_response(document: Document, *, private: bool = False) -> Response:
    """A document, for everybody or (`private`) for this one viewer."""
    return _json(200, document, ACTIVITY_JSON, {"Cache-Control": _PRIVATE if private else _PUBLIC})


def page_response(url: str, *, private: bool = False) -> Response:
    """Sends a browser on to the page about a thing."""
    headers = _VARY | {"Cache-Control": _PRIVATE if private else _PUBLIC}
    return RedirectResponse(url, status_code=303, headers=headers)


def gone_response(tombstone: Document) -> Response:
    """What was public and is deleted."""
    return _json(410, tombstone, ACTIVITY_JSON, {"Cache-Control": _PUBLIC})


def not_found() -> Response:
    """What is missing, and what is hidden: the same bytes, so that nobody can tell which (HOSTILE B12)."""
    return error_response(404, "not found")


def not_acceptable() -> Response:
    """Neither form will do for the client."""
    return error_response(406, "only application/activity+json and text/html")


def error_response(status: int, error: str, headers: Mapping[str, str] | None = None) -> Response:
    """A short JSON error, never cached."""
    return _json(status, {"error": error}, "application/json", {"Cache-Control": _PRIVATE, **(headers or {})})


def _json(status: int, document: Document, media_type: str, headers: Mapping[str, str]) -> Response:
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    # The Content-Type is a header here because Starlette would add a charset to some types.
    return Response(body, status_code=status, headers={**_VARY, **headers, "Content-Type": media_type})


def _quality(accept: str, name: str) -> float:
    """The weight of the most specific range that matches a type, 0 when none does."""
    best: tuple[int, float] = (-1, 0.0)
    wildcards = {name: 2, name.partition("/")[0] + "/*": 1, "*/*": 0}
    for part in accept.split(",")[:MOST_RANGES]:
        pieces = part.split(";")
        specificity = wildcards.get(pieces[0].strip().lower(), -1)
        if specificity >= 0:
            best = max(best, (specificity, _weight(pieces[1:])))
    return best[1]


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            digits = value.strip()
            usable = len(digits) <= 5 and digits.replace(".", "", 1).isdecimal() and digits.isascii()
            return min(float(digits), 1.0) if usable else 0.0
    return 1.0
