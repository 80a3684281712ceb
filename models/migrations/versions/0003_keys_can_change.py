"""Keys can be changed: several data keys for a scope, of which one is current; actors with the keys they had before.

The key of look-ups becomes a wrapped key too. That takes the root key, so it is done at the next start; the indexes
that are there stay as they are.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Applies the revision."""
    _data_keys()
    _local_actors()
    # SQLite would drop the table to write it anew without the default, and with it the deliveries that refer to it.
    op.add_column("outbox_items", sa.Column("with_former_key", sa.Boolean(), nullable=False, server_default=sa.false()))


def _data_keys() -> None:
    with op.batch_alter_table("data_keys") as batch:
        batch.add_column(sa.Column("wrapped_by", sa.String(length=32), nullable=False, server_default=""))
        batch.add_column(sa.Column("made_on", sa.Date(), nullable=True))
        batch.add_column(sa.Column("retired_on", sa.Date(), nullable=True))
        batch.drop_constraint("uq_data_keys_scope", type_="unique")
    # A movement's key was made with the movement, the server's with the first actor.
    keys = sa.table("data_keys", sa.column("scope"), sa.column("made_on"))
    actors = sa.table("local_actors", sa.column("id"), sa.column("created_on", sa.Date()))
    of_movement = sa.select(actors.c.created_on).where(sa.literal("movement:").concat(actors.c.id) == keys.c.scope)
    first = sa.select(sa.func.min(actors.c.created_on)).correlate(None)
    known = sa.func.coalesce(of_movement.scalar_subquery(), first.scalar_subquery(), datetime.now(UTC).date())
    op.execute(keys.update().values(made_on=known))
    with op.batch_alter_table("data_keys") as batch:
        batch.alter_column("made_on", existing_type=sa.Date(), nullable=False)
        batch.alter_column("wrapped_by", existing_type=sa.String(length=32), server_default=None)
    current = sa.text("retired_on IS NULL")
    op.create_index(
        "ix_data_keys_scope_current",
        "data_keys",
        ["scope"],
        unique=True,
        sqlite_where=current,
        postgresql_where=current,
    )


def _local_actors() -> None:
    op.add_column(
        "local_actors", sa.Column("keys_made_on", sa.Date(), nullable=False, server_default=sa.text("'1970-01-01'"))
    )
    op.add_column(
        "local_actors", sa.Column("proof_key_number", sa.Integer(), nullable=False, server_default=sa.text("1"))
    )
    op.add_column("local_actors", sa.Column("former_multikey", sa.String(length=64), nullable=True))
    op.add_column("local_actors", sa.Column("former_until", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE local_actors SET keys_made_on = created_on")
    op.create_index("ix_local_actors_former_until", "local_actors", ["former_until"])


def downgrade() -> None:
    """Not offered: a backup is the way back."""
    raise NotImplementedError
