"""What actors keep for themselves, and the rows of their profiles."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Applies the revision."""
    op.add_column("local_actors", sa.Column("fields", sa.String(length=8_000), nullable=False, server_default="[]"))
    op.create_table(
        "personal_records",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("shelf_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("about_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sealed_record", sa.LargeBinary(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_personal_records")),
        sa.UniqueConstraint("shelf_index", "about_index", name=op.f("uq_personal_records_shelf_index_about_index")),
        sqlite_with_rowid=False,
    )
    for column in ("shelf_index", "about_index", "expires_on"):
        op.create_index(f"ix_personal_records_{column}", "personal_records", [column])


def downgrade() -> None:
    """Not offered: a backup is the way back."""
    raise NotImplementedError
