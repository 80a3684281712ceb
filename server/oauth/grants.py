"""What somebody allowed, sealed; and the tickets and codes that are presented once on the way to a token."""

import base64
import hashlib
import hmac
import json
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any, Self

from sqlalchemy import delete, select, update
from sqlmodel import col

from crypto.sealing import Cell
from crypto.tokens import random_token, token_hash
from federation.context import Context
from models import OAuthCode
from server.vault import SERVER_SCOPE

LIFETIME = timedelta(minutes=10)
"""How long a ticket or a code may be presented (RFC 6749 section 4.1.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Which program may do what, for which person, speaking as whom; by ids of rows. A program alone has no person.

    A code also remembers where it was sent to, and the PKCE challenge; a ticket the `state` to hand back.
    """

    app: str
    scopes: tuple[str, ...]
    person: str | None = None
    speaker: str | None = None
    redirect_uri: str | None = None
    challenge: str | None = None
    state: str | None = None

    def but(self, **changes: Any) -> Self:
        """The same with some fields changed."""
        return replace(self, **changes)


@dataclass(frozen=True, slots=True)
class Presented:
    """A code that was presented, and the hash of the token it was spent for before, if it was."""

    grant: Grant
    spent_for: bytes | None


def pack(grant: Grant) -> bytes:
    """A grant as it is sealed."""
    return json.dumps(asdict(grant)).encode()


def unpack(plain: bytes) -> Grant:
    """What `pack` made."""
    fields = json.loads(plain)
    return Grant(**(fields | {"scopes": tuple(fields["scopes"])}))


async def issue(context: Context, grant: Grant) -> str:
    """A new ticket or code for a grant, shown this once."""
    code = random_token()
    hashed = token_hash(code)
    sealed = await context.vault.seal(_cell(hashed), pack(grant))
    context.session.add(OAuthCode(code_hash=hashed, sealed_grant=sealed, expires_at=context.now + LIFETIME))
    await context.session.flush()
    return code


async def take_ticket(context: Context, ticket: str) -> Grant | None:
    """The grant of a ticket, which is no more from then on. None when it was used, is too old, or never was."""
    presented = await present(context, ticket)
    if presented is None or presented.spent_for is not None:
        return None
    await context.session.execute(delete(OAuthCode).where(col(OAuthCode.code_hash) == token_hash(ticket)))
    return presented.grant


async def present(context: Context, code: str) -> Presented | None:
    """Looks at a code, for the only one that looks at it until the unit of work ends."""
    asked = select(OAuthCode).where(
        col(OAuthCode.code_hash) == token_hash(code), col(OAuthCode.expires_at) > context.now
    )
    row = (await context.session.execute(asked.with_for_update())).scalar_one_or_none()
    if row is None:
        return None
    grant = unpack(await context.vault.open(_cell(row.code_hash), row.sealed_grant))
    return Presented(grant, row.token_hash)


async def spend(context: Context, code: str, *, token: str) -> None:
    """Remembers for which token a code was given, until it expires."""
    spent = update(OAuthCode).where(col(OAuthCode.code_hash) == token_hash(code))
    await context.session.execute(spent.values(token_hash=token_hash(token)))


async def sweep(context: Context) -> None:
    """Forgets what nobody can present any more."""
    await context.session.execute(delete(OAuthCode).where(col(OAuthCode.expires_at) <= context.now))


def proves(challenge: str | None, verifier: str | None) -> bool:
    """Whether a verifier fits a challenge by S256 (RFC 7636 section 4.6); nothing fits nothing, and nothing else."""
    if challenge is None or verifier is None:
        return challenge is None and verifier is None
    digest = hashlib.sha256(verifier.encode("utf-8", "surrogatepass")).digest()
    computed = base64.urlsafe_b64encode(digest).rstrip(b"=")
    return hmac.compare_digest(computed, challenge.encode("utf-8", "surrogatepass"))


def _cell(code_hash: bytes) -> Cell:
    return Cell("oauth_codes", "sealed_grant", code_hash.hex(), SERVER_SCOPE)
