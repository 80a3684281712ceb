"""What somebody chose to have in their home: whose boosts, which languages and hashtags, what rather in a list."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, false, or_
from sqlmodel import col

from federation.context import Context
from models import Post
from server.organizing.following import options
from server.organizing.lists.queries import OwnList, read
from server.organizing.personal import records
from server.organizing.personal.records import Kind
from server.organizing.posts.content import Audience
from server.organizing.posts.records import StoredPost


@dataclass(frozen=True, slots=True)
class Choices:
    """By ids of actors. `elsewhere` are those on exclusive lists, `tags` are followed, in lower case."""

    without_boosts: frozenset[str] = frozenset()
    languages: Mapping[str, frozenset[str]] = field(default_factory=dict)
    elsewhere: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()

    def wants(self, post: StoredPost) -> bool:
        """Whether a post is in a language that was chosen for its author; what names none is in any."""
        chosen, language = self.languages.get(post.content.author), post.content.language
        return not chosen or not language or language.partition("-")[0].lower() in chosen


async def choices_of(context: Context, actor: str) -> Choices:
    """What an actor chose, by its id: one query."""
    found = await records.all_of(context, actor, Kind.FOLLOWING, Kind.LIST, Kind.FOLLOWED_TAG)
    followed = {kept.about: options.read(kept) for kept in found if kept.kind is Kind.FOLLOWING}
    lists = [read(kept) for kept in found if kept.kind is Kind.LIST]
    return Choices(
        without_boosts=frozenset(uri for uri, how in followed.items() if not how.boosts),
        languages={uri: frozenset(how.languages) for uri, how in followed.items() if how.languages},
        elsewhere=_exclusive(lists),
        tags=frozenset(kept.about for kept in found if kept.kind is Kind.FOLLOWED_TAG),
    )


def is_tagged(tags: frozenset[str]) -> ColumnElement[bool]:
    """The condition that a public post bears one of these hashtags, going by its text; `bears` has the last word."""
    tagged = [col(Post.document).icontains(f'"{tag}"', autoescape=True) for tag in sorted(tags)]
    return (col(Post.audience) == Audience.PUBLIC) & or_(false(), *tagged)


def bears(post: StoredPost, tags: frozenset[str]) -> bool:
    """Whether a post is public and bears one of these hashtags."""
    return post.audience is Audience.PUBLIC and any(tag.lower() in tags for tag in post.content.hashtags)


def _exclusive(lists: list[OwnList]) -> frozenset[str]:
    return frozenset(member for own in lists if own.exclusive for member in own.members)
