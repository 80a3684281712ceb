"""Rows keep no order and no company: what strangers send gets a day to go, and two tables say nothing side by side.

Followers and members are found by their server; the indexes of rows that are there already need the key, and are
filled at the next start.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ACTORS, POSTS, TOMBSTONES = timedelta(days=30), timedelta(days=180), timedelta(days=30)
"""After how long each is looked at."""


def upgrade() -> None:
    """Applies the revision."""
    _index_hosts("follows")
    _index_hosts("memberships")
    _review_actors()
    _review_posts()
    _thin_inbox_items()
    _blind_budgets()
    for table in ("tombstones", "remote_hosts"):
        with _unordered(table):
            pass
    op.create_table(
        "departures",
        sa.Column("place_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("actor_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sealed_record", sa.LargeBinary(), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delete_after", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("place_index", name=op.f("pk_departures")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_departures_actor_index", "departures", ["actor_index"])
    op.create_index("ix_departures_delete_after", "departures", ["delete_after"])


@contextmanager
def _unordered(table: str) -> Iterator[BatchOperations]:
    """On SQLite the table is written anew, without the hidden number that counts rows as they come."""
    if op.get_bind().dialect.name == "sqlite":
        options = {"recreate": "always", "table_kwargs": {"sqlite_with_rowid": False}}
    else:
        options = {"recreate": "never"}
    with op.batch_alter_table(table, **options) as batch:  # type: ignore[arg-type]
        yield batch


def _index_hosts(table: str) -> None:
    with _unordered(table) as batch:
        batch.add_column(sa.Column("host_index", sa.LargeBinary(length=16), nullable=True))
        batch.create_index(f"ix_{table}_host_index", ["host_index"])


def _review_actors() -> None:
    # Writing remote_actors anew would drop the keys that refer to it.
    op.execute("CREATE TEMPORARY TABLE kept_keys AS SELECT * FROM remote_keys")
    with _unordered("remote_actors") as batch:
        batch.add_column(sa.Column("review_on", sa.Date(), nullable=True))
        batch.create_index("ix_remote_actors_review_on", ["review_on"])
        batch.drop_index("ix_remote_actors_host")
        batch.drop_column("host")
    op.execute(sa.table("remote_actors", sa.column("review_on", sa.Date())).update().values(review_on=_day(ACTORS)))
    with _unordered("remote_actors") as batch:
        batch.alter_column("review_on", existing_type=sa.Date(), nullable=False)
    op.execute("DELETE FROM remote_keys")
    with _unordered("remote_keys"):
        pass
    op.execute("INSERT INTO remote_keys SELECT * FROM kept_keys")
    op.execute("DROP TABLE kept_keys")


def _review_posts() -> None:
    op.add_column("posts", sa.Column("review_on", sa.Date(), nullable=True))
    op.add_column("posts", sa.Column("domain_index", sa.LargeBinary(length=16), nullable=True))
    op.create_index("ix_posts_review_on", "posts", ["review_on"])
    op.create_index("ix_posts_domain_index", "posts", ["domain_index"])
    dated, local = sa.column("review_on", sa.Date()), sa.column("local", sa.Boolean())
    posts = sa.table("posts", dated, local, sa.column("deleted_at", sa.DateTime()))
    for day, those in ((POSTS, posts.c.deleted_at.is_(None)), (TOMBSTONES, posts.c.deleted_at.is_not(None))):
        op.execute(posts.update().where(sa.not_(posts.c.local), those).values(review_on=_day(day)))


def _thin_inbox_items() -> None:
    with op.batch_alter_table("inbox_items") as batch:
        batch.add_column(sa.Column("domain", sa.String(length=253), nullable=False, server_default=""))
        batch.add_column(sa.Column("size", sa.Integer(), nullable=False, server_default="0"))
    op.execute("UPDATE inbox_items SET domain = host, size = length(sealed_body) WHERE sealed_body IS NOT NULL")
    moments = ("received_at", "due", "delete_after")
    items = sa.table("inbox_items", sa.column("host"), sa.column("state"), *map(sa.column, moments))
    rounded = {name: _midnight(items.c[name]) for name in moments}
    op.execute(items.update().where(items.c.state == "done").values(host="", **rounded))
    with op.batch_alter_table("inbox_items") as batch:
        batch.alter_column("domain", existing_type=sa.String(length=253), server_default=None)
        batch.alter_column("size", existing_type=sa.Integer(), server_default=None)
        batch.create_index("ix_inbox_items_domain_state", ["domain", "state", "size"])


def _midnight(moment: "sa.ColumnElement[str]") -> "sa.ColumnElement[str]":
    if op.get_bind().dialect.name == "sqlite":
        return sa.func.substr(moment, 1, 10).concat(" 00:00:00.000000")
    return sa.func.date_trunc("day", moment, "UTC")


def _blind_budgets() -> None:
    # Counts of at most a day, which begin again.
    op.drop_table("budgets")
    op.create_table(
        "budgets",
        sa.Column("index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("spent", sa.Integer(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("index", name=op.f("pk_budgets")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_budgets_ends_at", "budgets", ["ends_at"])


def _day(after: timedelta) -> date:
    return (datetime.now(UTC) + after).date()


def downgrade() -> None:
    """Not offered: a backup is the way back."""
    raise NotImplementedError
