"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Applies the revision."""
    op.create_table(
        "activity_tallies",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("verb", sa.String(length=32), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "verb", "outcome", name=op.f("pk_activity_tallies")),
    )
    op.create_table(
        "budgets",
        sa.Column("host", sa.String(length=253), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("spent", sa.Integer(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("host", "kind", name=op.f("pk_budgets")),
    )
    with op.batch_alter_table("budgets", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_budgets_ends_at"), ["ends_at"], unique=False)

    op.create_table(
        "data_keys",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_keys")),
        sa.UniqueConstraint("scope", name=op.f("uq_data_keys_scope")),
    )
    op.create_table(
        "domain_blocks",
        sa.Column("domain", sa.String(length=253), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_domain_blocks")),
    )
    op.create_table(
        "follows",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("follower_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("followee_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("activity_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sealed_edge", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_follows")),
        sa.UniqueConstraint("follower_index", "followee_index", name=op.f("uq_follows_follower_index_followee_index")),
    )
    with op.batch_alter_table("follows", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_follows_activity_index"), ["activity_index"], unique=False)
        batch_op.create_index(batch_op.f("ix_follows_followee_index"), ["followee_index"], unique=False)
        batch_op.create_index(batch_op.f("ix_follows_follower_index"), ["follower_index"], unique=False)

    op.create_table(
        "inbox_items",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("activity_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("host", sa.String(length=253), nullable=False),
        sa.Column("sealed_body", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delete_after", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox_items")),
        sa.UniqueConstraint("activity_index", name=op.f("uq_inbox_items_activity_index")),
    )
    with op.batch_alter_table("inbox_items", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_inbox_items_delete_after"), ["delete_after"], unique=False)
        batch_op.create_index("ix_inbox_items_state_due", ["state", "due"], unique=False)

    op.create_table(
        "local_actors",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("handle", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("summary", sa.String(length=20000), nullable=False),
        sa.Column("locked", sa.Boolean(), nullable=False),
        sa.Column("discoverable", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("public_key_pem", sa.String(length=2000), nullable=False),
        sa.Column("ed25519_multikey", sa.String(length=64), nullable=False),
        sa.Column("sealed_keys", sa.LargeBinary(), nullable=True),
        sa.Column("created_on", sa.Date(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_local_actors")),
        sa.UniqueConstraint("handle", name=op.f("uq_local_actors_handle")),
    )
    op.create_table(
        "memberships",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("group_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("member_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("activity_index", sa.LargeBinary(length=16), nullable=True),
        sa.Column("sealed_record", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_memberships")),
        sa.UniqueConstraint("group_index", "member_index", name=op.f("uq_memberships_group_index_member_index")),
    )
    with op.batch_alter_table("memberships", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_memberships_activity_index"), ["activity_index"], unique=False)
        batch_op.create_index(batch_op.f("ix_memberships_group_index"), ["group_index"], unique=False)
        batch_op.create_index(batch_op.f("ix_memberships_member_index"), ["member_index"], unique=False)

    op.create_table(
        "posts",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("local", sa.Boolean(), nullable=False),
        sa.Column("uri_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("author_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("group_index", sa.LargeBinary(length=16), nullable=True),
        sa.Column("parent_index", sa.LargeBinary(length=16), nullable=True),
        sa.Column("root_index", sa.LargeBinary(length=16), nullable=True),
        sa.Column("audience", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("document", sa.String(), nullable=True),
        sa.Column("sealed_document", sa.LargeBinary(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("document IS NULL OR sealed_document IS NULL", name="ck_posts_one_document"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_posts")),
        sa.UniqueConstraint("number", name=op.f("uq_posts_number")),
        sa.UniqueConstraint("uri_index", name=op.f("uq_posts_uri_index")),
    )
    with op.batch_alter_table("posts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_posts_author_index"), ["author_index"], unique=False)
        batch_op.create_index(batch_op.f("ix_posts_group_index"), ["group_index"], unique=False)
        batch_op.create_index(batch_op.f("ix_posts_parent_index"), ["parent_index"], unique=False)
        batch_op.create_index(batch_op.f("ix_posts_published_at"), ["published_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_posts_root_index"), ["root_index"], unique=False)

    op.create_table(
        "remote_actors",
        sa.Column("uri_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("handle_index", sa.LargeBinary(length=16), nullable=True),
        sa.Column("host", sa.String(length=253), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("sealed_document", sa.LargeBinary(), nullable=True),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("uri_index", name=op.f("pk_remote_actors")),
    )
    with op.batch_alter_table("remote_actors", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_remote_actors_fetched_at"), ["fetched_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_remote_actors_handle_index"), ["handle_index"], unique=False)
        batch_op.create_index(batch_op.f("ix_remote_actors_host"), ["host"], unique=False)

    op.create_table(
        "remote_hosts",
        sa.Column("host", sa.String(length=253), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_holder", sa.String(length=26), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("signature_spec", sa.String(length=16), nullable=True),
        sa.Column("spec_learned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("software", sa.String(length=100), nullable=True),
        sa.Column("speaks_groups", sa.Boolean(), nullable=False),
        sa.Column("last_seen_on", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_remote_hosts")),
    )
    with op.batch_alter_table("remote_hosts", schema=None) as batch_op:
        batch_op.create_index("ix_remote_hosts_due", ["due"], unique=False)

    op.create_table(
        "reports",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("activity_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("host", sa.String(length=253), nullable=False),
        sa.Column("sealed_record", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
        sa.UniqueConstraint("activity_index", name=op.f("uq_reports_activity_index")),
    )
    op.create_table(
        "server_settings",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.String(length=2000), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_server_settings")),
    )
    op.create_table(
        "tombstones",
        sa.Column("index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("index", name=op.f("pk_tombstones")),
    )
    with op.batch_alter_table("tombstones", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tombstones_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "movements",
        sa.Column("actor_id", sa.String(), nullable=False),
        sa.Column("posture", sa.String(length=16), nullable=False),
        sa.Column("topics", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(["actor_id"], ["local_actors.id"], name=op.f("fk_movements_actor_id_local_actors")),
        sa.PrimaryKeyConstraint("actor_id", name=op.f("pk_movements")),
    )
    op.create_table(
        "outbox_items",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("sender_id", sa.String(), nullable=False),
        sa.Column("sealed_payload", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["sender_id"], ["local_actors.id"], name=op.f("fk_outbox_items_sender_id_local_actors")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_items")),
    )
    op.create_table(
        "people",
        sa.Column("actor_id", sa.String(), nullable=False),
        sa.Column("passphrase_hash", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["actor_id"], ["local_actors.id"], name=op.f("fk_people_actor_id_local_actors")),
        sa.PrimaryKeyConstraint("actor_id", name=op.f("pk_people")),
    )
    op.create_table(
        "reactions",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("post_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("local", sa.Boolean(), nullable=False),
        sa.Column("actor_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("activity_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sealed_record", sa.LargeBinary(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_reactions_post_id_posts"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reactions")),
        sa.UniqueConstraint("number", name=op.f("uq_reactions_number")),
        sa.UniqueConstraint("post_id", "kind", "actor_index", name=op.f("uq_reactions_post_id_kind_actor_index")),
    )
    with op.batch_alter_table("reactions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reactions_activity_index"), ["activity_index"], unique=False)
        batch_op.create_index(batch_op.f("ix_reactions_actor_index"), ["actor_index"], unique=False)
        batch_op.create_index(batch_op.f("ix_reactions_post_id"), ["post_id"], unique=False)

    op.create_table(
        "remote_keys",
        sa.Column("key_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("owner_index", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["owner_index"],
            ["remote_actors.uri_index"],
            name=op.f("fk_remote_keys_owner_index_remote_actors"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("key_index", name=op.f("pk_remote_keys")),
    )
    with op.batch_alter_table("remote_keys", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_remote_keys_owner_index"), ["owner_index"], unique=False)

    op.create_table(
        "circles",
        sa.Column("actor_id", sa.String(), nullable=False),
        sa.Column("movement_id", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["actor_id"], ["local_actors.id"], name=op.f("fk_circles_actor_id_local_actors")),
        sa.ForeignKeyConstraint(["movement_id"], ["movements.actor_id"], name=op.f("fk_circles_movement_id_movements")),
        sa.PrimaryKeyConstraint("actor_id", name=op.f("pk_circles")),
        sa.UniqueConstraint("movement_id", "purpose", name=op.f("uq_circles_movement_id_purpose")),
    )
    with op.batch_alter_table("circles", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_circles_movement_id"), ["movement_id"], unique=False)

    op.create_table(
        "deliveries",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("item_id", sa.String(length=26), nullable=False),
        sa.Column("host", sa.String(length=253), nullable=False),
        sa.Column("sealed_inbox", sa.LargeBinary(), nullable=False),
        sa.Column("order_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("synchronize_followers", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delete_after", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["item_id"], ["outbox_items.id"], name=op.f("fk_deliveries_item_id_outbox_items"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_deliveries")),
    )
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.create_index("ix_deliveries_host_state_due", ["host", "state", "due"], unique=False)
        batch_op.create_index(batch_op.f("ix_deliveries_item_id"), ["item_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_deliveries_order_index"), ["order_index"], unique=False)


def downgrade() -> None:
    """Takes the revision back."""
    with op.batch_alter_table("deliveries", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_deliveries_order_index"))
        batch_op.drop_index(batch_op.f("ix_deliveries_item_id"))
        batch_op.drop_index("ix_deliveries_host_state_due")

    op.drop_table("deliveries")
    with op.batch_alter_table("circles", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_circles_movement_id"))

    op.drop_table("circles")
    with op.batch_alter_table("remote_keys", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_remote_keys_owner_index"))

    op.drop_table("remote_keys")
    with op.batch_alter_table("reactions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_reactions_post_id"))
        batch_op.drop_index(batch_op.f("ix_reactions_actor_index"))
        batch_op.drop_index(batch_op.f("ix_reactions_activity_index"))

    op.drop_table("reactions")
    op.drop_table("people")
    op.drop_table("outbox_items")
    op.drop_table("movements")
    with op.batch_alter_table("tombstones", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_tombstones_expires_at"))

    op.drop_table("tombstones")
    op.drop_table("server_settings")
    op.drop_table("reports")
    with op.batch_alter_table("remote_hosts", schema=None) as batch_op:
        batch_op.drop_index("ix_remote_hosts_due")

    op.drop_table("remote_hosts")
    with op.batch_alter_table("remote_actors", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_remote_actors_host"))
        batch_op.drop_index(batch_op.f("ix_remote_actors_handle_index"))
        batch_op.drop_index(batch_op.f("ix_remote_actors_fetched_at"))

    op.drop_table("remote_actors")
    with op.batch_alter_table("posts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_posts_root_index"))
        batch_op.drop_index(batch_op.f("ix_posts_published_at"))
        batch_op.drop_index(batch_op.f("ix_posts_parent_index"))
        batch_op.drop_index(batch_op.f("ix_posts_group_index"))
        batch_op.drop_index(batch_op.f("ix_posts_author_index"))

    op.drop_table("posts")
    with op.batch_alter_table("memberships", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_memberships_member_index"))
        batch_op.drop_index(batch_op.f("ix_memberships_group_index"))
        batch_op.drop_index(batch_op.f("ix_memberships_activity_index"))

    op.drop_table("memberships")
    op.drop_table("local_actors")
    with op.batch_alter_table("inbox_items", schema=None) as batch_op:
        batch_op.drop_index("ix_inbox_items_state_due")
        batch_op.drop_index(batch_op.f("ix_inbox_items_delete_after"))

    op.drop_table("inbox_items")
    with op.batch_alter_table("follows", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_follows_follower_index"))
        batch_op.drop_index(batch_op.f("ix_follows_followee_index"))
        batch_op.drop_index(batch_op.f("ix_follows_activity_index"))

    op.drop_table("follows")
    op.drop_table("domain_blocks")
    op.drop_table("data_keys")
    with op.batch_alter_table("budgets", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_budgets_ends_at"))

    op.drop_table("budgets")
    op.drop_table("activity_tallies")
