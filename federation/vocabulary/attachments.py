"""Media that hang on a post: taken from strangers by address only, never fetched here."""

import re
from dataclasses import dataclass

from federation.vocabulary import Document
from federation.vocabulary.actors import media_url
from federation.vocabulary.documents import clean_text, is_uri, listed, text_of

MAX_ATTACHMENTS = 16
MAX_DESCRIPTION = 10_000
MAX_PIXELS = 100_000
_MEDIA_TYPE = re.compile(r"(?:image|audio|video|application|text|font|model)/[a-z0-9][a-z0-9.+-]{0,80}")
_FAMILIES = {"Image": "image/*", "Audio": "audio/*", "Video": "video/*"}
_BLURHASH = re.compile(r"[0-9A-Za-z#$%*+,\-.:;=?@\[\]^_{|}~]{6,60}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A picture, sound, film or file. `media_type` is like `image/*` where only the family is known, and
    `application/octet-stream` where nothing is. `description` is plain text for those who cannot see or hear it."""

    url: str
    media_type: str
    description: str = ""
    width: int | None = None
    height: int | None = None
    blurhash: str | None = None
    focus: tuple[float, float] | None = None
    """The point that matters, from the middle: each part from -1 to 1."""

    def document(self) -> Document:
        """The attachment as sent (WIRE 5.6)."""
        kind = "Image" if self.media_type.startswith("image/") else "Document"
        optional = {
            "width": self.width,
            "height": self.height,
            "blurhash": self.blurhash,
            "focalPoint": None if self.focus is None else list(self.focus),
        }
        document: Document = {
            "type": kind,
            "mediaType": self.media_type,
            "url": self.url,
            "name": self.description or None,
        }
        return document | {key: value for key, value in optional.items() if value is not None}


def parse_attachments(document: Document) -> tuple[Attachment, ...]:
    """The media of a post, at most 16: its attachments, then what an `Image`, `Audio` or `Video` itself consists of."""
    candidates = [item for item in listed(document.get("attachment")) if isinstance(item, dict)]
    candidates += [{**document, **link} for link in listed(document.get("url")) if _is_media(link)]
    found: dict[str, Attachment] = {}
    for item in candidates:
        attachment = _attachment(item)
        if attachment and len(found) < MAX_ATTACHMENTS:
            found.setdefault(attachment.url, attachment)
    return tuple(found.values())


def parse_links(document: Document) -> tuple[str, ...]:
    """The addresses of attachments that are links and not media: what a Lemmy post is about."""
    links = [item for item in listed(document.get("attachment")) if isinstance(item, dict)]
    hrefs = (item.get("href") for item in links if "Link" in listed(item.get("type")))
    return tuple(href for href in hrefs if isinstance(href, str) and is_uri(href))[:MAX_ATTACHMENTS]


def _is_media(link: object) -> bool:
    return isinstance(link, dict) and str(link.get("mediaType")).startswith(("image/", "audio/", "video/"))


def _attachment(item: Document) -> Attachment | None:
    types = listed(item.get("type"))
    media_type = item.get("mediaType")
    if not isinstance(media_type, str) or not _MEDIA_TYPE.fullmatch(media_type):
        media_type = next((_FAMILIES[name] for name in types if name in _FAMILIES), None)
    address = media_url(item.get("href") or item.get("url"))
    if address is None or ("Link" in types and not _is_media(item)):
        return None
    # GoToSocial puts the description into `summary`.
    description = text_of(item, "name") or text_of(item, "summary") or ""
    blurhash = item.get("blurhash")
    return Attachment(
        url=address,
        media_type=media_type or "application/octet-stream",
        description=clean_text(description, limit=MAX_DESCRIPTION),
        width=_pixels(item.get("width")),
        height=_pixels(item.get("height")),
        blurhash=blurhash if isinstance(blurhash, str) and _BLURHASH.fullmatch(blurhash) else None,
        focus=_focus(item.get("focalPoint")),
    )


def _focus(value: object) -> tuple[float, float] | None:
    if not isinstance(value, list) or len(value) != 2:
        return None
    parts = [part for part in value if isinstance(part, int | float) and not isinstance(part, bool) and -1 <= part <= 1]
    return (float(parts[0]), float(parts[1])) if len(parts) == 2 else None


def _pixels(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MAX_PIXELS else None
