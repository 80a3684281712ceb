"""What a text can point at: people it mentions and the topics it names."""

from dataclasses import dataclass

from federation.vocabulary import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A person or group mentioned. `href` is the actor id, `name` is `@user@host`; `url` a page for people."""

    href: str
    name: str
    url: str | None = None

    def document(self) -> Document:
        """The tag as sent (WIRE 5.3)."""
        return {"type": "Mention", "href": self.href, "name": self.name}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hashtag:
    """A topic. `name` has no `#`; `href` is the page that lists it (FEP-eb48)."""

    name: str
    href: str

    def document(self) -> Document:
        """The tag as sent."""
        return {"type": "Hashtag", "href": self.href, "name": f"#{self.name}"}
