"""Client programs, what people allowed them, and what organizers did with it."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Applies the revision."""
    op.create_table(
        "oauth_apps",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("website", sa.String(length=2_000), nullable=True),
        sa.Column("redirect_uris", sa.String(length=8_000), nullable=False),
        sa.Column("scopes", sa.String(length=2_000), nullable=False),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oauth_apps")),
    )
    op.create_index("ix_oauth_apps_made_on", "oauth_apps", ["made_on"])
    op.create_table(
        "oauth_codes",
        sa.Column("code_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sealed_grant", sa.LargeBinary(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_oauth_codes")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_oauth_codes_expires_at", "oauth_codes", ["expires_at"])
    op.create_table(
        "oauth_tokens",
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("app_id", sa.String(length=26), nullable=False),
        sa.Column("owner_index", sa.LargeBinary(length=16), nullable=True),
        sa.Column("speaker_index", sa.LargeBinary(length=16), nullable=True),
        sa.Column("sealed_grant", sa.LargeBinary(), nullable=False),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.Column("used_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id"], ["oauth_apps.id"], name=op.f("fk_oauth_tokens_app_id_oauth_apps"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_oauth_tokens")),
        sa.UniqueConstraint("id", name=op.f("uq_oauth_tokens_id")),
        sqlite_with_rowid=False,
    )
    for column in ("app_id", "owner_index", "speaker_index", "used_on"):
        op.create_index(f"ix_oauth_tokens_{column}", "oauth_tokens", [column])
    op.create_table(
        "audit_entries",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("actor_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sealed_record", sa.LargeBinary(), nullable=False),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entries")),
        sqlite_with_rowid=False,
    )
    for column in ("actor_index", "made_on"):
        op.create_index(f"ix_audit_entries_{column}", "audit_entries", [column])


def downgrade() -> None:
    """Not offered: a backup is the way back."""
    raise NotImplementedError
