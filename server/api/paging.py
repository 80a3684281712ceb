"""Pages of lists: what a client asks for, and the `Link` header that leads to the pages beside (RFC 8288)."""

from collections.abc import Sequence
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Request, Response
from pydantic import BeforeValidator

from federation.context import Context
from server.api.parameters import Given
from server.organizing.window import LONGEST, Window


def _number(value: object) -> object:
    """A client's id as a number; what is no number stands for nothing, as in Mastodon."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if 0 <= value < 2**63 else None
    is_number = isinstance(value, str) and value.isascii() and value.isdecimal() and int(value[:20]) < 2**63
    return int(str(value)) if is_number else None


Number = Annotated[int | None, BeforeValidator(_number)]


def _limit(value: object) -> object:
    number = _number(value)
    return None if not isinstance(number, int) or number < 1 else min(number, LONGEST)


class Paged(Given):
    """The parameters of every list that is paged by ids."""

    max_id: Number = None
    since_id: Number = None
    min_id: Number = None
    limit: Annotated[int | None, BeforeValidator(_limit)] = None

    def window(self, *, limit: int = 20) -> Window:
        """The part of the list; `limit` rows unless the client says otherwise."""
        return Window(self.limit or limit, self.max_id, self.since_id, self.min_id)


def link(response: Response, request: Request, context: Context, numbers: Sequence[int], *, more: bool) -> None:
    """Says where the pages beside these rows are; `numbers` newest first, `more` whether there is an older one."""
    if not numbers:
        return
    beside = [("prev", {"min_id": str(numbers[0])})]
    if more:
        beside.insert(0, ("next", {"max_id": str(numbers[-1])}))
    kept = [(name, value) for name, value in request.query_params.multi_items() if name not in _PLACES]
    base = f"{context.origin}{request.url.path}"
    links = [f'<{base}?{urlencode([*kept, *where.items()])}>; rel="{relation}"' for relation, where in beside]
    response.headers["Link"] = ", ".join(links)


_PLACES = ("max_id", "since_id", "min_id")
