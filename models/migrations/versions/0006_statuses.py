"""Earlier versions, polls with votes, pins, bookmarks, muted threads, scheduled posts; keys of what was just done."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Applies the revision."""
    op.add_column("posts", sa.Column("pinned_at", sa.DateTime(timezone=True), nullable=True))
    _post_edits()
    _polls()
    _marks()
    _scheduled_posts()
    op.create_table(
        "idempotency_keys",
        sa.Column("key_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sealed_answer", sa.LargeBinary(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key_index", name=op.f("pk_idempotency_keys")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_idempotency_keys_expires_at", "idempotency_keys", ["expires_at"])


def _post_edits() -> None:
    op.create_table(
        "post_edits",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("post_id", sa.String(length=26), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.String(), nullable=True),
        sa.Column("sealed_document", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("document IS NULL OR sealed_document IS NULL", name="ck_post_edits_one_document"),
        sa.ForeignKeyConstraint(
            ["post_id"], ["posts.id"], name=op.f("fk_post_edits_post_id_posts"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_post_edits")),
    )
    op.create_index("ix_post_edits_post_id", "post_edits", ["post_id"])


def _polls() -> None:
    op.create_table(
        "polls",
        sa.Column("post_id", sa.String(length=26), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sealed_tally", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_polls_post_id_posts"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("post_id", name=op.f("pk_polls")),
    )
    op.create_index("ix_polls_ends_at", "polls", ["ends_at"])
    op.create_table(
        "votes",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("poll_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("voter_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sealed_record", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_votes")),
        sa.UniqueConstraint("poll_index", "voter_index", name=op.f("uq_votes_poll_index_voter_index")),
        sqlite_with_rowid=False,
    )
    for column in ("poll_index", "voter_index"):
        op.create_index(f"ix_votes_{column}", "votes", [column])


def _marks() -> None:
    op.create_table(
        "marks",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("owner_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("mark_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("subject_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sealed_record", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_marks")),
        sa.UniqueConstraint("number", name=op.f("uq_marks_number")),
        sa.UniqueConstraint("mark_index", name=op.f("uq_marks_mark_index")),
        sqlite_with_rowid=False,
    )
    for column in ("owner_index", "subject_index"):
        op.create_index(f"ix_marks_{column}", "marks", [column])


def _scheduled_posts() -> None:
    op.create_table(
        "scheduled_posts",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("owner_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed_record", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scheduled_posts")),
        sa.UniqueConstraint("number", name=op.f("uq_scheduled_posts_number")),
        sqlite_with_rowid=False,
    )
    for column in ("owner_index", "due_at"):
        op.create_index(f"ix_scheduled_posts_{column}", "scheduled_posts", [column])


def downgrade() -> None:
    """Not offered: a backup is the way back."""
    raise NotImplementedError
