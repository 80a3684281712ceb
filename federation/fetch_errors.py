"""How a fetch can fail. The messages hold no address and nothing of the answer."""

from typing import Self


class FetchFailed(Exception):
    """The document cannot be had, or is not what it has to be.

    `status` is that of the answer, None when there was none. `gone`: its own origin says so with 410. `transient`:
    it may be had later, because nobody answered, or the server was busy or had a problem of its own. `ours`: it was
    not asked for, because we have too much under way; nothing is remembered of that. `counted`: it is on its server's
    account already, however many fetches it makes fail.
    """

    def __init__(
        self,
        reason: str,
        *,
        status: int | None = None,
        gone: bool = False,
        transient: bool = False,
        ours: bool = False,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.gone = gone
        self.transient = transient
        self.ours = ours
        self.counted = False

    def repeated(self) -> Self:
        """The same failure again, without its history."""
        return type(self)(self.reason, status=self.status, gone=self.gone, transient=self.transient, ours=self.ours)


class NotFound(FetchFailed):
    """Nobody goes by this handle or address."""


class Suspended(FetchFailed):
    """The actor is suspended here."""
