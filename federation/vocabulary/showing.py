"""Turns any kind of post into the one piece of HTML that a timeline shows. All of it sanitised."""

from html import escape

from federation.vocabulary import Document
from federation.vocabulary.attachments import parse_links
from federation.vocabulary.documents import clean_line, is_uri, listed, moment_of, text_of
from federation.vocabulary.html import paragraphs, sanitize

MAX_LINE = 500
_MESSAGES = frozenset({"Note", "Question", "ChatMessage"})


def shown_content(document: Document, *, kind: str, name: str | None, url: str) -> str:
    """The content of a message; of anything else its title, when and where, its text or else its summary, the links
    it is about, and a link to the page at its own server."""
    body = _body(document, "content")
    if kind in _MESSAGES:
        return body
    parts = [
        f"<p><strong>{escape(name)}</strong></p>" if name else "",
        _when_and_where(document) if kind == "Event" else "",
        body or _body(document, "summary"),
        *(_link(href) for href in parse_links(document)),
        _link(url),
    ]
    return sanitize("".join(parts))


def _body(document: Document, key: str) -> str:
    text = text_of(document, key) or ""
    # PeerTube sends Markdown: shown as it is written. A summary has no media type of its own.
    if key == "content" and document.get("mediaType") in ("text/markdown", "text/plain"):
        text = paragraphs(text)
    return sanitize(text)


def options_list(options: tuple[str, ...]) -> str:
    """The options of a poll as a list, for pages."""
    return sanitize("<ul>" + "".join(f"<li>{escape(option)}</li>" for option in options) + "</ul>") if options else ""


def _link(href: str) -> str:
    return f'<p><a href="{escape(href)}">{escape(href)}</a></p>'


def _when_and_where(document: Document) -> str:
    """The start as the organiser wrote it, its own offset kept: whoever comes needs the local time of the place."""
    written = document.get("startTime")
    start = written[:16].replace("T", " ") if isinstance(written, str) and moment_of(written) else None
    place = _place(listed(document.get("location")))
    line = " · ".join(text for text in (start, place) if text)
    return f"<p>{escape(line)}</p>" if line else ""


def _place(locations: list[object]) -> str:
    for location in locations:
        if isinstance(location, str):
            return "" if is_uri(location) else clean_line(location, limit=MAX_LINE)
        if isinstance(location, dict):
            address = location.get("address")
            parts = [location.get("name")]
            if isinstance(address, dict):
                parts += [address.get(key) for key in ("streetAddress", "postalCode", "addressLocality")]
            else:
                parts.append(address)
            texts = [clean_line(part, limit=MAX_LINE) for part in parts if isinstance(part, str)]
            return ", ".join(text for text in texts if text)[:MAX_LINE]
    return ""
