"""Activities to many followers get their deliveries a part at a time."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Applies the revision."""
    op.create_table(
        "fanouts",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("item_id", sa.String(length=26), nullable=False),
        sa.Column("about_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sealed_job", sa.LargeBinary(), nullable=False),
        sa.Column("done_up_to", sa.LargeBinary(length=16), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["item_id"], ["outbox_items.id"], name=op.f("fk_fanouts_item_id_outbox_items"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_fanouts")),
    )
    op.create_index("ix_fanouts_item_id", "fanouts", ["item_id"])
    op.create_index("ix_fanouts_about_index", "fanouts", ["about_index"])
    op.create_index("ix_follows_followee_index_host_index", "follows", ["followee_index", "host_index"])


def downgrade() -> None:
    """Not offered: a backup is the way back."""
    raise NotImplementedError
