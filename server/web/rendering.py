"""Renders templates with the headers that every page has."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi.responses import HTMLResponse

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).parent

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)

SECURITY_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
    "Cache-Control": "no-store",
    "Vary": "Accept",
}


def render(template: str, *, status: int = 200, forms_to: str | None = None, **values: Any) -> HTMLResponse:
    """A page. Values are text, escaped in the template; only sanitised HTML may be marked safe there.

    `forms_to` is the one other place, as a source of the policy, to which a form of this page may lead.
    """
    body = _environment().get_template(template).render(**values)
    headers = SECURITY_HEADERS
    if forms_to is not None:
        headers = headers | {"Content-Security-Policy": f"{_POLICY} {forms_to}"}
    return HTMLResponse(body, status_code=status, headers=headers)


@cache
def _environment() -> "Environment":
    # Here: other servers ask for no pages, and until a person does, the library is 2 MB for nothing.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    return Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
