"""Pictures: what is uploaded, and what actors look like."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Applies the revision."""
    op.create_table(
        "media",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("owner_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("post_id", sa.String(length=26), nullable=True),
        sa.Column("sealed_record", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_media_post_id_posts"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media")),
        sqlite_with_rowid=False,
    )
    for column in ("owner_index", "post_id", "expires_at"):
        op.create_index(f"ix_media_{column}", "media", [column])
    for column in ("picture_id", "banner_id"):
        op.add_column("local_actors", sa.Column(column, sa.String(length=26), nullable=True))


def downgrade() -> None:
    """Not offered: a backup is the way back."""
    raise NotImplementedError
