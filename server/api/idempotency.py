"""What a client did under a key of its own is done once: for an hour the same key gets the same answer.

The key is kept as a blind index over the token and what the client sent, the answer sealed, both in the unit of work
that does the thing: another process waits for it, and a crash leaves neither.
"""

from datetime import timedelta

from sqlalchemy import delete, update
from sqlmodel import col

from crypto.sealing import Cell
from federation.context import Context
from federation.upserts import insert_into
from models import IdempotencyKey
from server.oauth.tokens import Caller
from server.vault import SERVER_SCOPE

KEEP = timedelta(hours=1)

HEADER = "Idempotency-Key"


class Once:
    """One operation that a client asks for under a key, or without one."""

    def __init__(self, context: Context, caller: Caller, key: str | None) -> None:
        self._context = context
        self._index = (
            context.vault.index("idempotency_keys.key", f"{caller.token.hex()} {key}") if key is not None else None
        )

    async def answered(self) -> str | None:
        """What the operation made when it was done before; None when it is to be done now.

        Waits for a unit of work that is just doing it in another process.
        """
        if self._index is None:
            return None
        session, this = self._context.session, col(IdempotencyKey.key_index) == self._index
        await session.execute(delete(IdempotencyKey).where(this, col(IdempotencyKey.expires_at) <= self._context.now))
        claim = insert_into(self._context, IdempotencyKey.__table__).values(  # type: ignore[attr-defined]
            key_index=self._index, expires_at=self._context.now + KEEP
        )
        await session.execute(claim.on_conflict_do_nothing())
        row = await session.get(IdempotencyKey, self._index, populate_existing=True)
        if row is None or row.sealed_answer is None:
            return None
        return (await self._context.vault.open(self._cell(), row.sealed_answer)).decode()

    async def done(self, made: str) -> None:
        """Notes what the operation made: the id by which the same client finds it again."""
        if self._index is None:
            return
        sealed = await self._context.vault.seal(self._cell(), made.encode())
        this = col(IdempotencyKey.key_index) == self._index
        await self._context.session.execute(update(IdempotencyKey).where(this).values(sealed_answer=sealed))

    def _cell(self) -> Cell:
        return Cell("idempotency_keys", "sealed_answer", (self._index or b"").hex(), SERVER_SCOPE)


async def sweep(context: Context) -> None:
    """Forgets what was done over an hour ago."""
    await context.session.execute(delete(IdempotencyKey).where(col(IdempotencyKey.expires_at) <= context.now))
