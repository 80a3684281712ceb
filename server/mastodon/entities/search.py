"""What a search finds."""

from server.mastodon.entities.account import Account
from server.mastodon.entities.base import Entity
from server.mastodon.entities.status import Status
from server.mastodon.entities.tag import FullTag


class Found(Entity):
    """Of each kind, what was found."""

    accounts: list[Account] = []
    statuses: list[Status] = []
    hashtags: list[FullTag] = []
