"""Notifications and how they are wanted, direct conversations, and Web Push."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Applies the revision."""
    _notifications()
    _conversations()
    _pushes()


def _notifications() -> None:
    op.create_table(
        "notifications",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("receiver_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("sender_index", sa.LargeBinary(length=16), nullable=True),
        sa.Column("post_index", sa.LargeBinary(length=16), nullable=True),
        sa.Column("deed_index", sa.LargeBinary(length=16), nullable=True),
        sa.Column("sealed_record", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
        sa.UniqueConstraint("receiver_index", "number", name=op.f("uq_notifications_receiver_index_number")),
        sa.UniqueConstraint("receiver_index", "deed_index", name=op.f("uq_notifications_receiver_index_deed_index")),
        sqlite_with_rowid=False,
    )
    for column in ("number", "sender_index", "post_index"):
        op.create_index(f"ix_notifications_{column}", "notifications", [column])
    op.create_table(
        "notification_policies",
        sa.Column("receiver_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sealed_record", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("receiver_index", name=op.f("pk_notification_policies")),
        sqlite_with_rowid=False,
    )


def _conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("owner_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("thread_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("sealed_record", sa.LargeBinary(), nullable=False),
        sa.Column("quiet_since", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
        sa.UniqueConstraint("thread_index", name=op.f("uq_conversations_thread_index")),
        sa.UniqueConstraint("owner_index", "number", name=op.f("uq_conversations_owner_index_number")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_conversations_quiet_since", "conversations", ["quiet_since"])


def _pushes() -> None:
    op.create_table(
        "push_subscriptions",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("owner_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sealed_record", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["token_hash"],
            ["oauth_tokens.token_hash"],
            name=op.f("fk_push_subscriptions_token_hash_oauth_tokens"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_push_subscriptions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_push_subscriptions_token_hash")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_push_subscriptions_owner_index", "push_subscriptions", ["owner_index"])
    op.create_table(
        "push_messages",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("subscription_id", sa.String(length=26), nullable=False),
        sa.Column("sealed_record", sa.LargeBinary(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["push_subscriptions.id"],
            name=op.f("fk_push_messages_subscription_id_push_subscriptions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_push_messages")),
        sqlite_with_rowid=False,
    )
    for column in ("subscription_id", "due", "expires_at"):
        op.create_index(f"ix_push_messages_{column}", "push_messages", [column])
    op.create_table(
        "vapid_keys",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("public_key", sa.String(length=100), nullable=False),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vapid_keys")),
    )


def downgrade() -> None:
    """Not offered: a backup is the way back."""
    raise NotImplementedError
