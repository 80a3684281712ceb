"""Says why something may not be done. A policy returns a refusal; a service raises it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not, as a short plain sentence that may be shown to whoever asked. Names nobody.

    `missing`: because there is no such thing, or none that they may know of.
    """

    reason: str
    missing: bool = False


class Refused(ValueError):
    """Raised by a service when a policy said no; nothing was changed."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


def require(answer: Refusal | None) -> None:
    """Raises `Refused` when a policy's answer is a refusal."""
    if answer is not None:
        raise Refused(answer)
