"""Who sees which post: the one rule, applied by this noun's queries and nowhere else. In doubt, it hides."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, or_, true
from sqlmodel import col

from federation import follows
from federation.context import Context, Viewer
from models import LocalActor, Post
from server.organizing.membership import records as memberships
from server.organizing.membership.records import Way
from server.organizing.membership.states import State
from server.organizing.posts.content import OPEN, Audience
from server.organizing.posts.records import StoredPost, author_index, author_indexes, group_index
from server.organizing.relations.silence import NONE, Silence, Where, silence_of


@dataclass(frozen=True, slots=True)
class Sight:
    """What one viewer may see, as blind indexes: looked up once, then a condition of a query.

    `sources` are the actors it follows and the groups it belongs to, by their ids; `authors` the same as indexes of
    those whose posts for followers reach it, `groups` as indexes of the circles. Of whom `silence` covers, nothing is
    shown; `unheard` are the same as indexes.
    """

    viewer: str | None = None
    sources: frozenset[str] = frozenset()
    own: frozenset[bytes] = frozenset()
    authors: frozenset[bytes] = frozenset()
    groups: frozenset[bytes] = frozenset()
    silence: Silence = NONE
    unheard: frozenset[bytes] = frozenset()

    def condition(self) -> ColumnElement[bool]:
        """What of many posts the viewer sees, others' direct posts apart: to whom those go is sealed, see `shows`.

        Posts of domains that the viewer shut out are among them: those too are left to `shows`.
        """
        heard = col(Post.author_index).not_in(self.unheard) if self.unheard else true()
        if self.viewer is None:
            return and_(self.open_condition(), heard)
        return and_(heard, self._reach())

    def _reach(self) -> ColumnElement[bool]:
        return or_(
            self.open_condition(),
            col(Post.author_index).in_(self.own),
            and_(col(Post.audience) == Audience.FOLLOWERS, col(Post.author_index).in_(self.authors)),
            and_(col(Post.audience) == Audience.CIRCLE, col(Post.group_index).in_(self.groups)),
        )

    @staticmethod
    def open_condition() -> ColumnElement[bool]:
        """What anybody sees."""
        return col(Post.audience).in_(OPEN)

    def shows(self, post: StoredPost) -> bool:
        """Whether the viewer may see an opened post. The last word on every post that leaves this noun.

        A mention gives nothing by itself: what counts is to be addressed, or to have it in one's own inbox (B15).
        """
        if post.row.deleted_at is not None or self.silence.covers(post.content.author):
            return False
        if post.audience.is_open:
            return True
        if self.viewer is None:
            return False
        if post.content.author == self.viewer or self.viewer in post.content.named:
            return True
        if post.audience is Audience.FOLLOWERS:
            return post.row.author_index in self.authors
        return post.audience is Audience.CIRCLE and post.row.group_index in self.groups

    def shown(self, posts: Iterable[StoredPost]) -> list[StoredPost]:
        """Those of several that the viewer may see."""
        return [post for post in posts if self.shows(post)]


def as_viewer(context: Context, actor: LocalActor | None) -> Viewer:
    """A local actor, or nobody, as a viewer."""
    if actor is None:
        return Viewer()
    return Viewer(context.origin.actor(actor.id), context.origin.domain)


async def sight_of(context: Context, viewer: Viewer, where: Where = Where.EVERYWHERE) -> Sight:
    """What a viewer may see: three queries, none for nobody. Only what was accepted counts (HOSTILE B4).

    In timelines, without those whom the viewer muted.
    """
    if viewer.actor is None:
        return Sight()
    silence = await silence_of(context, viewer.actor, where)
    followed = await follows.following_of(context, viewer.actor)
    joined = await memberships.of_member(context, viewer.actor, state=State.ACTIVE)
    sources = {edge.followee for edge in followed} | {record.group for record in joined}
    return Sight(
        viewer=viewer.actor,
        sources=frozenset(sources),
        own=frozenset(author_indexes(context, [viewer.actor])),
        authors=frozenset(author_index(context, source, Audience.FOLLOWERS) for source in sources),
        groups=frozenset(group_index(context, record.group) for record in joined),
        silence=silence,
        unheard=frozenset(author_indexes(context, silence.actors)),
    )


async def open_sight_of(context: Context, viewer: Viewer) -> Sight:
    """What a viewer sees in a timeline of public posts: what anybody does, but for those who are not heard."""
    silence = await silence_of(context, viewer.actor, Where.TIMELINES)
    return Sight(silence=silence, unheard=frozenset(author_indexes(context, silence.actors)))


async def server_has_copy(context: Context, viewer: Viewer, post: StoredPost) -> bool:
    """Whether the signer's server was sent this post of ours because somebody there follows or belongs (WIRE 5.17).

    Such a server fetches with its own actor. Never true for ourselves: one local actor is not another.
    """
    if viewer.host is None or viewer.actor is None or context.origin.owns(viewer.actor):
        return False
    author = post.content.author
    if post.audience is Audience.FOLLOWERS:
        return await follows.has_followers_on(context, author, viewer.host)
    if post.audience is Audience.CIRCLE:
        members = await memberships.on_host(context, author, viewer.host)
        return any(member.state is State.ACTIVE and member.way in _FOLLOWING for member in members)
    return False


_FOLLOWING = (Way.FOLLOW, Way.JOIN, Way.INVITE)
"""Ways in by which posts reach the member's server; there, it holds the keys of all its actors anyway."""
