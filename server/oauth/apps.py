"""Registers client programs and knows them again. Anybody may register one: there is a cap, and an end."""

import hmac
import re
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from sqlalchemy import Exists, delete, exists, func, select
from sqlmodel import col

from crypto.tokens import random_id, random_token, token_hash
from federation.context import Context
from models import OAuthApp, OAuthToken
from server.oauth.scopes import UnknownScope, parse_scopes
from server.organizing.refusal import Refusal, Refused

OUT_OF_BAND = "urn:ietf:wg:oauth:2.0:oob"
"""The redirect of programs that let the person copy the code by hand."""

MOST_APPS = 10_000
"""Programs that are kept. Beyond that, the oldest that nobody signed in with makes room."""

KEEP_UNUSED = timedelta(days=30)
"""How long a program is kept that nobody has signed in with."""

LONGEST_NAME, LONGEST_URI, MOST_REDIRECTS = 200, 2_000, 4
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?:[\w.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?", re.ASCII | re.IGNORECASE)
_DANGEROUS = frozenset({"javascript", "data", "vbscript", "file", "blob", "about"})


@dataclass(frozen=True, slots=True)
class Registered:
    """A new program, with the secret that is shown this once."""

    app: OAuthApp
    secret: str


async def register(
    context: Context, *, name: str, redirect_uris: list[str], scopes: str | None, website: str | None = None
) -> Registered:
    """Takes a program in. Raises `Refused` for what is not fit, having changed nothing."""
    wanted = _checked(name, redirect_uris, scopes, website)
    secret = random_token()
    app = OAuthApp(
        id=random_id(),
        secret_hash=token_hash(secret),
        name=name.strip(),
        website=website or None,
        redirect_uris=" ".join(redirect_uris),
        scopes=" ".join(wanted),
        made_on=context.now.date(),
    )
    await _make_room(context)
    context.session.add(app)
    await context.session.flush()
    return Registered(app, secret)


async def find_app(context: Context, client_id: str | None) -> OAuthApp | None:
    """A program by its client id."""
    if not client_id or "\0" in client_id:
        return None
    return await context.session.get(OAuthApp, client_id)


def has_secret(app: OAuthApp, secret: str | None) -> bool:
    """Whether this is the program's secret."""
    return secret is not None and hmac.compare_digest(app.secret_hash, token_hash(secret))


def takes_redirect(app: OAuthApp, redirect_uri: str) -> bool:
    """Whether the program registered exactly this, character by character (RFC 9700 section 4.1.3)."""
    return redirect_uri in app.redirect_uris.split(" ")


async def sweep(context: Context) -> None:
    """Forgets programs that nobody has signed in with for a month."""
    old = col(OAuthApp.made_on) < context.now.date() - KEEP_UNUSED
    await context.session.execute(delete(OAuthApp).where(old, ~_is_used()))


async def _make_room(context: Context) -> None:
    count = (await context.session.execute(select(func.count()).select_from(OAuthApp))).scalar_one()
    if count >= MOST_APPS:
        oldest = select(col(OAuthApp.id)).where(~_is_used()).order_by(col(OAuthApp.made_on)).limit(1)
        await context.session.execute(delete(OAuthApp).where(col(OAuthApp.id).in_(oldest.scalar_subquery())))


def _is_used() -> Exists:
    return exists().where(col(OAuthToken.app_id) == col(OAuthApp.id))


def _checked(name: str, redirect_uris: list[str], scopes: str | None, website: str | None) -> tuple[str, ...]:
    if not 0 < len(name.strip()) <= LONGEST_NAME:
        raise Refused(Refusal(f"A program's name has 1 to {LONGEST_NAME} characters."))
    if not 0 < len(redirect_uris) <= MOST_REDIRECTS or not all(map(_is_redirect, redirect_uris)):
        raise Refused(Refusal(f"1 to {MOST_REDIRECTS} absolute redirect URIs are needed, without a fragment."))
    if website and (len(website) > LONGEST_URI or urlsplit(website).scheme not in ("http", "https")):
        raise Refused(Refusal("The website is not a web address."))
    try:
        return parse_scopes(scopes)
    except UnknownScope as error:
        raise Refused(Refusal("There is no such scope.")) from error


def _is_redirect(uri: str) -> bool:
    """Absolute and without fragment (RFC 6749 section 3.1.2); a scheme of its own where the program is an app."""
    if uri == OUT_OF_BAND:
        return True
    scheme, colon, rest = uri.partition(":")
    if len(uri) > LONGEST_URI or not colon or not rest or not uri.isascii() or "#" in uri:
        return False
    if any(character <= " " or character == "\x7f" for character in uri):
        return False
    if not _SCHEME.fullmatch(scheme) or scheme.lower() in _DANGEROUS:
        return False
    return scheme.lower() not in ("http", "https") or _AUTHORITY.fullmatch(urlsplit(uri).netloc) is not None
