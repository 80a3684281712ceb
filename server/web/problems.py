"""The page for whatever went wrong: what, and what to do next, and nothing about anybody."""

from starlette.responses import Response

from server.web.rendering import render

_TITLES = {400: "That did not work", 404: "Not here", 405: "Not possible here", 410: "No longer here"}


def page(status: int, detail: str) -> Response:
    """A problem page with its status."""
    return render("problem.html", status=status, title=_TITLES.get(status, "Something went wrong"), detail=detail)
