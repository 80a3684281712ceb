"""Lets others find actors and learn what this server is (WebFinger, host-meta, NodeInfo). Publishes no number."""

import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from federation.context import Context
from federation.origin import INSTANCE_ID, BadUri, Origin, SchemeHost, origin_of
from federation.runtime import Federation
from federation.serving import ACTIVITY_JSON
from federation.vocabulary import Document
from models import LocalActor

JRD = "application/jrd+json"
XRD = "application/xrd+xml"
SERVICE_RELATION = "https://www.w3.org/ns/activitystreams#Service"
"""Leads from a server's own URL to its instance actor (FEP-d556)."""

APPLICATION_RELATION = "https://www.w3.org/ns/activitystreams#Application"
"""Leads from NodeInfo to the instance actor (FEP-2677)."""

NodeInfoVersion = Literal["2.0", "2.1"]
NODE_INFO_VERSIONS: tuple[NodeInfoVersion, ...] = ("2.1", "2.0")

MAX_RESOURCE_LENGTH = 1_024
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_NODE_INFO_SCHEMA = "http://nodeinfo.diaspora.software/ns/schema/"


class BadResource(ValueError):
    """The resource is not one that WebFinger could know."""


class UnknownResource(LookupError):
    """No such actor here."""


class GoneResource(LookupError):
    """The actor was here and is deleted."""


async def webfinger(federation: Federation, context: Context, resource: str) -> Document:
    """The JRD of a local actor (RFC 7033), as Mastodon, Lemmy and the rest need it (WIRE 4.1).

    Takes `acct:name@host`, `@name@host`, and https ids and profiles. Names match in any case and come back in ours.
    Raises `BadResource`, `UnknownResource` or `GoneResource`.
    """
    if not resource or len(resource) > MAX_RESOURCE_LENGTH:
        raise BadResource("no usable resource")
    origin = federation.origin
    if resource.rstrip("/") == str(origin):
        return _instance_link(origin)
    actor = await _find(federation, context, resource)
    if actor is None:
        raise UnknownResource("no such actor")
    if actor.state == "deleted":
        raise GoneResource("the actor is deleted")
    return _descriptor(origin, actor)


async def _find(federation: Federation, context: Context, resource: str) -> LocalActor | None:
    origin = federation.origin
    if resource.lower().startswith(("https://", "http://")):
        try:
            origin_of(resource)
        except BadUri as error:
            raise BadResource("no usable resource") from error
        local = origin.locate(resource)
        if local is not None and local.kind == "actor" and not local.suffix and "#" not in resource:
            return await context.session.get(LocalActor, local.id)
        profile = resource.removeprefix(origin.profile(""))
        return None if profile == resource else await _by_name(federation, context, profile)
    name, host = _account(resource, origin.scheme)
    if host != origin_of(str(origin)):
        return None
    return await _by_name(federation, context, name)


async def _by_name(federation: Federation, context: Context, name: str) -> LocalActor | None:
    if not _NAME.fullmatch(name):
        return None
    if name.lower() == federation.origin.domain.partition(":")[0]:
        return await context.session.get(LocalActor, INSTANCE_ID)
    return await federation.application.find_handle(context, name.lower())


def _account(resource: str, scheme: str) -> tuple[str, SchemeHost]:
    """Name and host of `acct:name@host` or `@name@host`. The host is normalised (HOSTILE A13)."""
    if resource.lower().startswith("acct:"):
        account = resource[len("acct:") :]
    elif resource.startswith("@"):
        account = resource
    else:
        raise BadResource("neither an account nor an id")
    name, at, host = account.removeprefix("@").partition("@")
    if not name or not at or any(character in host for character in "/?#"):
        raise BadResource("not an account")
    try:
        return name, origin_of(f"{scheme}://{host}/")
    except BadUri as error:
        raise BadResource("not an account") from error


def _descriptor(origin: Origin, actor: LocalActor) -> Document:
    identifier = origin.actor(actor.id)
    name = origin.domain if actor.id == INSTANCE_ID else actor.handle
    links: list[dict[str, str]] = [{"rel": "self", "type": ACTIVITY_JSON, "href": identifier}]
    if actor.id != INSTANCE_ID:
        links.append(
            {"rel": "http://webfinger.net/rel/profile-page", "type": "text/html", "href": origin.profile(actor.handle)}
        )
    return {"subject": f"acct:{name}@{origin.domain}", "aliases": [identifier], "links": links}


def _instance_link(origin: Origin) -> Document:
    link = {"rel": SERVICE_RELATION, "type": ACTIVITY_JSON, "href": origin.instance}
    return {"subject": f"{origin}/", "aliases": [origin.instance], "links": [link]}


def host_meta(origin: Origin) -> str:
    """The XRD that leads to WebFinger (RFC 6415)."""
    template = quoteattr(f"{origin}/.well-known/webfinger?resource={{uri}}")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0">'
        f'<Link rel="lrdd" type="{JRD}" template={template}/></XRD>\n'
    )


def node_info_links(origin: Origin) -> Document:
    """Where the NodeInfo documents are, and who the instance actor is."""
    links = [
        {"rel": _NODE_INFO_SCHEMA + version, "href": f"{origin}/nodeinfo/{quote(version)}"}
        for version in NODE_INFO_VERSIONS
    ]
    return {"links": [*links, {"rel": APPLICATION_RELATION, "href": origin.instance}]}


def node_info(told: Mapping[str, Any], version: NodeInfoVersion) -> Document:
    """A NodeInfo document without counts (FEP-0151). `told` is what the application says of itself.

    Version 2.0 knows no repository and no homepage.
    """
    software = dict(told["software"])
    if version == "2.0":
        software = {key: software[key] for key in ("name", "version") if key in software}
    return {
        "version": version,
        "software": software,
        "protocols": ["activitypub"],
        "services": {"inbound": [], "outbound": []},
        "openRegistrations": bool(told.get("openRegistrations", False)),
        "usage": {"users": {}},
        "metadata": dict(told.get("metadata", {})),
    }


def node_info_type(version: NodeInfoVersion) -> str:
    """The media type of a NodeInfo document."""
    return f'application/json; profile="{_NODE_INFO_SCHEMA}{version}#"'
