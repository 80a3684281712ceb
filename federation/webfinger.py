"""Asks other servers who goes by a handle (RFC 7033). Believes nobody: the caller makes both ends agree."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from federation.client import Answer
from federation.fetch import ask, is_activity_type
from federation.fetch_errors import FetchFailed, NotFound
from federation.origin import BadUri, host_of, origin_of
from federation.runtime import Federation
from federation.vocabulary.documents import Malformed, is_uri, listed, load_json

ACCEPT_JRD = "application/jrd+json, application/json"
ACCEPT_XRD = "application/xrd+xml, application/xml"
MAX_LINKS = 50
LARGEST_HOST_META = 64 * 1024

_USER = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,198}[A-Za-z0-9_])?")


class NoHandle(ValueError):
    """The text is not of the form `user@host`."""


@dataclass(frozen=True, slots=True)
class Handle:
    """A user name and a normalised host (with its port, where there is one)."""

    user: str
    host: str

    @property
    def key(self) -> str:
        """What two spellings of one handle have in common: names do not differ by case."""
        return f"{self.user.lower()}@{self.host}"

    @property
    def acct(self) -> str:
        """The handle as a resource (RFC 7565)."""
        return f"acct:{self.user}@{self.host}"


@dataclass(frozen=True, slots=True)
class Finger:
    """What a host said: the handle it calls the subject, and the actor that this handle stands for."""

    subject: Handle
    actor: str


def parse_handle(text: str) -> Handle:
    """Reads `user@host`, with `@` or `acct:` before it. Raises `NoHandle`.

    Exact about what could deceive: no blanks, no user information, no path, one spelling of the host (HOSTILE A13).
    """
    user, at, host = text.removeprefix("acct:").removeprefix("@").partition("@")
    if not at or not _USER.fullmatch(user) or any(character in host for character in "/?#@\\"):
        raise NoHandle("not a handle")
    try:
        return Handle(user, origin_of(f"https://{host}/").authority)
    except BadUri as error:
        raise NoHandle("not a handle") from error


async def finger(federation: Federation, handle: Handle) -> Finger:
    """What the handle's host says about it. Looks at host-meta only when WebFinger itself answers 404.

    Raises `NotFound` when the host knows no such handle, or nothing of ActivityPub about it; else `FetchFailed`.
    """
    base = f"{federation.origin.scheme}://{handle.host}/.well-known"
    resource = quote(handle.acct, safe=":@")
    try:
        answer = await ask(federation, f"{base}/webfinger?resource={resource}", accept=ACCEPT_JRD)
    except FetchFailed as failure:
        if failure.status != 404:
            raise
        template = await _template(federation, f"{base}/host-meta", handle)
        answer = await ask(federation, template.replace("{uri}", quote(handle.acct, safe="")), accept=ACCEPT_JRD)
    return _read(answer)


def _read(answer: Answer) -> Finger:
    kind = answer.content_type.partition(";")[0].strip().lower()
    if kind not in ("application/jrd+json", "application/json"):
        raise FetchFailed("not a JRD", status=answer.status)
    try:
        document = load_json(answer.body)
        subject = document.get("subject")
        if not isinstance(subject, str) or not subject.startswith("acct:"):
            raise NotFound("no subject", status=answer.status)
        return Finger(parse_handle(subject), _self_link(document.get("links")))
    except (Malformed, NoHandle) as error:
        raise FetchFailed("a malformed JRD", status=answer.status) from error


def _self_link(links: object) -> str:
    for link in listed(links)[:MAX_LINKS]:
        if isinstance(link, dict) and link.get("rel") == "self" and is_activity_type(str(link.get("type"))):
            href = link.get("href")
            if isinstance(href, str) and is_uri(href):
                return href
    raise NotFound("no actor goes by this handle", status=200)


async def _template(federation: Federation, url: str, handle: Handle) -> str:
    """The WebFinger address that a host names in its host-meta (RFC 6415), on the host itself or below it."""
    try:
        answer = await ask(federation, url, accept=ACCEPT_XRD)
        template = _lrdd(answer.body)
        host = host_of(template.replace("{uri}", ""))
    except (FetchFailed, BadUri) as error:
        raise NotFound("no such handle", status=404) from error
    if host != handle.host and not host.endswith(f".{handle.host}"):
        raise NotFound("no such handle", status=404)
    return template


def _lrdd(body: bytes) -> str:
    """The first lrdd template. No document type and no entities are read (HOSTILE C11)."""
    try:
        root: Any = fromstring(body[:LARGEST_HOST_META], forbid_dtd=True)
    except (DefusedXmlException, ParseError, ValueError, LookupError) as error:
        raise FetchFailed("a malformed XRD", status=200) from error
    for element in root.iter():
        template = _link_template(element)
        if template is not None:
            return template
    raise FetchFailed("no lrdd link", status=200)


def _link_template(element: Element) -> str | None:
    if element.tag.rpartition("}")[2] != "Link" or element.get("rel") != "lrdd":
        return None
    template = element.get("template", "")
    return template if "{uri}" in template else None
